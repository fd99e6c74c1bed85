"""`mpc-bridge calls`: the calls that a running server, or its fleet, carries."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
import httpx
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bridge.cli import logs, setup
from bridge.documents import printable
from bridge.errors import RefusedError, UnavailableError
from bridge.hosts import bracketed
from bridge.server.options import AdminOptions

__all__ = ["command"]

TIMEOUT_S = 15.0
"""Longer than a fleet takes to say that an instance does not answer."""

WIDTH = 220

COLUMNS = ("stream_id", "call_uuid", "bot", "state", "age_s", "mpc", "instance")


@click.group("calls", invoke_without_command=True)
@click.option(
    "--url", default="", help="Of the admin address, instead of host and port."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@setup.options_from("admin.admin_host", "admin.admin_port", "admin.admin_token")
@logs.logging_options("warning")
@click.pass_context
def command(
    context: click.Context,
    /,
    url: str,
    config_file: Path | None,
    log_level: str,
    log_format: str,
    *,
    as_json: bool,
    **flags: Any,
) -> None:
    """List the calls of a server that runs with --admin; of its whole fleet, if any.

    \b
    mpc-bridge calls
    mpc-bridge calls show 87654321-4321-4321-8321-cba987654321
    mpc-bridge calls end 87654321-4321-4321-8321-cba987654321
    """
    logs.configure_logging(log_level, log_format)
    file = setup.read_config(config_file)
    options = AdminOptions(**setup.settings("admin", file, flags))
    token = options.admin_token.get_secret_value()
    context.obj = httpx.Client(
        base_url=url or f"http://{bracketed(options.admin_host)}:{options.admin_port}",
        headers={"Authorization": f"Bearer {token}"} if token else {},
        timeout=TIMEOUT_S,
        trust_env=False,
    )
    context.call_on_close(context.obj.close)
    if context.invoked_subcommand is None:
        found = _ask(context.obj, "GET", "/calls")
        if as_json:
            click.echo(json.dumps(found, indent=2))
        else:
            # As wide as it is, also through a pipe.
            Console(width=max(WIDTH, Console().width), soft_wrap=True).print(
                _table(found)
            )


@command.command()
@click.argument("call")
@click.pass_obj
def show(client: httpx.Client, call: str) -> None:
    """Show all that is known of a call, by its stream's id or its uuid, as JSON."""
    click.echo(json.dumps(_ask(client, "GET", f"/calls/{quote(call)}"), indent=2))


@command.command()
@click.argument("call")
@click.pass_obj
def end(client: httpx.Client, call: str) -> None:
    """End a call's stream, wherever it is; the AI agent leaves its Multiparty Call.

    That may end the call for everybody: it depends on `stay_alone` and on how the
    others were added.
    """
    ended = _ask(client, "DELETE", f"/calls/{quote(call)}")["ended"]
    click.echo(f"ended {ended}")


def _ask(client: httpx.Client, method: str, path: str) -> dict[str, Any]:
    operation = f"{method} {client.base_url}{path}"
    try:
        answer = client.request(method, path)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        text = f"{error}; does the server run with --admin?"
        raise UnavailableError(operation, None, text) from error
    try:
        found: dict[str, Any] = answer.json()
    except ValueError:
        found = {"error": answer.text.strip()[:200]}
    if answer.is_success and "error" not in found:
        return found
    raise RefusedError(operation, answer.status_code, str(found.get("error")))


def _table(found: Mapping[str, Any]) -> Table:
    calls = [*found["calls"], *found["lost"]]
    title = f"{len(found['calls'])} calls go on, {len(found['lost'])} were lost"
    if not found["is_complete"]:
        title += ", of this instance alone: the others are not reached"
    if found.get("silent"):
        title += f"; no answer from {', '.join(found['silent'])}"
    table = Table(title=title, title_justify="left", box=None)
    for column in COLUMNS:
        # Ids are there to be copied; what the far end chose is no markup.
        table.add_column(column, no_wrap=True, overflow="ignore")
    for call in calls:
        shown = {**call, "mpc": call.get("mpc_uuid") or call.get("mpc_name", "")}
        table.add_row(*(Text(printable(str(shown.get(c, "")))) for c in COLUMNS))
    return table
