"""The chart with a row for each stream."""

import math
from collections.abc import Iterable
from typing import Any

from bridge.load.page.drawing import (
    ALIVE,
    BAD,
    STRONG,
    WIDE_IN,
    Chart,
    as_svg,
    blank,
    finish,
)
from bridge.load.page.reading import Fields, end_s, number, pairs, rows, shown

__all__ = ["draw_lives"]

MOST_HIGH_IN = 10.0
"""However many streams there are."""

MOST_NAMED_ROWS = 25
"""More rows than this have a number only here and there."""


def draw_lives(report: Fields) -> Chart | None:
    """Draw a row a stream: when it lived, when it ran dry, and how it ended."""
    until_s = end_s(report)
    streams = [
        row for row in rows(report, "streams") if number(row, "began_s") is not None
    ]
    if not streams:
        return None
    rows_in = max(0.3, min(0.16 * len(streams), 4 + len(streams) / 250, MOST_HIGH_IN))
    figure, axes = blank(WIDE_IN, rows_in, below_in=0.27)
    row_points = rows_in * 72 / len(streams)
    # Gaps between thinner rows would only shimmer.
    filled = 0.6 if row_points > 3 else 1.1
    ends_s = [
        until_s if (s := number(row, "ended_s")) is None else s for row in streams
    ]
    lives = [
        (row["began_s"], end, place)
        for place, (row, end) in enumerate(zip(streams, ends_s, strict=True))
    ]
    dry = [
        # Thinner than this would not be seen.
        (at_s, at_s + max(lasted_s, until_s / 1000), place)
        for place, row in enumerate(streams)
        for at_s, lasted_s in pairs(row, "underruns_at")
    ]
    failed = [place for place, row in enumerate(streams) if row.get("is_failed")]
    _draw_spans(axes, lives, color=ALIVE, linewidth=row_points * filled, label="alive")
    _draw_spans(
        axes, dry, color=BAD, linewidth=max(1.3, row_points * 0.8), label="underrun"
    )
    if failed:
        crosses_s = [ends_s[place] for place in failed]
        size = min(6.0, max(3.0, row_points))
        label = "ended abnormally"
        axes.plot(crosses_s, failed, "x", color=STRONG, markersize=size, label=label)
    _number_rows(axes, streams)
    finish(axes, "stream", until_s=until_s)
    note = f"streams {len(streams)}, underruns {len(dry)}, abnormal ends {len(failed)}"
    return Chart("Stream by stream", as_svg(figure, f"Streams over time: {note}"), note)


def _draw_spans(
    axes: Any, spans: Iterable[tuple[float, float, float]], **style: Any
) -> None:
    """Draw level bars, given from, to and height, as one path: thousands stay small."""
    xs = [x for begin, end, _ in spans for x in (begin, end, math.nan)]
    ys = [y for _, _, place in spans for y in (place, place, math.nan)]
    if xs:
        axes.plot(xs, ys, solid_capstyle="butt", **style)


def _number_rows(axes: Any, streams: list[Fields]) -> None:
    """Write the streams' numbers at their rows, the first on top."""
    step = (
        1 if len(streams) <= MOST_NAMED_ROWS else 10 ** (len(str(len(streams) - 1)) - 1)
    )
    places = range(
        0, len(streams), max(1, step // 2 if len(streams) // step < 5 else step)
    )
    axes.set_yticks(
        places, [shown(streams[place].get("number", place)) for place in places]
    )
    axes.set_ylim(len(streams) - 0.5, -0.5)
    axes.grid(visible=False)
