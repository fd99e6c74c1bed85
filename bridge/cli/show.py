"""A call as a person sees it: who is in, how loud, who speaks."""

import asyncio
import sys

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from bridge.audio.levels import FLOOR_DBFS, rms_dbfs
from bridge.engine.exchange import Exchange
from bridge.engine.lines import Line

__all__ = ["watch"]

REFRESH_S = 0.1
PLAIN_REFRESH_S = 1.0
METER_CELLS = 30
QUIETEST_DBFS = -60.0
SPEECH_DBFS = -45.0


async def watch(exchange: Exchange) -> None:
    """Show the lines of an exchange until cancelled, on standard error.

    On a terminal it is a live table; elsewhere a line each second.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        while True:
            await asyncio.sleep(PLAIN_REFRESH_S)
            text = "   ".join(_plain(line) for line in exchange.calls.lines.values())
            if text:
                print(text, file=sys.stderr, flush=True)
    with Live(console=console, transient=True, auto_refresh=False) as live:
        while True:
            live.update(_table(list(exchange.calls.lines.values())), refresh=True)
            await asyncio.sleep(REFRESH_S)


def level_dbfs(line: Line) -> float:
    """How loud a line is right now."""
    return rms_dbfs(line.said) if line.member is not None else FLOOR_DBFS


def meter(dbfs: float) -> str:
    """A bar from silence to full scale."""
    share = (max(QUIETEST_DBFS, dbfs) - QUIETEST_DBFS) / -QUIETEST_DBFS
    return "█" * round(share * METER_CELLS)


def _plain(line: Line) -> str:
    if line.member is None:
        return f"{line.role}: on its way"
    return f"{line.role}: {level_dbfs(line):6.1f} dBFS"


def _table(lines: list[Line]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("member", "role", "address", "", "level"):
        table.add_column(heading, style="bold" if heading == "role" else "")
    for line in lines:
        dbfs = level_dbfs(line)
        speaks = dbfs > SPEECH_DBFS
        table.add_row(
            line.member.member_id if line.member else "…",
            line.role,
            line.address,
            Text("speaks" if speaks else "", style="green"),
            Text(meter(dbfs).ljust(METER_CELLS), style="green" if speaks else "dim"),
        )
    return table
