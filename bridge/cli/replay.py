"""`mpc-bridge replay`: captured calls played again, or shown."""

import dataclasses
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from bridge.capture import Capture
from bridge.cli import logs, named_bots, replay_show, setup
from bridge.cli.capture_files import read_capture, write_capture
from bridge.errors import ConfigError
from bridge.replay import (
    Manners,
    Replay,
    Row,
    Story,
    Tolerances,
    compare,
    figures,
    moments,
    replay_at,
    replay_here,
)

__all__ = ["command"]

DIFFERENT = 1

DEFAULT = Tolerances()


@click.command("replay")
@click.argument(
    "files",
    nargs=-1,
    required=True,
    metavar="FILE...",
    type=click.Path(path_type=Path, dir_okay=False),
)
@click.option("--show", "shows", is_flag=True, help="Show what is in it, no more.")
@click.option(
    "--bot",
    "bots",
    multiple=True,
    metavar="[NAME=]SPEC",
    help="Who answers now; as with `serve`. Default: the captured one, by its name.",
)
@click.option(
    "--bot-option",
    "bot_options",
    multiple=True,
    metavar="[NAME.]KEY=VALUE",
    help="An option of the bot; `mpc-bridge bots` lists them.",
)
@click.option(
    "--url", metavar="ws://HOST:PORT/PATH", help="Replay at this server, in real time."
)
@click.option(
    "--header",
    "headers",
    multiple=True,
    metavar="NAME:VALUE",
    help="An HTTP header for --url.",
)
@click.option(
    "--real-time",
    is_flag=True,
    help="Over a socket and with real seconds, also without --url: for bots that wait "
    "for a network.",
)
@click.option(
    "--far-end",
    type=click.Choice([each.value for each in Manners]),
    default=Manners.RECORDED.value,
    show_default=True,
    help="How checkpoints and clears are answered: as they were then, or as a model of "
    "Plivo does. The model suits other bots.",
)
@click.option(
    "--save",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write what came out as a capture; with one FILE only.",
)
@click.option(
    "--count-tolerance",
    type=click.FloatRange(0, 1),
    default=DEFAULT.count,
    show_default=True,
    metavar="SHARE",
    help="How many audio messages and checkpoints more or less are the same.",
)
@click.option(
    "--timing-tolerance",
    type=click.FloatRange(0),
    default=DEFAULT.timing_s,
    show_default=True,
    metavar="S",
    help="How much earlier or later answers, interruptions and the end may come.",
)
@click.option(
    "--alike",
    type=click.FloatRange(0, 1),
    default=DEFAULT.alike,
    show_default=True,
    metavar="SHARE",
    help="How much of what was heard must be heard again.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@setup.options_from("playback", "call")
@logs.logging_options("warning")
def command(
    files: tuple[Path, ...],
    bots: tuple[str, ...],
    bot_options: tuple[str, ...],
    url: str | None,
    headers: tuple[str, ...],
    far_end: str,
    save: Path | None,
    count_tolerance: float,
    timing_tolerance: float,
    alike: float,
    config_file: Path | None,
    log_level: str,
    log_format: str,
    *,
    shows: bool,
    real_time: bool,
    as_json: bool,
    **flags: Any,
) -> None:
    """Play captured calls again, and tell what is different now.

    A server of this process answers, in virtual time: as fast as it goes, and the same
    each time. Options of playback and call are the captured ones unless given. The
    exit code is 0 if all is the same within the tolerances, 1 if not, 2 for a wrong
    option or file.

    \b
    mpc-bridge replay captures/*.capture --bot my_bots.py:Receptionist
    mpc-bridge replay --show captures/20260102T030405-17-1-1d2e.capture
    """
    logs.configure_logging(log_level, log_format)
    stories = [_story(path) for path in files]
    if shows:
        _show(files, stories, as_json=as_json)
        return
    if save is not None:
        if len(files) > 1:
            raise ConfigError("--save: give one FILE")
        setup.writable(save, "--save")
    if url is not None and not url.startswith(("ws://", "wss://")):
        raise ConfigError(
            f"--url: {url!r}, allowed is what begins with ws:// or wss://"
        )
    if flags["capture"]:
        raise ConfigError("--capture: what comes out of a replay is written by --save")
    file = setup.read_config(config_file)
    options = {
        **setup.settings("playback", file, flags),
        **setup.settings("call", file, flags),
        "capture": "",
    }
    tolerances = Tolerances(count_tolerance, timing_tolerance, alike)
    results = []
    for path, story in zip(files, stories, strict=True):
        replay = Replay(story, Manners(far_end), options)
        if url is not None:
            given = dict(setup.header(text) for text in headers)
            capture = setup.run(replay_at(replay, url, given))
        else:
            name, make = _bot(path, story.capture, bots, bot_options, file)
            capture = replay_here(replay, name, make, is_virtual=not real_time)
        if save is not None:
            write_capture(save, capture)
        results.append((path, compare(story, Story(capture), tolerances)))
    _report(results, as_json=as_json)


def _story(path: Path) -> Story:
    try:
        return Story(read_capture(path))
    except ConfigError as error:
        text = str(error)
        raise ConfigError(text if str(path) in text else f"{path}: {text}") from error


def _bot(
    path: Path,
    capture: Capture,
    bots: tuple[str, ...],
    bot_options: tuple[str, ...],
    file: Mapping[str, Any],
) -> tuple[str, Any]:
    """The bot's name, and what makes it: anew for each call, on that call's loop."""
    then = capture.header.bot

    def load() -> dict[str, Any]:
        specs = bots or (() if then in file.get("bots", {}) else (then,))
        return named_bots.load_bots(specs, bot_options, file)

    if not bots and not then:
        raise ConfigError(f"{path} does not say who answered: give --bot")
    try:
        loaded = load()
    except ConfigError as error:
        hint = "" if bots else f"; {then} answered in {path}: give --bot"
        raise ConfigError(f"{error}{hint}") from error
    name = then if then in loaded and not bots else list(loaded)[-1]
    return name, lambda: load()[name]


def _show(files: tuple[Path, ...], stories: list[Story], *, as_json: bool) -> None:
    if as_json:
        shown = [
            {
                "file": str(path),
                "complete": story.capture.is_complete,
                "damage": list(story.capture.damage),
                "figures": figures(story),
                "moments": [dataclasses.asdict(each) for each in moments(story)],
            }
            for path, story in zip(files, stories, strict=True)
        ]
        click.echo(json.dumps(shown, indent=2))
        return
    for path, story in zip(files, stories, strict=True):
        replay_show.timeline(path, story)


def _report(results: list[tuple[Path, list[Row]]], *, as_json: bool) -> None:
    is_same = all(row.is_same for _path, rows in results for row in rows)
    if as_json:
        shown = [
            {
                "file": str(path),
                "same": all(row.is_same for row in rows),
                "rows": [dataclasses.asdict(row) for row in rows],
            }
            for path, rows in results
        ]
        click.echo(json.dumps(shown, indent=2))
    else:
        for path, rows in results:
            replay_show.comparison(path, rows)
    sys.exit(0 if is_same else DIFFERENT)
