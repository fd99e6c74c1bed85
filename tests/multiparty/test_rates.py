"""The sliding window."""

from hypothesis import given
from hypothesis import strategies as st

from bridge.multiparty.rates import RateWindow


def test_places_come_back_when_they_are_old_enough() -> None:
    """One after another, as they were taken."""
    window = RateWindow(2, 5.0)

    assert [window.take(now) for now in (0.0, 1.0, 2.0)] == [0.0, 0.0, 3.0]
    assert window.take(5.0) == 0.0
    assert window.take(5.5) == 0.5


@given(st.lists(st.floats(0, 3), max_size=60))
def test_no_window_holds_more(waits: list[float]) -> None:
    """However they come."""
    window = RateWindow(4, 5.0)
    taken: list[float] = []
    now_s = 0.0
    for wait_s in waits:
        now_s += wait_s
        if window.take(now_s) == 0.0:
            taken.append(now_s)
    for begin in taken:
        assert sum(begin <= each < begin + 5.0 for each in taken) <= 4
