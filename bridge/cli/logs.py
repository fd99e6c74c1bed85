"""What is logged, and how its lines look."""

import datetime
import json
import logging
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from bridge.call import ids

__all__ = ["configure_logging", "logging_options", "toggle_debug"]

_LOG = logging.getLogger(__name__)

Command = TypeVar("Command", bound=Callable[..., Any])

_usual_level = logging.INFO

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
    """Writes to whatever standard error is now: a live display moves it.

    Where nobody takes it, as a full disk or a log collector that is gone, it is lost:
    no call shall end for that.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        try:
            print(self.format(record), file=sys.stderr, flush=True)
        # A full disk, or a log collector that is gone: lost, and no call ends for it.
        except OSError:
            return
        # The edge of a log: a bot's `info("%d", "x")` ends no call either.
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
