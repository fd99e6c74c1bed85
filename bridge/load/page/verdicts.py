"""The verdicts at the head of a load report's page."""

from collections import Counter
from html import escape

from bridge.load.page.reading import Fields, mapping, number, rows, shown
from bridge.load.page.tables import table

__all__ = ["reliability", "thresholds"]

FAILED, UNKNOWN, HELD = "✗ FAILED", "? not measured", "✓ held"

OWN_FIGURES = ("own_late_p99_ms", "own_cpu_cores")

VERDICTS = {FAILED: "bad", UNKNOWN: "", HELD: "good"}
"""On a threshold, the worst first, with the style of each."""


def reliability(report: Fields) -> str:
    """Whether the load generator itself kept time, and why it is thought to."""
    reasons = report.get("unreliable_because") or []
    listed = "".join(f"<li>{escape(str(reason))}</li>" for reason in reasons)
    if listed:
        return _verdict("bad", "✗ UNRELIABLE", f"<ul>{listed}</ul>")
    return _verdict("good", "✓ Reliable", _evidence(mapping(report, "figures")))


def thresholds(report: Fields) -> str:
    """Each condition under which the test fails, and what came of it."""
    lines = sorted(map(_judged, rows(report, "thresholds")), key=_severity)
    if not lines:
        words = "Nothing was asked that could have failed."
        return _verdict("", "No thresholds", words)
    columns = {"text": "fails if", "value": "measured", "verdict": "verdict"}
    found = Counter(line["verdict"] for line in lines)
    worst = lines[0]["verdict"]
    title = f"{worst}: {found[worst]} of {len(lines)} thresholds"
    return _verdict(VERDICTS[worst], title, table(columns, lines))


def _evidence(figures: Fields) -> str:
    late_ms, cores = (number(figures, key) for key in OWN_FIGURES)
    facts = (
        "The load generator kept time",
        late_ms is not None and f"own lateness p99 {shown(late_ms)} ms",
        cores is not None and f"own CPU {shown(cores)} cores",
    )
    return ", ".join(fact for fact in facts if fact) + "."


def _severity(line: Fields) -> int:
    return list(VERDICTS).index(line["verdict"])


def _judged(threshold: Fields) -> Fields:
    """A row of the thresholds' table."""
    value = threshold.get("value")
    # What was never measured cannot have held.
    passed = UNKNOWN if value is None else HELD
    found = FAILED if threshold.get("failed") else passed
    # Rounded as elsewhere, 60.04 would seem to fail at 60.
    exact = f"{value:,.3f}" if isinstance(value, float) else value
    return {"text": threshold.get("text"), "value": exact, "verdict": found}


def _verdict(kind: str, title: str, words: str) -> str:
    """A box with a verdict; `words` are HTML."""
    return (
        f'<div class="verdict {kind}"><strong>{title}</strong><div>{words}</div></div>'
    )
