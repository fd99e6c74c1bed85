"""`mpc-bridge bots`: what answers, and how it can be set."""

import dataclasses
import json

import click

from bridge.bots import registry

__all__ = ["command"]


@click.command("bots")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(*, as_json: bool) -> None:
    """List the installed bots and their options.

    A package offers bots under the entry-point group `bridge.bots`; your own need no
    package: --bot module:name, or --bot file.py:name.
    """
    found = [registry.describe(point) for point in registry.installed()]
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(bot) for bot in found], indent=2))
        return
    for bot in found:
        click.echo(f"{bot.name:12} {bot.text}")
        click.echo(f"{'':12} {bot.origin}")
        for option in bot.options:
            default = f"default {option.default}" if option.default else "optional"
            default = "needed" if option.is_needed else default
            values = option.kind if "|" in option.kind else "..."
            click.echo(
                f"{'':12}   --bot-option {option.name}={values}  {option.text}"
                f" ({default})"
            )
