"""What the commands of `mpc` share: arguments, and how they ask."""

from collections.abc import Awaitable, Callable
from typing import Any

import click

from bridge.cli import mpc_show, setup
from bridge.control.client import MpcClient

__all__ = [
    "as_json_flag",
    "ask",
    "members_argument",
    "name_argument",
    "watch_flag",
    "which",
]

as_json_flag = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
watch_flag = click.option("--watch", is_flag=True, help="Show it live, until Ctrl-C.")
name_argument = click.argument("name")
members_argument = click.argument("members")


def ask(
    context: click.Context,
    question: Callable[[MpcClient], Awaitable[Any]],
    *,
    as_json: bool = False,
) -> None:
    """Ask the API, and print what it says."""

    async def asking() -> Any:
        async with context.obj.client() as client:
            return await question(client)

    mpc_show.answer(setup.run(asking()), as_json=as_json)


def which(name: str) -> dict[str, Any]:
    """A call's name, or its uuid."""
    if name.startswith("uuid_"):
        return {"name": "", "uuid": name.removeprefix("uuid_")}
    return {"name": name.removeprefix("name_")}
