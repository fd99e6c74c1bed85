"""`mpc-bridge capture`: what can be done to captures but replaying them."""

from pathlib import Path

import click

from bridge.capture.scrub import scrub
from bridge.cli.capture_files import read_capture, write_capture

__all__ = ["command"]


@click.group("capture")
def command() -> None:
    """Work on captures, as `serve --capture DIR` writes them."""


@command.command("scrub")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--silence", is_flag=True, help="Make all that is said silence, on both sides."
)
def scrub_command(file: Path, out: Path, *, silence: bool) -> None:
    """Write FILE without what is personal to OUT.

    Ids become others, the same wherever they stand; extra headers and keys are
    masked. What is said stays, unless --silence is given. Look through the result
    (zcat OUT) before you pass it on.
    """
    write_capture(out, scrub(read_capture(file), keep_audio=not silence))
