"""`mpc-bridge engine`: Multiparty Calls without Plivo."""

import json
from pathlib import Path
from typing import Any

import click

from bridge.cli import logs, setup
from bridge.engine.app import running
from bridge.engine.options import EngineOptions
from bridge.engine.phonebook import Phonebook

__all__ = ["command"]


@click.command("engine")
@click.option(
    "--phonebook",
    type=click.Path(path_type=Path, dir_okay=False),
    help="TOML file: what each number does when it is called.",
)
@click.option("--json", "as_json", is_flag=True, help="Print where it serves as JSON.")
@setup.options_from("engine")
@logs.logging_options()
def command(
    phonebook: Path | None,
    config_file: Path | None,
    log_level: str,
    log_format: str,
    *,
    as_json: bool,
    **flags: Any,
) -> None:
    """Run a Multiparty Call service on this machine.

    It answers Plivo's Multiparty Call API, dials simulated phones, streams to your AI
    agent as Plivo does, mixes and records. A phonebook says what a number does:

    \b
    [numbers."+15550100"]
    says = "caller.wav"
    hangs_up_after_s = 12.0
    """
    logs.configure_logging(log_level, log_format)
    file = setup.read_config(config_file)
    book = Phonebook.read(phonebook) if phonebook is not None else Phonebook()
    options = EngineOptions(phonebook=book, **setup.settings("engine", file, flags))

    async def serve() -> None:
        async with running(options) as engine:
            api = f"{engine.url}/v1/Account/{options.auth_id}/MultiPartyCall/"
            if as_json:
                click.echo(json.dumps({"url": engine.url, "api": api}))
            else:
                click.echo(f"address   {engine.url}")
                click.echo(f"API       {api}")
                click.echo(f"account   {options.auth_id}")
            await setup.until_signalled(engine.exchange.end_all)

    setup.run(serve())
