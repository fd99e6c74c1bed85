"""The command group; commands are imported when they are used."""

import importlib
import json
import sys
from importlib.metadata import version

import click

from bridge.errors import BridgeError, ConfigError

__all__ = ["cli", "main"]

COMMANDS = {
    "demo": "One whole call on this machine: caller, engine, bridge, bot.",
    "serve": "Answer Plivo's audio streams with bots.",
    "engine": "Run a Multiparty Call service on this machine.",
    "calls": "List, show and end the calls of a running server.",
    "mpc": "Drive Multiparty Calls: list, add, mute, hold, record, play, kick, ...",
    "load": "Drive many streams at a stream server, and report.",
    "conform": "Try whether a stream server keeps to Plivo's protocol.",
    "replay": "Play captured calls again, or show what is in them.",
    "capture": "Make a captured call fit to be passed on.",
    "bots": "List the installed bots and their options.",
    "completion": "Print the shell completion script.",
    "version": "Print the version.",
}

EXTRAS = {"load": "load"}
"""Commands that need more than the core."""


class LazyGroup(click.Group):
    """A group that imports a command when it is called, so that help comes at once."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Names, in the order a newcomer wants them."""
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        """Import a command."""
        if name in self.commands:
            return self.commands[name]
        if name not in COMMANDS:
            return None
        try:
            module = importlib.import_module(f"bridge.cli.{name}")
        except ModuleNotFoundError as error:
            if name not in EXTRAS or str(error.name).startswith("bridge"):
                raise
            raise ConfigError(
                f"{name} needs {error.name}: pip install 'mpc-bridge[{EXTRAS[name]}]'"
            ) from error
        command: click.Command = module.command
        return command

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """List them without importing them."""
        with formatter.section("Commands"):
            rows = [(name, COMMANDS[name]) for name in self.list_commands(ctx)]
            formatter.write_dl(rows)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="mpc-bridge", message="%(prog)s %(version)s")
def cli() -> None:
    """Put an AI agent into a Plivo Multiparty Call, or try one without Plivo.

    Start with `mpc-bridge demo`: a recorded caller talks to a bot on this machine, and
    you get the recording. Then write a bot (an async function that takes a call) and
    try it with `mpc-bridge demo --bot my_bots.py:my_bot`, or run it for Plivo with
    `mpc-bridge serve --bot my_bots.py:my_bot`.
    """


@cli.command("version")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def version_command(*, as_json: bool) -> None:
    """Print the version."""
    number = version("mpc-bridge")
    click.echo(json.dumps({"version": number}) if as_json else f"mpc-bridge {number}")


@cli.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion_command(shell: str) -> None:
    """Print the completion script for a SHELL.

    For bash: eval "$(mpc-bridge completion bash)", or put that line into ~/.bashrc.
    """
    from click.shell_completion import get_completion_class  # noqa: PLC0415 - rare

    completion = get_completion_class(shell)
    if completion is not None:
        click.echo(completion(cli, {}, "mpc-bridge", "_MPC_BRIDGE_COMPLETE").source())


def main() -> None:
    """Run the command line; what went wrong is one line, and the exit code says who.

    2 is a wrong option or file, 1 anything else, 130 an interrupt.
    """
    try:
        cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BridgeError as error:
        click.echo(f"mpc-bridge: {error}", err=True)
        sys.exit(2 if isinstance(error, ConfigError) else 1)
