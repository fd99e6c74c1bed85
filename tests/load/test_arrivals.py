"""When calls begin, whoever makes them."""

import pytest

from bridge.load.arrivals import arriving, target
from bridge.load.plan import Constant, Plan, Poisson, Ramp, Steps

URL = "ws://127.0.0.1:1/"


def plan(arrivals: Constant | Ramp | Poisson | Steps, seed: int = 0) -> Plan:
    return Plan(url=URL, arrivals=arrivals, duration_s=100, seed=seed)


def test_constant_comes_at_its_rate_and_stays() -> None:
    constant = plan(Constant(streams=30, per_s=10))
    assert [target(constant, at_s) for at_s in (0, 0.5, 1, 2.95, 50)] == [
        1,
        6,
        11,
        30,
        30,
    ]


def test_ramp_goes_up_over_the_whole_run() -> None:
    ramp = plan(Ramp(first=10, last=110))
    assert [target(ramp, at_s) for at_s in (0, 25, 50, 100)] == [10, 35, 60, 110]


def test_steps_climb_at_their_rate() -> None:
    steps = plan(Steps(first=10, step=20, last=40, hold_s=10, per_s=10))
    assert target(steps, 5) == 10
    assert target(steps, 10.5) == 16
    assert target(steps, 19) == 30
    assert target(steps, 29) == 40


@pytest.mark.parametrize("places", [1, 2, 3, 7])
def test_workers_together_make_all_calls(places: int) -> None:
    constant = plan(Constant(streams=20, per_s=1000))
    shares = [arriving(constant, place, places) for place in range(places)]
    assert sum(share.due(1.0, 0) for share in shares) == 20
    assert max(share.due(1.0, 0) for share in shares) <= 20 // places + 1


def test_who_hangs_up_is_replaced() -> None:
    share = arriving(plan(Constant(streams=10)), 0, 1)
    assert share.due(50.0, 10) == 0
    assert share.due(50.0, 7) == 3


def test_who_is_hung_up_on_at_once_is_not_replaced_without_end() -> None:
    share = arriving(plan(Constant(streams=10, per_s=5)), 0, 1)
    begun = sum(share.due(at_s / 50, 0) for at_s in range(500))
    assert 45 < begun < 60


@pytest.mark.parametrize("places", [1, 3])
def test_poisson_calls_come_however_many_live(places: int) -> None:
    """As many as the rate says, more or less, and shared without a rest."""
    random = plan(Poisson(calls_per_s=5.0))
    shares = [arriving(random, place, places) for place in range(places)]
    counts = [
        sum(share.due(at_s / 10, 1000 * (at_s % 2)) for at_s in range(1001))
        for share in shares
    ]
    assert 430 < sum(counts) < 570
    assert max(counts) - min(counts) <= 1


def test_poisson_repeats_with_its_seed() -> None:
    def first_minute(seed: int) -> list[int]:
        share = arriving(plan(Poisson(calls_per_s=1.0), seed), 0, 1)
        return [share.due(at_s, 0) for at_s in range(60)]

    assert first_minute(3) == first_minute(3) != first_minute(4)


def test_a_full_house_turns_calls_away_and_counts_them() -> None:
    share = arriving(plan(Poisson(calls_per_s=10.0, most=5)), 0, 1)
    begun = share.due(10.0, 3)
    assert begun == 2
    assert share.turned_away > 50
    assert share.due(10.0, 0) == 0
