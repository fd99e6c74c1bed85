"""The tables of a load report's page."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from bridge.load.page.reading import Fields, mapping, number, rows, shown

__all__ = ["MOST_WORST", "counts", "histograms", "table", "worst_streams"]

HISTOGRAM_COLUMNS = {
    "name": "histogram",
    "count": "samples",
    "min": "min ms",
    "mean": "mean ms",
    "p50": "p50 ms",
    "p90": "p90 ms",
    "p99": "p99 ms",
    "p999": "p99.9 ms",
    "max": "max ms",
}

STREAM_COLUMNS = {
    "number": "stream",
    "caller": "caller",
    "end": "end",
    "underrun_s": "starved s",
    "underruns": "underruns",
    "round_trip_p50_ms": "p50 ms",
    "round_trip_max_ms": "max ms",
    "connect_ms": "connect ms",
    "first_audio_ms": "first audio ms",
    "lost_frames": "lost",
    "violations": "violations",
    "began_s": "began s",
    "ended_s": "ended s",
}

LEAST_SAMPLES = {"p90": 10, "p99": 100, "p999": 1000}
"""With fewer, a percentile is only another name for the highest."""

MOST_WORST = 20


def histograms(report: Fields) -> str:
    """What the curves were drawn from, in numbers."""
    named = mapping(report, "histograms")
    lines = [{"name": name, **_known(mapping(named, name))} for name in named]
    return table(HISTOGRAM_COLUMNS, lines)


def _known(histogram: Fields) -> Fields:
    """A histogram without the percentiles that it has too few samples to know."""
    samples = number(histogram, "count") or 0
    return {
        key: value
        for key, value in histogram.items()
        if samples >= LEAST_SAMPLES.get(key, 0)
    }


def counts(what: str, counted: Fields) -> str:
    """How often each thing happened, the most frequent first."""
    frequent = sorted(
        counted, key=lambda name: number(counted, name) or 0, reverse=True
    )
    lines = [{"what": name, "count": counted[name]} for name in frequent]
    return table({"what": what, "count": "times"}, lines)


def worst_streams(report: Fields) -> str:
    """The streams that starved longest, then those with the highest round trip."""
    streams = sorted(rows(report, "streams"), key=_badness, reverse=True)
    return table(STREAM_COLUMNS, streams[:MOST_WORST])


def _badness(stream: Fields) -> tuple[float, float]:
    starved_s = number(stream, "underrun_s") or 0
    return starved_s, number(stream, "round_trip_max_ms") or 0


def table(columns: Mapping[str, str], lines: Sequence[Fields]) -> str:
    """A table as HTML, without the columns nothing is known about; empty if no line.

    Args:
        columns: Each one's heading, by the key of its values.
        lines: What stands below.
    """
    filled = [
        key for key in columns if any(line.get(key) is not None for line in lines)
    ]
    if not filled:
        return ""
    numeric = {
        key for key in filled if all(_is_numeric(line.get(key)) for line in lines)
    }
    kinds = {key: ' class="number"' if key in numeric else "" for key in filled}
    head = "".join(
        f'<th scope="col"{kinds[key]}>{escape(columns[key])}</th>' for key in filled
    )
    body = ""
    for line in lines:
        cells = [f"<td{kinds[key]}>{_cell(line.get(key))}</td>" for key in filled]
        body += f"<tr>{''.join(cells)}</tr>"
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _cell(value: Any) -> str:
    return escape(shown(value))


def _is_numeric(value: Any) -> bool:
    return value is None or isinstance(value, int | float)
