"""A disk that hangs, under calls that are recorded."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import soundfile

from bridge.audio import files
from bridge.audio.tones import tone
from bridge.engine import app
from bridge.engine.app import Engine, running
from bridge.engine.options import EngineOptions
from bridge.engine.phonebook import Phonebook, PhoneScript
from bridge.engine.recording import Recording
from bridge.multiparty.requests import AddParticipant

pytestmark = pytest.mark.slow


@asynccontextmanager
async def recorded_call(
    folder: Path, file_format: str = "mp3"
) -> AsyncIterator[tuple[Engine, Recording]]:
    """An engine, with a call of two phones that is being recorded."""
    files.write(folder / "hum.wav", tone(500, 1.0, 8000, -20.0), 8000)
    hums = PhoneScript(says=folder / "hum.wav", repeats=True, answers_after_s=0.1)
    options = EngineOptions(
        port=0,
        recordings=folder / "recordings",
        database=":memory:",
        phonebook=Phonebook(numbers={"1": hums, "2": hums}),
    )
    async with running(options) as engine:
        for number in ("1", "2"):
            body = {"role": "customer", "from": "3", "to": number, "record": True}
            body["record_file_format"] = file_format
            engine.exchange.add("demo", AddParticipant.model_validate(body))
        async with asyncio.timeout(10):
            while (room := engine.exchange.find("demo")) is None or not room.recording:
                await asyncio.sleep(0.02)
        yield engine, room.recording


def hang(engine: Engine) -> threading.Event:
    """Let the disk hang, until the event is set."""
    released = threading.Event()
    engine.exchange.parts.recordings._writer.submit(released.wait, 30)
    return released


async def test_calls_go_on_and_a_stop_waits_for_the_disk(tmp_path: Path) -> None:
    """Nothing that was recorded is lost."""
    async with recorded_call(tmp_path) as (engine, recording):
        released = hang(engine)
        before = recording.samples
        await asyncio.sleep(2.0)
        # At least half of what should be: this machine may be slow, but does not hang.
        assert recording.samples - before > 8000
        assert recording.unwritten_s > 1.0
        asyncio.get_running_loop().call_later(1.0, released.set)

    assert recording.error == ""
    assert soundfile.info(recording.path).frames == recording.samples
    assert recording.samples > before


async def test_an_engine_stops_though_its_disk_does_not_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """And says how much is lost."""
    monkeypatch.setattr(app, "RECORDING_TIMEOUT_S", 0.5)
    async with recorded_call(tmp_path) as (engine, recording):
        released = hang(engine)
        await asyncio.sleep(1.5)
    assert f"{recording.recording_id}: not written, and lost: " in caplog.text
    released.set()


async def test_who_wants_no_mp3_waits_for_none(tmp_path: Path) -> None:
    """One of an hour takes a while to be made, and those of a busy hour minutes."""
    async with recorded_call(tmp_path, "wav") as (engine, recording):
        recordings = engine.exchange.parts.recordings
        released = threading.Event()
        recordings._finisher.submit(released.wait, 30)
        await asyncio.sleep(0.2)
        engine.exchange.end_all()
        await asyncio.wait_for(recordings.all_finished(), 10)
        assert recordings.finished == {recording.recording_id: recording.path}
        released.set()


async def test_what_only_lacks_its_mp3_is_not_said_to_be_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The next start makes it."""
    monkeypatch.setattr(app, "RECORDING_TIMEOUT_S", 0.5)
    async with recorded_call(tmp_path) as (engine, recording):
        released = threading.Event()
        engine.exchange.parts.recordings._finisher.submit(released.wait, 30)
        await asyncio.sleep(0.2)
    frames = soundfile.info(recording.path.with_suffix(".wav")).frames
    released.set()
    assert frames == recording.samples > 0
    assert f"{recording.recording_id}: no MP3 yet, its WAV is kept" in caplog.text
    assert "lost" not in caplog.text
