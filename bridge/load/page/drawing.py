"""How the charts of a load report look, and how they become part of its page.

The page's style sheet decides the colours: see `THEME`.
"""

import html
import io
import re
import zlib
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure

__all__ = [
    "ALIVE",
    "BAD",
    "DRAWING",
    "NARROW_IN",
    "SERIES",
    "STRONG",
    "WIDE_IN",
    "Chart",
    "as_svg",
    "blank",
    "drawn",
    "finish",
]

INK, GRID, ALIVE, BAD, STRONG = "#6b7281", "#d9dde3", "#9dbbd6", "#d0312e", "#1b2330"
SERIES = ("#2167b1", "#c8641b", "#2e8b67", "#7a4fb0")

THEME = {
    INK: "--muted",
    GRID: "--grid",
    ALIVE: "--alive",
    BAD: "--bad",
    STRONG: "--ink",
    **{colour: f"--series-{place}" for place, colour in enumerate(SERIES, 1)},
}
"""The style sheet's variable for each colour drawn: charts follow it into the dark."""

DRAWING: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "load report",
    # Names come from the report, and a dollar in one is not a formula.
    "text.parse_math": False,
    # It would merge short underruns with their neighbours.
    "path.simplify": False,
    "font.size": 9,
    **dict.fromkeys(["text.color", "axes.labelcolor", "axes.edgecolor"], INK),
    **dict.fromkeys(["xtick.color", "ytick.color"], INK),
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "lines.linewidth": 1.3,
    "ytick.major.size": 0,
    "legend.frameon": False,
    "legend.handlelength": 1.4,
}

WIDE_IN, NARROW_IN = 11.0, 5.4
LEFT_IN, RIGHT_IN, TOP_IN = 0.62, 0.25, 0.3


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture and the words above it."""

    title: str
    svg: str
    note: str = ""


def blank(width_in: float, axes_in: float, below_in: float) -> tuple[Figure, Any]:
    """An empty chart; the axes of all that have one width stand below each other.

    Args:
        width_in: Of the whole, as what follows in inches.
        axes_in: The height of the axes.
        below_in: The room for what is written under them.
    """
    height_in = axes_in + TOP_IN + below_in
    figure = Figure(figsize=(width_in, height_in))
    left, bottom = LEFT_IN / width_in, below_in / height_in
    wide = 1 - (LEFT_IN + RIGHT_IN) / width_in
    return figure, figure.add_axes((left, bottom, wide, axes_in / height_in))


def finish(axes: Any, unit: str, *, until_s: float | None = None) -> None:
    """Set what all charts have in common."""
    axes.set_title(unit, loc="left", x=-0.01, fontsize=9)
    if not axes.yaxis_inverted():
        axes.set_ylim(bottom=0)
    if until_s is not None:
        axes.set_xlim(0, until_s)
        axes.xaxis.set_major_formatter("{x:g} s")
    if axes.get_legend_handles_labels()[1]:
        legend = axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=4)
        for handle in legend.legend_handles:
            handle.set_linewidth(min(5.0, max(2.0, handle.get_linewidth())))


def drawn(axes: Any) -> str:
    """The names of the lines drawn, as a list in words."""
    return ", ".join(str(line.get_label()) for line in axes.lines)


def as_svg(figure: Figure, label: str) -> str:
    """Write a figure so that it can stand inside a page beside others.

    Args:
        figure: What to write.
        label: What it shows, for those who cannot see it.
    """
    text = io.StringIO()
    nothing = dict.fromkeys(["Creator", "Date", "Format", "Type"])
    figure.savefig(text, format="svg", transparent=True, metadata=nothing)
    _, _, svg = text.getvalue().partition("<svg ")
    # Its style would reach the whole page.
    svg = re.sub(r"<style.*?</style>", "", svg, count=1, flags=re.DOTALL)
    # Its size is the page's affair.
    svg = re.sub(r'\b(width|height)="[\d.]+pt" ', "", svg, count=2)
    # A hundredth of a point is enough, and halves the page.
    svg = re.sub(r' d="[^"]+"', lambda path: _rounded(path.group()), svg)
    for colour, variable in THEME.items():
        svg = svg.replace(colour, f"var({variable})")
    # Clips and marks are found by name, and charts number theirs alike.
    name = f"c{zlib.crc32((label + svg).encode()):08x}"
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", svg)
    return f'<svg role="img" aria-label="{html.escape(label)}" {svg}'


def _rounded(path: str) -> str:
    return re.sub(r"(\.\d\d)\d+", r"\1", path)
