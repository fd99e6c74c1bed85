"""Answers of the API, for people and for programs."""

import asyncio
import dataclasses
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import click
from pydantic import BaseModel
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from bridge.control.client import MpcClient
from bridge.control.options import PlivoOptions
from bridge.errors import RefusedError, UnavailableError
from bridge.multiparty.objects import Mpc, MpcPage, Participant

__all__ = ["answer", "rendered", "watch"]

REFRESH_S = 1.0

PIPE_CELLS = 400

MPC_COLUMNS = (
    "friendly_name",
    "status",
    "recording",
    "creation_time",
    "duration",
    "termination_cause",
    "mpc_uuid",
)
MEMBER_COLUMNS = (
    "member_id",
    "role",
    "member_address",
    "mute",
    "hold",
    "coach_mode",
    "join_time",
    "exit_time",
    "exit_cause",
    "call_uuid",
)


def answer(value: Any, *, as_json: bool) -> None:
    """Print what the API answered."""
    if as_json:
        click.echo(json.dumps(_plain(value), indent=2))
        return
    _console().print(rendered(value))


async def watch(
    options: PlivoOptions, look: Callable[[MpcClient], Awaitable[Any]]
) -> None:
    """Show something, again and again, until it is gone or the person is."""
    console = _console()
    async with options.client() as client:
        is_seen = False
        with Live(console=console, auto_refresh=False) as live:
            while True:
                try:
                    live.update(rendered(await look(client)), refresh=True)
                    is_seen = True
                except RefusedError as error:
                    # The call has ended: what was seen last stays on the screen.
                    if error.status != 404 or not is_seen:
                        raise
                    console.print(f"[dim]{error.detail}[/dim]")
                    return
                except UnavailableError as error:
                    console.print(f"[red]{error}[/red]")
                await asyncio.sleep(REFRESH_S)


def _console() -> Console:
    """A terminal has a width; what goes into a file or a pipe has none."""
    console = Console()
    return console if console.is_terminal else Console(width=PIPE_CELLS)


def rendered(value: Any) -> RenderableType:
    """An answer as a person likes to see it."""
    match value:
        case None:
            return Text("done")
        case MpcPage():
            table = _table(value.objects, MPC_COLUMNS)
            total = value.meta.count
            shown = len(value.objects)
            if total is not None and total > shown:
                return Group(table, Text(f"{shown} of {total}; --offset shows more"))
            return table if value.objects else Text("no calls")
        case (Mpc() as mpc, list() as members):
            return Group(_facts(mpc), Text(""), _table(members, MEMBER_COLUMNS))
        case BaseModel():
            return _facts(value)
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return _rows(_plain(value))
    return Text(str(value))


def _table(objects: Sequence[Mpc | Participant], columns: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False)
    # What nobody has is not shown.
    columns = [
        name for name in columns if any(_cell(getattr(each, name)) for each in objects)
    ]
    for name in columns:
        # What does not fit is wrapped, not cut: ids are there to be copied.
        table.add_column(name.replace("_", " "), overflow="fold")
    for each in objects:
        table.add_row(*(_cell(getattr(each, name)) for name in columns))
    return table


def _facts(value: BaseModel) -> Table:
    return _rows(_plain(value))


def _rows(facts: dict[str, Any]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column()
    table.add_column(overflow="fold")
    for name, value in facts.items():
        if name == "api_id" or value in (None, "", [], {}):
            continue
        shown = value if isinstance(value, str) else json.dumps(value)
        table.add_row(name.replace("_", " "), shown)
    return table


def _cell(value: Any) -> str:
    match value:
        case None | False:
            return ""
        case True:
            return "yes"
    return str(value).removesuffix("+00:00")


def _plain(value: Any) -> Any:
    match value:
        case BaseModel():
            return value.model_dump(mode="json", by_alias=True)
        case tuple() | list():
            return [_plain(each) for each in value]
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return {
                field.name: _plain(getattr(value, field.name))
                for field in dataclasses.fields(value)
            }
    return value
