"""Two runs side by side, and a verdict."""

import dataclasses

from bridge.load.report import Report

__all__ = ["COUNTED", "Difference", "compare", "doubts"]

# Which figures are compared, and by how much they must differ at least to count: below
# that it is the machine's mood, however large the share.
COMPARED = {
    "connect_p99_ms": 5.0,
    "first_audio_p50_ms": 25.0,
    "round_trip_p50_ms": 0.5,
    "round_trip_p99_ms": 2.0,
    "mouth_to_ear_p50_ms": 5.0,
    "response_p50_ms": 20.0,
    "response_p99_ms": 50.0,
    "barge_in_p50_ms": 20.0,
    "underruns_per_minute": 0.1,
    "underrun_percent": 0.05,
    "lost_percent": 0.05,
    "calls_failed": 1.0,
    "unanswered_calls": 1.0,
    "marks_lost": 1.0,
    "unanswered": 1.0,
    "not_interrupted": 1.0,
    "violations": 1.0,
    "server_cpu_ms_per_stream_s": 0.2,
    "server_memory_mb": 10.0,
}
"""Of all of them, less is better."""


COUNTED = (
    "calls_failed",
    "unanswered_calls",
    "unanswered",
    "not_interrupted",
    "marks_lost",
    "violations",
)
"""Of these, those that grow with the length of a run."""


@dataclasses.dataclass(frozen=True, slots=True)
class Difference:
    """One figure, then and now."""

    figure: str
    old: float | None
    new: float | None
    verdict: str
    """`better`, `same`, `worse`, `new`, or `gone`: that is worse, too."""


def compare(old: Report, new: Report, tolerance: float = 0.1) -> list[Difference]:
    """Compare two runs.

    Args:
        old: The run before.
        new: The run after.
        tolerance: The share that a figure may differ by and count as the same; one run
            each is no more exact than that.
    """
    differences = []
    for figure, least in COMPARED.items():
        before, after = _rate(old, figure), _rate(new, figure)
        if before is None and after is None:
            continue
        verdict = _verdict(before, after, max(least, tolerance * abs(before or 0)))
        differences.append(Difference(figure, before, after, verdict))
    return differences


def doubts(old: Report, new: Report) -> list[str]:
    """Why a comparison may say little."""
    found = []
    if not old.is_reliable:
        found.append("the earlier run is not reliable")
    if old.plan != new.plan:
        names = sorted(
            name for name in new.plan if old.plan.get(name) != new.plan[name]
        )
        found.append(f"the two plans differ: {', '.join(names)}")
    if old.machine != new.machine:
        found.append("the two runs were made on different machines, or otherwise")
    return found


def _rate(report: Report, figure: str) -> float | None:
    """A figure; what is counted, in a hundred minutes of streams."""
    value = report.figures.get(figure)
    if value is None or figure not in COUNTED:
        return value
    return value / max(report.figures["stream_s"], 1.0) * 6000


def _verdict(before: float | None, after: float | None, least: float) -> str:
    if before is None:
        return "new"
    if after is None:
        return "gone"
    if abs(after - before) < least:
        return "same"
    return "worse" if after > before else "better"
