"""Captures and comparisons as tables."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bridge.documents import printable
from bridge.replay import Row, Story, figures, moments

__all__ = ["comparison", "timeline"]

PIPED_COLUMNS = 200

COLOURS = {"caller": "cyan", "bot": "green", "line": "yellow"}


def timeline(path: Path, story: Story) -> None:
    """Print what happened when, and the figures of the audio."""
    console = _console()
    header = story.capture.header
    facts = [
        f"bot {header.bot or '?'} at {header.bot_rate_hz} Hz",
        f"path {header.path}" if header.path else "",
        f"mpc-bridge {header.mpc_bridge}",
        f"began {header.began}" if header.began else "",
    ]
    console.print(Text(str(path), style="bold"))
    console.print(Text(printable(", ".join(filter(None, facts)))))
    if not story.capture.is_complete:
        console.print(Text("It is not complete: the call's end is missing, or more."))
    for damage in story.capture.damage:
        console.print(Text(f"damaged: {printable(damage)}", style="red"))
    table = Table(box=None, pad_edge=False, show_header=False)
    for column in ("s", "who", "what"):
        table.add_column(column, overflow="fold")
    for moment in moments(story):
        who = Text(moment.who, style=COLOURS[moment.who])
        table.add_row(f"{moment.at_s:8.3f}", who, Text(moment.what))
    console.print(table, highlight=False)
    numbers = Table(box=None, pad_edge=False, show_header=False)
    numbers.add_column("figure")
    numbers.add_column("value", justify="right")
    for name, value in figures(story).items():
        numbers.add_row(name, f"{value:g}")
    console.print()
    console.print(numbers, highlight=False)
    console.print()


def comparison(path: Path, rows: Sequence[Row]) -> None:
    """Print what was then, and what is now."""
    console = _console()
    is_same = all(row.is_same for row in rows)
    verdict = Text("same" if is_same else "different")
    verdict.stylize("green" if is_same else "red")
    console.print(Text(f"{path}: ", style="bold") + verdict)
    table = Table(box=None, pad_edge=False)
    for column in ("", "what", "then", "now"):
        table.add_column(column, overflow="fold")
    for row in rows:
        mark = Text("same", "green") if row.is_same else Text("DIFFERENT", "red")
        table.add_row(mark, row.what, printable(row.then), printable(row.now))
    console.print(table, highlight=False)
    console.print()


def _console() -> Console:
    console = Console()
    return console if console.is_terminal else Console(width=PIPED_COLUMNS)
