"""The charts of a load report."""

import itertools
import math
from collections.abc import Callable, Mapping
from typing import Any

import matplotlib as mpl
from matplotlib.ticker import MaxNLocator

from bridge.load.page.drawing import (
    BAD,
    DRAWING,
    NARROW_IN,
    SERIES,
    WIDE_IN,
    Chart,
    as_svg,
    blank,
    drawn,
    finish,
)
from bridge.load.page.lives import draw_lives
from bridge.load.page.reading import (
    Fields,
    end_s,
    mapping,
    number,
    pairs,
    shown,
    timed_rows,
)

__all__ = ["Chart", "draw_delays", "draw_histories"]

DELAYS: Mapping[str, Mapping[str, str]] = {
    "Round trip": {"round_trip_ms": "round trip"},
    "Mouth to ear": {"mouth_to_ear_ms": "mouth to ear"},
    "Response": {"response_ms": "response", "barge_in_ms": "barge-in"},
    "Connecting": {"connect_ms": "connect", "first_audio_ms": "first audio"},
    "Inter-arrival": {"inter_arrival_ms": "between two frames"},
    "Own lateness": {"own_late_ms": "own sends"},
}
"""The histograms worth comparing, by the title above them; others stand alone."""

PERCENTILES = (0, 50, 90, 99, 99.9, 99.99, 99.999)

LEAST_SAMPLES = 10
"""Fewer make no curve; the table has them."""

MOST_SPREAD = 20
"""A delay this many times its median would flatten all others on a level scale."""


def draw_delays(report: Fields) -> list[Chart]:
    """Draw the histograms' percentile curves, those worth comparing together."""
    histograms = mapping(report, "histograms")
    known = set(itertools.chain.from_iterable(DELAYS.values()))
    strangers = {name: {name: name} for name in histograms if name not in known}
    with mpl.rc_context(DRAWING):
        charts = [
            _draw_percentiles(title, names, histograms)
            for title, names in {**DELAYS, **strangers}.items()
        ]
    return [chart for chart in charts if chart]


def draw_histories(report: Fields) -> list[Chart]:
    """Draw what happened when, on one scale of seconds, to be read downwards."""
    with mpl.rc_context(DRAWING):
        charts = [draw(report) for draw in HISTORIES]
    return [chart for chart in charts if chart]


def _draw_percentiles(
    title: str, names: Mapping[str, str], histograms: Fields
) -> Chart | None:
    """Draw curves as HdrHistogram does: each nine has the same width."""
    figure, axes = blank(NARROW_IN, 2.0, below_in=0.42)
    decades = 1.0
    for colour, (name, label) in zip(SERIES, names.items(), strict=False):
        places, values_ms = _percentile_curve(mapping(histograms, name))
        if places:
            axes.plot(places, values_ms, color=colour, label=label)
            decades = max(decades, *places)
    if not axes.lines:
        return None
    ticks = [tick for tick in PERCENTILES if _decades_of(tick) <= decades + 0.01]
    places = [_decades_of(tick) for tick in ticks]
    axes.set_xticks(places, [str(tick) for tick in ticks])
    axes.set_xlim(0, decades * 1.01)
    axes.grid(axis="x")
    axes.set_xlabel("percentile")
    finish(axes, "ms")
    return Chart(title, as_svg(figure, f"Percentiles of {drawn(axes)}, in ms"))


def _percentile_curve(histogram: Fields) -> tuple[list[float], list[float]]:
    """Where the points of a curve stand on the axis, and their values."""
    samples = number(histogram, "count") or 10**5
    # No percentile is known beyond the one that leaves a single sample.
    end = math.log10(samples)
    if samples < LEAST_SAMPLES:
        return [], []
    points = pairs(histogram, "curve")
    return [min(_decades_of(p), end) for p, _ in points], [ms for _, ms in points]


def _decades_of(percentile: float) -> float:
    """Where a percentile stands on the axis: 90 at 1, 99 at 2, 99.9 at 3."""
    return -math.log10(max(1 - percentile / 100, 1e-12))


def _line_chart(
    title: str, unit: str, **labels: str
) -> Callable[[Fields], Chart | None]:
    """What draws columns of the timeline, of one unit, over time."""

    def draw(report: Fields) -> Chart | None:
        timeline = timed_rows(report)
        seconds = [row["at_s"] for row in timeline]
        figure, axes = blank(WIDE_IN, 1.2, below_in=0.27)
        for colour, (key, label) in zip(SERIES, labels.items(), strict=False):
            values = [number(row, key) for row in timeline]
            if any(value is not None for value in values):
                whole = key == "streams"
                style = "steps-post" if whole else "default"
                axes.yaxis.set_major_locator(MaxNLocator(5, integer=whole))
                # What was not measured is a gap in the line.
                gapped = [math.nan if value is None else value for value in values]
                axes.plot(seconds, gapped, color=colour, label=label, drawstyle=style)
        if not axes.lines:
            return None
        finish(axes, unit, until_s=end_s(report))
        _make_room(axes, unit)
        label = f"{title}, in {unit}, by second: {drawn(axes)}"
        return Chart(title, as_svg(figure, label))

    return draw


def _make_room(axes: Any, unit: str) -> None:
    """Make a delay's everyday visible beside its worst second."""
    values = sorted(y for line in axes.lines for y in line.get_ydata() if y == y)
    if unit == "ms" and values[-1] > MOST_SPREAD * max(1.0, values[len(values) // 2]):
        axes.set_yscale("symlog", linthresh=1)
        axes.set_ylim(0, values[-1] * 1.3)
        axes.yaxis.set_major_formatter("{x:g}")
        axes.set_title("ms, log scale", loc="left", x=-0.01, fontsize=9)


def _draw_underruns(report: Fields) -> Chart | None:
    """Draw how many streams ran dry in each step of the timeline."""
    timeline = timed_rows(report)
    begun = [number(row, "underruns") or 0 for row in timeline]
    silent_s = sum(number(row, "underrun_s") or 0 for row in timeline)
    if not any(begun):
        return None
    figure, axes = blank(WIDE_IN, 1.2, below_in=0.27)
    edges = [0.0, *(row["at_s"] for row in timeline)]
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.stairs(begun, edges, fill=True, color=BAD)
    finish(axes, "underruns", until_s=end_s(report))
    total = f"{shown(sum(begun))} underruns, {shown(float(silent_s))} s in total"
    return Chart("Underruns", as_svg(figure, f"Underruns by second: {total}"), total)


HISTORIES: tuple[Callable[[Fields], Chart | None], ...] = (
    _line_chart("Streams", "streams", streams="open streams"),
    _draw_underruns,
    _line_chart(
        "Delay over time",
        "ms",
        round_trip_p50_ms="round trip p50",
        round_trip_p99_ms="round trip p99",
        response_p50_ms="response p50",
        own_late_p99_ms="own lateness p99",
    ),
    _line_chart(
        "CPU", "cores", server_cpu_cores="server", own_cpu_cores="load generator"
    ),
    _line_chart(
        "Memory", "MB", server_memory_mb="server", own_memory_mb="load generator"
    ),
    draw_lives,
)
"""In the order in which one asks."""
