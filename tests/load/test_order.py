"""What is missing in a sequence, and what is there twice or too late."""

import numpy as np
import pytest

from bridge.load.order import UNCLEAR_IN_A_ROW, Order
from bridge.load.sounds import tone_numbers

LOOP = tone_numbers()


def counts(order: Order) -> tuple[int, int, int, int]:
    return order.lost, order.repeated, order.out_of_order, order.unclear


def followed(numbers: list[int], start: int = 0) -> Order:
    order = Order(LOOP)
    order.stand_at(start)
    for begin in range(0, len(numbers), 50):
        order.follow(np.array(numbers[begin : begin + 50]))
    return order


def frames(*places: int) -> list[int]:
    return [int(LOOP[place % len(LOOP)]) for place in places]


def test_all_is_well_round_the_loop() -> None:
    order = followed(frames(*range(400, 400 + 2 * len(LOOP))), 400)
    assert counts(order) == (0, 0, 0, 0)
    assert order.followed == 2 * len(LOOP)


@pytest.mark.parametrize("gap", [1, 5, 35])
def test_what_is_lost_is_counted(gap: int) -> None:
    numbers = frames(*range(60), *range(60 + gap, 200))
    assert counts(followed(numbers)) == (gap, 0, 0, 0)


def test_what_comes_twice() -> None:
    numbers = frames(*range(30), 29, *range(30, 60), 59, 59, *range(60, 90))
    assert counts(followed(numbers)) == (0, 3, 0, 0)


def test_what_overtook_another_is_not_lost() -> None:
    numbers = frames(*range(30), 31, 30, *range(32, 60), 62, 60, 61, *range(63, 90))
    assert counts(followed(numbers)) == (0, 0, 3, 0)


def test_silence_put_between_is_unclear_and_nothing_is_lost() -> None:
    numbers = [*frames(*range(30)), -1, -1, -1, *frames(*range(30, 60))]
    assert counts(followed(numbers)) == (0, 0, 0, 3)


def test_a_spoiled_frame_is_unclear_and_lost() -> None:
    numbers = [*frames(*range(30)), -1, *frames(*range(31, 60))]
    assert counts(followed(numbers)) == (1, 0, 0, 1)


def test_a_mark_finds_the_place_again() -> None:
    """After long noise nothing is followed; what the next mark skips was lost."""
    order = followed([*frames(*range(30)), *[-1] * (UNCLEAR_IN_A_ROW + 1)])
    assert not order.is_following
    order.follow(np.array(frames(*range(90, 120))))
    assert order.lost == 0
    order.stand_at(130)
    assert (order.lost, order.is_following) == (100, True)


def test_a_mark_behind_is_no_loss() -> None:
    order = followed(frames(*range(100)))
    order.stand_at(90)
    assert order.lost == 0


@pytest.mark.parametrize("percent", [1, 5, 10])
def test_pure_loss_is_no_reordering(percent: int) -> None:
    """The tones come again and again; none is taken for a lost one that is late."""
    rng = np.random.default_rng(percent)
    kept = [at for at in range(20_000) if rng.random() * 100 >= percent]
    order = followed(frames(*kept))
    truly_lost = kept[-1] + 1 - len(kept)
    assert order.lost == pytest.approx(truly_lost, rel=0.05)
    assert order.out_of_order + order.repeated < 0.02 * truly_lost
    assert order.followed == kept[-1] + 1
