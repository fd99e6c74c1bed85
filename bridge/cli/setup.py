"""What commands share: options, logging, the event loop, signals."""

import asyncio
import datetime
import gc
import importlib
import json
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from bridge import config
from bridge.call import ids
from bridge.errors import ConfigError

__all__ = ["configure_logging", "options_from", "run", "until_signalled"]

Result = TypeVar("Result")
Command = TypeVar("Command", bound=Callable[..., Any])

QUIET = {
    "websockets.server": logging.WARNING,
    "websockets.client": logging.WARNING,
    "httpx": logging.WARNING,
    "uvicorn.error": logging.WARNING,
    # With a collector that is down: of every try, and of every span dropped.
    "opentelemetry.exporter.otlp.proto.http.trace_exporter": logging.ERROR,
    "opentelemetry.sdk._shared_internal": logging.ERROR,
}
"""Libraries that tell of each connection what we tell of each call."""


def options_from(*sections: str) -> Callable[[Command], Command]:
    """Give a command the flags of some sections of the configuration."""

    def decorate(command: Command) -> Command:
        for section in reversed(sections):
            for option in reversed(list(config.options_of(section))):
                kind = {int: int, float: float, bool: bool}.get(option.kind, str)
                secret = option.name.endswith("token")
                source = "" if secret else f"; default {option.default}"
                switch = f"/--no-{option.flag.removeprefix('--')}"
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
            help="TOML file with sections " + ", ".join(f"[{s}]" for s in sections),
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
    """One JSON object a line, with the ids of the call; UTC, to the millisecond."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record."""
        line: dict[str, Any] = {
            "time": _iso_8601(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        for name in ids.NAMES:
            if value := getattr(record, name, ""):
                line[name] = value
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = {
                "type": record.exc_info[0].__qualname__,
                "message": str(record.exc_info[1]),
                "stacktrace": self.formatException(record.exc_info),
            }
        return json.dumps(line, default=str)


def _iso_8601(created_s: float) -> str:
    """As `2026-01-31T23:59:59.123Z`."""
    moment = datetime.datetime.fromtimestamp(created_s, datetime.UTC)
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


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
    """Writes to whatever standard error is now: a live display moves it."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        try:
            print(self.format(record), file=sys.stderr, flush=True)
        # The edge of a log: a bot's `info("%d", "x")`, or a closed pipe, ends no call.
        except Exception:  # noqa: BLE001
            self.handleError(record)


def configure_logging(level: str, log_format: str) -> None:
    """Log to standard error."""
    handler = StandardError()
    if log_format == "json":
        handler.setFormatter(JsonFormatter())
    else:
        handler.setFormatter(
            TextFormatter("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S")
        )
    handler.addFilter(ids.stamp)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
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


def settle_memory() -> None:
    """Spare the collector what lives as long as the process.

    Frames make few cycles and many objects; by default it would look for cycles in
    all of them many times a second.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


async def until_signalled(force: Callable[[], None]) -> None:
    """Wait for SIGTERM or SIGINT; a second one calls `force`."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def signalled() -> None:
        if stop.is_set():
            force()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, signalled)
    await stop.wait()
