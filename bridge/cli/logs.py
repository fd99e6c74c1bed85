"""What is logged, and how its lines look."""

import contextlib
import datetime
import json
import logging
import select
import sys
from collections.abc import Callable
from typing import Any, TextIO, TypeVar

import click

from bridge.call import ids
from bridge.cli.turns import Turns

__all__ = ["configure_logging", "logging_options", "toggle_debug"]

_LOG = logging.getLogger(__name__)

Command = TypeVar("Command", bound=Callable[..., Any])

_usual_level = logging.INFO

SURE_CHARACTERS = 1000
"""So many a pipe takes without waiting when it takes any: PIPE_BUF is 4096 bytes."""

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


class JsonFormatter(logging.Formatter):
    """One JSON object a line, with the ids of the call; UTC, to the millisecond.

    Args:
        worker: The number of this process, where it is one of several; else 0.
    """

    def __init__(self, worker: int = 0) -> None:
        super().__init__()
        self._worker = worker

    def format(self, record: logging.LogRecord) -> str:
        """Write a record."""
        line: dict[str, Any] = {
            "time": _iso_8601(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if self._worker:
            line["worker"] = self._worker
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
    """Writes to whatever standard error is now: a live display moves it.

    What nobody takes is lost, and told later: no call shall end, or wait, for a disk
    that is full or a log collector that is gone or stuck.

    Args:
        turns: Of all processes that write to the same; without, this is the only one.
    """

    def __init__(self, turns: Turns | None = None) -> None:
        super().__init__()
        self._lost = 0
        self._turn = contextlib.nullcontext if turns is None else turns.mine

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        try:
            text = self.format(record)
            with self._turn():
                self._write(text)
        # The edge of a log: a bot's `info("%d", "x")` ends no call either.
        except Exception:  # noqa: BLE001
            self.handleError(record)

    def _write(self, line: str) -> None:
        if not _put(line):
            self._lost += 1
        elif self._lost:
            text = f"{self._lost} lines of the log were lost before this: not taken"
            lost = {"levelno": logging.WARNING, "levelname": "WARNING", "msg": text}
            self._lost = 0
            _put(self.format(logging.makeLogRecord({"name": __name__, **lost})))


def _put(line: str) -> bool:
    """Write a line to standard error, if it takes that without making us wait."""
    text = f"{line}\n"
    try:
        for begin in range(0, len(text), SURE_CHARACTERS):
            if not _takes(sys.stderr):
                return False
            sys.stderr.write(text[begin : begin + SURE_CHARACTERS])
            sys.stderr.flush()
    except OSError:
        return False
    return True


def _takes(stream: TextIO) -> bool:
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):
        # None of the system's: it does not wait.
        return True
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return bool(poll.poll(0))


def configure_logging(
    level: str, log_format: str, *, worker: int = 0, turns: Turns | None = None
) -> None:
    """Log to standard error.

    Args:
        level: The least that is logged.
        log_format: How lines look.
        worker: The number of this process, where it is one of several, for its lines.
        turns: Of all processes that write there.
    """
    handler = StandardError(turns)
    if log_format == "json":
        handler.setFormatter(JsonFormatter(worker))
    else:
        whose = f"worker {worker}: " if worker else ""
        line = f"%(asctime)s %(levelname)-7s {whose}%(message)s"
        handler.setFormatter(TextFormatter(line, "%H:%M:%S"))
    global _usual_level
    _usual_level = getattr(logging, level.upper())
    handler.addFilter(ids.stamp)
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


def toggle_debug() -> None:
    """Log everything, or as before."""
    root = logging.getLogger()
    is_on = root.level == logging.DEBUG
    root.setLevel(_usual_level if is_on else logging.DEBUG)
    _LOG.warning("the log's level is %s", logging.getLevelName(root.level).lower())
