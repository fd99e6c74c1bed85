"""Then and now."""

import pytest

from bridge.load.compare import compare, doubts
from tests.load.made import a_report, a_tally


def verdicts(old_s: float, new_s: float, tolerance: float = 0.1) -> dict[str, str]:
    old, new = a_report(a_tally(old_s)), a_report(a_tally(new_s))
    return {each.figure: each.verdict for each in compare(old, new, tolerance)}


@pytest.mark.parametrize(
    ("old_s", "new_s", "verdict"),
    [
        (0.030, 0.030, "same"),
        (0.030, 0.032, "same"),
        (0.030, 0.040, "worse"),
        (0.040, 0.030, "better"),
        (0.0003, 0.0006, "same"),
    ],
)
def test_a_difference_counts_from_a_size_on(
    old_s: float, new_s: float, verdict: str
) -> None:
    """A tenth, and half a millisecond: below that it is the machine's mood."""
    assert verdicts(old_s, new_s)["round_trip_p50_ms"] == verdict


def test_tolerance_is_the_callers() -> None:
    assert verdicts(0.030, 0.033, 0.05)["round_trip_p50_ms"] == "worse"


def test_what_only_one_of_both_measured_is_no_verdict() -> None:
    old, new = a_report(), a_report()
    del new.figures["round_trip_p50_ms"]
    found = {each.figure: each.verdict for each in compare(old, new)}
    assert found["round_trip_p50_ms"] == "gone"
    assert "response_p50_ms" not in found
    back = {each.figure: each.verdict for each in compare(new, old)}
    assert back["round_trip_p50_ms"] == "new"


def test_counts_are_compared_by_the_time_in_streams() -> None:
    """Twice as long, and twice as many failures: the same."""
    old, new = a_report(), a_report()
    old.figures |= {"calls_failed": 5, "stream_s": 1000}
    new.figures |= {"calls_failed": 10, "stream_s": 2000}
    found = {each.figure: each.verdict for each in compare(old, new)}
    assert found["calls_failed"] == "same"
    new.figures["calls_failed"] = 30
    found = {each.figure: each.verdict for each in compare(old, new)}
    assert found["calls_failed"] == "worse"


def test_doubts_are_told() -> None:
    old, new = a_report(a_tally(late_s=0.1)), a_report(seed=3)
    assert doubts(old, new) == [
        "the earlier run is not reliable",
        "the two plans differ: seed",
    ]
    assert doubts(new, new) == []
