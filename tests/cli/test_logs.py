"""What is logged, and how its lines look."""

import io
import json
import logging
import os
import sys
from typing import Any

import pytest

from bridge.cli import logs


def record(message: str, **extra: Any) -> logging.LogRecord:
    return logging.makeLogRecord(
        {"msg": message, "levelname": "WARNING", "name": "bridge.test", **extra}
    )


def test_a_json_line_has_the_ids() -> None:
    """Of the call, as far as they are known."""
    ids = {"stream_id": "s", "call_uuid": "c", "mpc_uuid": "m", "trace_id": "t"}

    line = json.loads(logs.JsonFormatter().format(record("hm", **ids)))

    assert (line["level"], line["message"]) == ("warning", "hm")
    assert line == line | ids
    assert set(json.loads(logs.JsonFormatter().format(record("hm")))) == {
        "time",
        "level",
        "logger",
        "message",
    }


def test_a_json_line_has_the_moment() -> None:
    """In UTC, to the millisecond, whatever zone the machine is in."""
    made = record("hm", created=1767225599.1239)

    line = json.loads(logs.JsonFormatter().format(made))

    assert line["time"] == "2025-12-31T23:59:59.123Z"


def test_a_json_line_takes_an_exception_apart() -> None:
    """So that it can be searched by its kind."""
    try:
        raise KeyError("why\nso")
    except KeyError:
        made = record("hm", exc_info=sys.exc_info())

    text = logs.JsonFormatter().format(made)

    exception = json.loads(text)["exception"]
    assert "\n" not in text
    assert (exception["type"], exception["message"]) == ("KeyError", "'why\\nso'")
    assert exception["stacktrace"].startswith("Traceback (most recent call last)")


def test_a_bad_line_does_no_harm(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bot that logs amiss, or a terminal that is gone, ends no call."""
    handler = logs.StandardError()
    handler.emit(record("%d", args=("x",)))
    assert "Logging error" in capsys.readouterr().err
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr("sys.stderr", closed)
    monkeypatch.setattr("logging.raiseExceptions", False)
    handler.emit(record("unseen"))


def test_a_text_line_ends_with_the_stream() -> None:
    """Before the traceback, if any."""
    formatter = logs.TextFormatter("%(message)s")

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
        logs.configure_logging("info", log_format)
        logging.getLogger("bridge").info("seen")
        logging.getLogger("httpx").info("unseen")
    finally:
        root.handlers[:], root.level = before
    assert "seen" in stream.getvalue()
    assert "unseen" not in stream.getvalue()


@pytest.mark.parametrize(("worker", "whose"), [(0, ""), (2, "worker 2: ")])
def test_lines_of_workers_name_them(
    worker: int, whose: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In both forms; those of the only process name nobody."""
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    root = logging.getLogger()
    before = root.handlers[:], root.level
    try:
        for log_format in ("text", "json"):
            logs.configure_logging("info", log_format, worker=worker)
            logging.getLogger("bridge").info("seen")
    finally:
        root.handlers[:], root.level = before
    text, line = stream.getvalue().splitlines()
    assert text.endswith(f"INFO    {whose}seen")
    assert json.loads(line).get("worker", 0) == worker


def test_the_debug_log_is_turned_on_and_off() -> None:
    """Back to what was asked for."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    try:
        logs.configure_logging("warning", "text")
        logs.toggle_debug()
        assert root.level == logging.DEBUG
        logs.toggle_debug()
        assert root.level == logging.WARNING
    finally:
        root.handlers[:], root.level = before


def test_a_log_that_nobody_reads_makes_nobody_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What does not fit into the pipe is lost, and that is told when it fits again."""
    source, target = os.pipe()
    with os.fdopen(source, "rb", 0) as reader, os.fdopen(target, "w") as writer:
        monkeypatch.setattr("sys.stderr", writer)
        handler = logs.StandardError()
        for number in range(3000):
            handler.emit(record(f"{number} {'x' * 100}"))
        written = reader.read(1_000_000).decode().splitlines()
        handler.emit(record("again"))
        after = reader.read(1_000_000).decode().splitlines()

    assert [int(line.split()[0]) for line in written] == list(range(len(written)))
    lost = 3000 - len(written)
    assert after == [
        "again",
        f"{lost} lines of the log were lost before this: not taken",
    ]
