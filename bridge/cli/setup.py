"""What commands share: options, logging, the event loop, signals."""

import asyncio
import contextlib
import gc
import importlib
import json
import logging
import os
import resource
import signal
import sys
import threading
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from bridge import config
from bridge.errors import ConfigError

__all__ = ["configure_logging", "options_from", "run", "until_signalled"]

Result = TypeVar("Result")
Command = TypeVar("Command", bound=Callable[..., Any])

_LOG = logging.getLogger(__name__)

_usual_level = logging.INFO
LEAVE_S = 5.0
"""From the end of the last call to the end of the process, at most."""

MOST_DESCRIPTORS = 65536
"""Where there is no limit."""

LOG_FACTS = ("stream_id", "call_uuid")

QUIET = {
    "websockets.server": logging.WARNING,
    "websockets.client": logging.WARNING,
    "httpx": logging.WARNING,
    "uvicorn.error": logging.WARNING,
}
"""Libraries that tell of each connection what we tell of each call."""


def options_from(*sections: str) -> Callable[[Command], Command]:
    """Give a command the flags of sections of the configuration.

    Args:
        sections: Their names; `section.option` is that option alone.
    """

    def decorate(command: Command) -> Command:
        for named in reversed(sections):
            section, _, only = named.partition(".")
            for option in reversed(list(config.options_of(section))):
                if only not in ("", option.name):
                    continue
                kind = {int: int, float: float, bool: bool}.get(option.kind, str)
                source = "" if option.is_secret else f"; default {option.default}"
                switch = f"/--no-{option.flag.removeprefix('--')}"
                if option.is_secret:
                    command = click.option(
                        config.file_of(option.flag),
                        config.file_of(option.name),
                        default=None,
                        help="A file with it: nobody sees it among the processes.  "
                        f"[{config.file_of(option.variable)}]",
                    )(command)
                command = click.option(
                    option.flag + (switch if kind is bool else ""),
                    option.name,
                    type=kind,
                    default=None,
                    help=f"{option.text}  [{option.variable}{source}]",
                )(command)
        return click.option(
            "--config",
            "config_file",
            type=click.Path(path_type=Path, dir_okay=False),
            help="TOML file with sections "
            + ", ".join(f"[{each.partition('.')[0]}]" for each in sections),
        )(command)

    return decorate


def read_config(config_file: Path | None) -> dict[str, Any]:
    """The file named by `--config` or `BRIDGE_CONFIG`, if any."""
    named = os.environ.get(f"{config.ENV_PREFIX}CONFIG")
    path = config_file or (Path(named) if named else None)
    return config.read_file(path) if path is not None else {}


def settings(
    section: str, file: Mapping[str, Any], flags: Mapping[str, Any]
) -> dict[str, Any]:
    """A section's options, from the file, the environment and flags."""
    return config.compose(section, file, os.environ, flags)


def writable(path: Path, flag: str) -> None:
    """See that a file can be written, before there is something to write."""
    if not path.parent.is_dir():
        raise ConfigError(f"{flag}: there is no folder {path.parent}")


def write(path: Path, flag: str, text: str) -> None:
    """Write a file that a flag named."""
    try:
        path.write_text(text)
    except OSError as error:
        raise ConfigError(f"{flag}: {path}: {error.strerror}") from error


def header(text: str) -> tuple[str, str]:
    """Read a `--header`: name and value."""
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise ConfigError(f"--header: {text!r}, allowed is NAME:VALUE")
    return name.strip(), value.strip()


class JsonFormatter(logging.Formatter):
    """One JSON object a line, with the ids of stream and call."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record."""
        line = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        for fact in LOG_FACTS:
            if value := getattr(record, fact, ""):
                line[fact] = value
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line)


class TextFormatter(logging.Formatter):
    """For people: time, level, message, and the stream it is about."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record."""
        text = super().format(record)
        stream_id = getattr(record, "stream_id", "")
        if not stream_id:
            return text
        first, newline, rest = text.partition("\n")
        return f"{first}  [{stream_id}]{newline}{rest}"


class StandardError(logging.Handler):
    """Writes to whatever standard error is now: a live display moves it.

    Where nobody takes it, as a full disk or a log collector that is gone, it is lost:
    no call shall end for that.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        with contextlib.suppress(OSError):
            print(self.format(record), file=sys.stderr, flush=True)


def configure_logging(level: str, log_format: str) -> None:
    """Log to standard error."""
    handler = StandardError()
    if log_format == "json":
        handler.setFormatter(JsonFormatter())
    else:
        handler.setFormatter(
            TextFormatter("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S")
        )
    global _usual_level
    _usual_level = getattr(logging, level.upper())
    logging.basicConfig(level=_usual_level, handlers=[handler], force=True)
    for name, least in QUIET.items():
        logging.getLogger(name).setLevel(max(least, logging.getLogger().level))


def logging_options(level: str = "info") -> Callable[[Command], Command]:
    """Give a command `--log-level`, with a default, and `--log-format`."""

    def decorate(command: Command) -> Command:
        command = click.option(
            "--log-format",
            type=click.Choice(["text", "json"]),
            default="text",
            envvar="BRIDGE_LOG_FORMAT",
            show_default=True,
            help="How lines on standard error look.",
        )(command)
        return click.option(
            "--log-level",
            type=click.Choice(["debug", "info", "warning", "error"]),
            default=level,
            envvar="BRIDGE_LOG_LEVEL",
            show_default=True,
            help="The least that is logged.",
        )(command)

    return decorate


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine on the fastest loop there is."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(main)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        uvloop = importlib.import_module("uvloop")
    except ImportError:
        # There is no wheel of it for every platform; asyncio's own loop serves too.
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


def raise_descriptor_limit() -> None:
    """Use as many file descriptors as we may: a call needs one, its bot some more.

    The soft limit is often 1024, for the sake of programs that use `select`.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else hard
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def settle_memory() -> None:
    """Spare the collector what lives as long as the process.

    Frames make few cycles and many objects; by default it would look for cycles in
    all of them many times a second.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def toggle_debug() -> None:
    """Log everything, or as before."""
    root = logging.getLogger()
    is_on = root.level == logging.DEBUG
    root.setLevel(_usual_level if is_on else logging.DEBUG)
    _LOG.warning("the log's level is %s", logging.getLevelName(root.level).lower())


def leave_soon() -> None:
    """End the process for certain, now that its work is done.

    A bot that will not be cancelled, or a thread that waits for what never comes, would
    keep it for ever, and whoever stops it would have to kill it.
    """

    def leave() -> None:
        _LOG.error(
            "bots or their threads still run %.0f s after the last call: leaving "
            "without them",
            LEAVE_S,
        )
        os._exit(0)

    timer = threading.Timer(LEAVE_S, leave)
    timer.daemon = True
    timer.start()


async def until_signalled(
    force: Callable[[], None], reload: Callable[[], object] = lambda: None
) -> None:
    """Wait for SIGTERM or SIGINT; a second one calls `force`.

    Meanwhile SIGHUP calls `reload`, and SIGUSR1 turns the debug log on and off.
    """
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, toggle_debug)
    loop.add_signal_handler(signal.SIGHUP, reload)
    stop = asyncio.Event()

    def signalled() -> None:
        if stop.is_set():
            force()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, signalled)
    await stop.wait()
