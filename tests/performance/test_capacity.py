"""What breaks a trial of `--capacity`."""

import pytest

from benchmarks.servers.capacity import _Judge
from bridge.load.report import Report
from tests.load.made import a_report


def a_trial(**figures: float) -> Report:
    report = a_report()
    told = {"round_trip_p50_ms": 3.0, "round_trip_p99_ms": 6.0, "calls_failed": 0}
    told |= {
        "underruns": 0,
        "stream_s": 1000,
        "own_late_p99_ms": 1,
        "own_cpu_cores": 0.2,
    }
    report.figures = {**told, **figures}
    report.unreliable_because = []
    return report


@pytest.mark.parametrize(
    ("figures", "broken"),
    [
        ({}, ()),
        ({"round_trip_p99_ms": 19}, ()),
        ({"round_trip_p99_ms": 21}, ("p99 > 20 ms",)),
        ({"calls_failed": 1}, ("calls failed",)),
        ({"underruns": 1}, ()),
        ({"underruns": 100}, ("underruns",)),
    ],
)
def test_a_trial_breaks(figures: dict[str, float], broken: tuple[str, ...]) -> None:
    """By delays, failures, and underruns that are not the machine's."""
    assert _Judge().broken(a_trial(**figures)) == broken


def test_who_is_later_by_design_may_be() -> None:
    """By twenty milliseconds beyond what it takes alone."""
    judge = _Judge()

    assert judge.broken(a_trial(round_trip_p50_ms=200, round_trip_p99_ms=215)) == ()
    assert judge.broken(a_trial(round_trip_p99_ms=221)) == ("p99 > 220 ms",)
    assert judge.broke == "p99 > 220 ms"
