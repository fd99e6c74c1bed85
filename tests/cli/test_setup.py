"""What commands share."""

import asyncio
import io
import json
import logging
import os
import signal
import sys
from typing import Any

import pytest

from bridge.cli import setup
from bridge.errors import ConfigError


def record(message: str, **extra: Any) -> logging.LogRecord:
    return logging.makeLogRecord(
        {"msg": message, "levelname": "WARNING", "name": "bridge.test", **extra}
    )


def test_a_json_line_has_the_ids() -> None:
    """Of the call, as far as they are known."""
    ids = {"stream_id": "s", "call_uuid": "c", "mpc_uuid": "m", "trace_id": "t"}

    line = json.loads(setup.JsonFormatter().format(record("hm", **ids)))

    assert (line["level"], line["message"]) == ("warning", "hm")
    assert line == line | ids
    assert set(json.loads(setup.JsonFormatter().format(record("hm")))) == {
        "time",
        "level",
        "logger",
        "message",
    }


def test_a_json_line_has_the_moment() -> None:
    """In UTC, to the millisecond, whatever zone the machine is in."""
    made = record("hm", created=1767225599.1239)

    line = json.loads(setup.JsonFormatter().format(made))

    assert line["time"] == "2025-12-31T23:59:59.123Z"


def test_a_json_line_takes_an_exception_apart() -> None:
    """So that it can be searched by its kind."""
    try:
        raise KeyError("why\nso")
    except KeyError:
        made = record("hm", exc_info=sys.exc_info())

    text = setup.JsonFormatter().format(made)

    exception = json.loads(text)["exception"]
    assert "\n" not in text
    assert (exception["type"], exception["message"]) == ("KeyError", "'why\\nso'")
    assert exception["stacktrace"].startswith("Traceback (most recent call last)")


def test_a_bad_line_does_no_harm(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bot that logs amiss, or a terminal that is gone, ends no call."""
    handler = setup.StandardError()
    handler.emit(record("%d", args=("x",)))
    assert "Logging error" in capsys.readouterr().err
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr("sys.stderr", closed)
    monkeypatch.setattr("logging.raiseExceptions", False)
    handler.emit(record("unseen"))


def test_a_text_line_ends_with_the_stream() -> None:
    """Before the traceback, if any."""
    formatter = setup.TextFormatter("%(message)s")

    assert formatter.format(record("hm")) == "hm"
    assert formatter.format(record("a\nb", stream_id="s")) == "a  [s]\nb"


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_logs_go_to_standard_error(
    log_format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the level that was asked for; libraries a level higher."""
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    root = logging.getLogger()
    before = root.handlers[:], root.level
    try:
        setup.configure_logging("info", log_format)
        logging.getLogger("bridge").info("seen")
        logging.getLogger("httpx").info("unseen")
    finally:
        root.handlers[:], root.level = before
    assert "seen" in stream.getvalue()
    assert "unseen" not in stream.getvalue()


def test_a_config_file_may_be_named_by_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`BRIDGE_CONFIG`; without it there is none."""
    assert setup.read_config(None) == {}
    monkeypatch.setenv("BRIDGE_CONFIG", "/none.toml")
    with pytest.raises(ConfigError, match=r"/none\.toml"):
        setup.read_config(None)


def test_the_first_signal_stops_and_the_second_forces() -> None:
    """On a loop of its own, as the commands run."""
    forced: list[bool] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(0.01, os.kill, os.getpid(), signal.SIGTERM)
        await setup.until_signalled(lambda: forced.append(True))
        assert forced == []
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(0.05)

    setup.run(main())
    assert forced == [True]


def test_without_uvloop_asyncio_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no wheel for every platform."""

    def missing(_name: str) -> Any:
        raise ImportError

    monkeypatch.setattr("importlib.import_module", missing)

    async def which() -> str:
        return type(asyncio.get_running_loop()).__module__

    assert setup.run(which()).startswith("asyncio")
