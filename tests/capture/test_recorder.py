"""Captures written while calls go on."""

import logging
import os
import stat
from collections.abc import Callable
from pathlib import Path
from time import sleep

import pytest

from bridge.capture import Header, Recorder, SocketEvent, Tape, read
from bridge.errors import ConfigError

MEDIA = b'{"event":"media"}'


def until(is_so: Callable[[], bool]) -> None:
    for _ in range(500):
        if is_so():
            return
        sleep(0.02)
    raise AssertionError("never")


def only(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


def test_a_call_is_in_its_file(tmp_path: Path) -> None:
    """Messages of both directions, events, in order, with their times."""
    now = iter(range(100))
    recorder = Recorder(tmp_path, now=lambda: float(next(now)))
    tape = recorder.begin("one", Header(bot="echo"))
    tape.received(MEDIA)
    tape.sent(b'{"event":"playAudio"}')
    tape.event(SocketEvent.CLOSED, 1000, "bye")
    tape.close()
    recorder.close()

    capture = read(only(tmp_path).read_bytes())

    assert capture.header.bot == "echo"
    assert capture.header.began.startswith("20")
    assert [record.t for record in capture.records] == [1.0, 2.0, 3.0]
    assert capture.records[0].received == MEDIA.decode()
    assert capture.records[1].sent == '{"event":"playAudio"}'
    last = capture.records[2]
    assert (last.event, last.code, last.text) == (SocketEvent.CLOSED, 1000, "bye")
    assert not capture.damage


def test_it_is_in_the_file_while_the_call_goes_on(tmp_path: Path) -> None:
    """Within a second, whole: what a kill leaves can be read."""
    recorder = Recorder(tmp_path)
    tape = recorder.begin("one", Header())
    for count in (1, 2):
        tape.received(MEDIA)
        until(lambda count=count: len(written(tmp_path)) == count)  # type: ignore[misc]

    assert not read(only(tmp_path).read_bytes()).damage
    recorder.close()


def written(folder: Path) -> list[object]:
    paths = list(folder.iterdir())
    try:
        return [record for path in paths for record in read(path.read_bytes()).records]
    except ConfigError:
        # Just made.
        return []


def test_files_are_their_owner_s(tmp_path: Path) -> None:
    """The folder, too, where it is made."""
    folder = tmp_path / "a" / "b"
    recorder = Recorder(folder)
    recorder.begin("one", Header()).received(MEDIA)
    recorder.close()

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(only(folder).stat().st_mode) == 0o600


def test_no_name_leads_elsewhere(tmp_path: Path) -> None:
    """The far end chooses its stream's; the same name twice is two files."""
    folder = tmp_path / "captures"
    recorder = Recorder(folder)
    for name in ("../../x", "../../x", "/etc/passwd", "\0", "n" * 500):
        recorder.begin(name, Header()).received(MEDIA)
    recorder.close()

    names = [path.name for path in folder.iterdir()]
    assert len(names) == 5
    assert all(len(name) < 200 for name in names)
    assert list(tmp_path.iterdir()) == [folder]


def test_what_cannot_wait_is_dropped_and_counted(tmp_path: Path) -> None:
    """Where it was, and how many; what comes later is there again."""
    recorder = Recorder(tmp_path, most_waiting_bytes=2000)
    tape = recorder.begin("one", Header())
    for _ in range(20):
        tape.received(b"x" * 300)
    until(lambda: len(written(tmp_path)) == 4)
    tape.received(MEDIA)
    tape.close()
    recorder.close()

    records = read(only(tmp_path).read_bytes()).records
    assert [r.event for r in records[:4]] == [None] * 4
    assert (records[4].event, records[4].count) == (SocketEvent.DROPPED, 16)
    assert records[5].message == MEDIA


def test_drops_at_the_end_are_marked(tmp_path: Path) -> None:
    """When nothing comes after them."""
    recorder = Recorder(tmp_path, most_waiting_bytes=0)
    tape = recorder.begin("one", Header())
    tape.received(MEDIA)
    tape.close()
    recorder.close()

    (record,) = read(only(tmp_path).read_bytes()).records
    assert (record.event, record.count) == (SocketEvent.DROPPED, 1)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_ends_the_capture_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line in the log; the call, and others' captures, go on."""
    recorder = Recorder(tmp_path)
    full = recorder.begin("full", Header())
    healthy = recorder.begin("healthy", Header())
    device = os.open("/dev/full", os.O_WRONLY)
    monkeypatch.setattr(full, "_file", device)
    for _ in range(3):
        full.received(MEDIA)
        healthy.received(MEDIA)
    until(lambda: full.is_finished)
    full.received(MEDIA)
    healthy.received(MEDIA)
    recorder.close()

    errors = [r for r in caplog.records if r.levelno == logging.ERROR]
    assert len(errors) == 1
    assert "No space left" in errors[0].getMessage()
    assert len(read(healthy.path.read_bytes()).records) == 4


def test_what_a_full_disk_did_not_take_is_room_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A capture that ended holds nothing of what others may use."""
    recorder = Recorder(tmp_path, most_waiting_bytes=1000)
    gone = recorder.begin("gone", Header())
    (tmp_path / gone.path.name).touch()
    gone.received(b"x" * 700)
    until(lambda: gone.is_finished)
    other = recorder.begin("other", Header())
    other.received(b"x" * 700)
    recorder.close()

    assert len(read(other.path.read_bytes()).records) == 1


def test_a_closed_tape_takes_no_more(tmp_path: Path) -> None:
    """Messages that cross with the end are nobody's."""
    recorder = Recorder(tmp_path)
    tape: Tape = recorder.begin("one", Header())
    tape.close()
    tape.received(MEDIA)
    tape.event(SocketEvent.BROKEN)
    recorder.close()

    assert read(only(tmp_path).read_bytes()).records == []


def test_a_folder_that_cannot_be_is_told_at_once(tmp_path: Path) -> None:
    """Not in the first call."""
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="capture: .*file"):
        Recorder(tmp_path / "file")
