"""Rates and bursts."""

from hypothesis import given
from hypothesis import strategies as st

from bridge.server.bucket import Bucket


def test_a_burst_and_then_the_rate() -> None:
    """What is not there is not taken, and is saved up meanwhile, up to the burst."""
    bucket = Bucket(per_s=2.0, burst_s=5.0)
    assert bucket.takes(10, 100.0)
    assert not bucket.takes(1, 100.4)
    assert bucket.takes(1, 100.5)
    assert not bucket.takes(11, 1000.0)
    assert bucket.takes(10, 1000.0)


@given(st.lists(st.tuples(st.floats(0, 3), st.integers(0, 5)), max_size=100))
def test_in_the_long_run_nobody_gets_more(steps: list[tuple[float, int]]) -> None:
    """Whatever the times: no more than the burst and the rate times the time."""
    bucket, now_s, taken = Bucket(2.0, 3.0), 50.0, 0
    for wait_s, count in steps:
        now_s += wait_s
        taken += count if bucket.takes(count, now_s) else 0
    assert taken <= 6 + 2 * (now_s - 50.0) + 1e-6
