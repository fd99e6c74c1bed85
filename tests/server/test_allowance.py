"""How much somebody may do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.server.allowance import Allowance


def test_what_is_within_costs_no_time() -> None:
    """All of it at once, or as much as is added."""
    allowance = Allowance(10.0, 100.0, now_s=5.0)
    assert allowance.use(100, 5.0) == 0
    assert allowance.use(10, 6.0) == 0


def test_what_is_beyond_has_to_be_waited_for() -> None:
    """And no longer."""
    allowance = Allowance(10.0, 100.0, now_s=0.0)
    assert allowance.use(105, 0.0) == pytest.approx(0.5)
    assert allowance.use(1, 0.5) == pytest.approx(0.1)
    assert allowance.use(1, 0.7) == pytest.approx(0.0, abs=1e-9)


def test_no_more_than_it_holds_is_saved_up() -> None:
    """Whoever was silent for an hour may not send an hour's worth."""
    allowance = Allowance(10.0, 100.0, now_s=0.0)
    assert allowance.use(110, 3600.0) == pytest.approx(1.0)


def test_one_at_a_time_is_taken_or_refused() -> None:
    """What is refused uses nothing up."""
    allowance = Allowance(2.0, 3.0, now_s=0.0)
    assert [allowance.takes(0.0) for _ in range(5)] == [True, True, True, False, False]
    assert allowance.takes(0.5)
    assert not allowance.takes(0.5)


@given(st.lists(st.tuples(st.floats(0, 3), st.integers(0, 5)), max_size=100))
def test_in_the_long_run_nobody_gets_more(steps: list[tuple[float, int]]) -> None:
    """Whatever the times: no more than it holds and the rate times the time."""
    allowance, now_s, taken = Allowance(2.0, 6.0, now_s=50.0), 50.0, 0
    for wait_s, count in steps:
        now_s += wait_s
        taken += sum(allowance.takes(now_s) for _ in range(count))
    assert taken <= 6 + 2 * (now_s - 50.0) + 1e-6
