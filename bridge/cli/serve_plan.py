"""What `mpc-bridge serve` is to do, and how it says where it does it."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import click

from bridge.call.bot import InService
from bridge.call.options import CallOptions
from bridge.cli import named_bots
from bridge.control.options import PlivoOptions
from bridge.errors import ConfigError
from bridge.server.app import BridgeServer
from bridge.server.options import ServerOptions

__all__ = ["Plan", "facts", "show"]


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """All that a process needs to serve; it can be pickled, bots cannot."""

    bots: tuple[str, ...]
    """As the flags name them."""
    bot_options: tuple[str, ...]
    file: Mapping[str, Any]
    server: ServerOptions
    call: CallOptions
    plivo: PlivoOptions

    def load_bots(self) -> dict[str, InService]:
        """Make who answers, by name.

        Raises:
            ConfigError: If there is nobody, or one cannot be made.
        """
        bots = named_bots.load_bots(self.bots, self.bot_options, self.file)
        if not bots:
            raise ConfigError("no bot to answer with: give --bot")
        return bots


def facts(server: BridgeServer, bots: list[str]) -> dict[str, Any]:
    """Where a server serves, ready for JSON."""
    others = {"callbacks": server.callbacks_url, "admin": server.admin_url}
    return {
        "url": server.url,
        "port": server.port,
        "bots": {name: f"{server.url}/{name}" for name in bots},
    } | {name: url for name, url in others.items() if url}


def show(told: Mapping[str, Any], *, as_json: bool) -> None:
    """Print where it serves: a line of JSON, or one for each address."""
    if as_json:
        click.echo(json.dumps(told))
        return
    for name, address in told["bots"].items():
        click.echo(f"{name:16} {address}")
    click.echo(f"{'(default)':16} {told['url']}")
    for name in ("callbacks", "admin", "workers"):
        if name in told:
            click.echo(f"{f'({name})':16} {told[name]}")
