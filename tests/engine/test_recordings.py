"""Recordings of calls and participants, in virtual time."""

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from bridge.engine.room import NotAllowedError
from bridge.multiparty.requests import StartParticipantRecording, StartRecording
from bridge.multiparty.vocabulary import TrackType
from tests.engine.history_contract import recording as row
from tests.engine.setting import AUTH_ID, WEB, Engine, engine, hears, voice, wav

CALLBACK = {"recording_callback_url": f"{WEB}/rec", "recording_callback_method": "POST"}


def start(house: Engine, **given: Any) -> None:
    request = StartRecording.model_validate({"file_format": "wav", **CALLBACK, **given})
    house.exchange.parts.recordings.start(house.room(), request)


def track(house: Engine, member_id: str, **given: Any) -> None:
    request = StartParticipantRecording.model_validate(
        {"file_format": "wav", **CALLBACK, **given}
    )
    house.exchange.parts.recordings.start_track(house.room(), member_id, request)


async def test_a_call_is_recorded_as_one_mix(tmp_path: Path) -> None:
    """A coaching supervisor too; who is muted or on hold is not."""
    scripts = {f"n{place}": voice(tmp_path, 500 + 200 * place) for place in range(4)}
    async with engine(tmp_path, **scripts) as house:
        house.add("demo", "0")
        house.add("demo", "1", "supervisor")
        house.add("demo", "2", mute=True)
        house.add("demo", "3", hold=True)
        await asyncio.sleep(1)
        start(house)
        assert house.room().recording_state == "recording"
        await asyncio.sleep(2)
        house.exchange.parts.recordings.stop(house.room())
        assert house.room().recording_state == "not-recording"
        await house.settled()

        (path,) = house.exchange.parts.recordings.finished.values()
        audio, _ = soundfile.read(path, dtype="int16")
        assert len(audio) == pytest.approx(16000, abs=200)
        assert [hears(audio, 500 + 200 * place) for place in range(4)] == [
            True,
            True,
            False,
            False,
        ]
        assert house.names("/rec") == ["MPCRecordingInitiated", "MPCRecordingCompleted"]
        last = house.told("/rec")[-1]
        assert last["RecordingDuration"] == "2"
        assert last["RecordingFormat"] == "wav"
        assert last["RecordingURL"].endswith(f"/Recording/{last['RecordingUUID']}.wav")
        assert last["SequenceNumber"] == "2"
        assert last["MPCName"] == "demo"


async def test_an_announcement_is_on_the_recording(tmp_path: Path) -> None:
    """`start_recording_audio`; `stop_recording_audio` is only heard."""
    pages = {"/start": wav(1000, 0.5), "/stop": wav(1300, 0.5)}
    sounds = {
        "start_recording_audio": f"{WEB}/start",
        "stop_recording_audio": f"{WEB}/stop",
    }
    async with engine(tmp_path, pages) as house:
        line = house.add("demo", "2", **sounds)
        await asyncio.sleep(1)
        start(house)
        await asyncio.sleep(1)
        house.exchange.parts.recordings.stop(house.room())
        await asyncio.sleep(0.5)
        assert hears(house.sound(line, 0.3), 1300)
        await house.settled()
        (path,) = house.exchange.parts.recordings.finished.values()
        audio, _ = soundfile.read(path, dtype="int16")
        assert hears(audio[:4000], 1000)
        assert not hears(audio, 1300)


async def test_a_pause_is_told_and_kept(tmp_path: Path) -> None:
    """Cut out or silent."""
    async with engine(tmp_path, n2=voice(tmp_path, 500)) as house:
        house.add("demo", "2")
        await asyncio.sleep(1)
        recordings = house.exchange.parts.recordings
        for trims in (True, False):
            start(house)
            await asyncio.sleep(1)
            recordings.pause(house.room(), trim=trims)
            assert house.room().recording_state == "paused"
            with pytest.raises(NotAllowedError, match="is paused already"):
                recordings.pause(house.room(), trim=True)
            await asyncio.sleep(1)
            recordings.resume(house.room())
            with pytest.raises(NotAllowedError, match="is not paused"):
                recordings.resume(house.room())
            await asyncio.sleep(1)
            recordings.stop(house.room())
            await house.settled()

        lengths = [
            soundfile.info(path).duration for path in recordings.finished.values()
        ]
        assert lengths == [pytest.approx(2, abs=0.05), pytest.approx(3, abs=0.05)]
        assert [each.removeprefix("MPCRecording") for each in house.names("/rec")] == [
            "Initiated", "Paused", "Resumed", "Completed"
        ] * 2  # fmt: skip


async def test_a_recording_waits_for_enough_members(tmp_path: Path) -> None:
    """`record_min_member_count`; and for the start of the call."""
    async with engine(tmp_path) as house:
        house.add("demo", "2", record=True, record_min_member_count=2)
        await asyncio.sleep(2)
        assert house.room().recording is None
        house.add("demo", "3")
        await asyncio.sleep(2)
        assert house.room().recording is not None

        house.add("other", "2", record=True, start_mpc_on_enter=False)
        await asyncio.sleep(2)
        assert house.room("other").recording is None
        house.exchange.activate(house.room("other"))
        assert house.room("other").recording is not None


@pytest.mark.parametrize(
    ("kind", "channels"), [("participant", [1]), ("all", [2]), ("both", [2, 1])]
)
async def test_a_participant_is_recorded(
    tmp_path: Path, kind: str, channels: list[int]
) -> None:
    """What they say, and what they hear, or each."""
    scripts = {"n2": voice(tmp_path, 500), "n3": voice(tmp_path, 900)}
    async with engine(tmp_path, **scripts) as house:
        house.add("demo", "2")
        await asyncio.sleep(1)
        house.add("demo", "3")
        await asyncio.sleep(1)
        track(house, "1", record_track_type=kind)
        with pytest.raises(NotAllowedError, match="recorded already"):
            track(house, "1", record_track_type=kind)
        await asyncio.sleep(1)
        recordings = house.exchange.parts.recordings
        recordings.pause_track(house.room(), "1", TrackType(kind), trim=True)
        recordings.resume_track(house.room(), "1", TrackType(kind))
        recordings.stop_track(house.room(), "1", TrackType(kind))
        with pytest.raises(NotAllowedError, match="is not being recorded"):
            recordings.stop_track(house.room(), "1", TrackType(kind))
        await house.settled()

        found = []
        for path in recordings.finished.values():
            audio, _ = soundfile.read(path, dtype="int16", always_2d=True)
            found.append(audio.shape[1])
            said = audio[:, 0]
            assert hears(said, 500)
            assert not hears(said, 900)
            if audio.shape[1] == 2:
                assert hears(audio[:, 1], 900)
                assert not hears(audio[:, 1], 500)
        assert sorted(found) == sorted(channels)
        names = house.names("/rec")
        assert names.count("ParticipantRecordingCompleted") == len(channels)
        first = house.told("/rec")[0]
        assert (first["MemberID"], first["MPCUUID"]) == ("1", "")


async def test_recordings_end_with_who_leaves(tmp_path: Path) -> None:
    """And with the call; `record_participant_track` begins one on joining."""
    more: dict[str, Any] = {
        "record_participant_track": True,
        **CALLBACK,
        "stay_alone": True,
    }
    async with engine(tmp_path, n2=voice(tmp_path, 500)) as house:
        house.add("demo", "2", record=True, **more)
        await asyncio.sleep(2)
        house.add("demo", "3", stay_alone=True)
        await asyncio.sleep(1)
        house.exchange.kick(house.room(), ["1"])
        await house.exchange.parts.recordings.all_finished()
        assert len(house.exchange.parts.recordings.finished) == 1
        house.exchange.end(house.room())
        await house.settled()
        finished = house.exchange.parts.recordings.finished.values()
        assert [path.suffix for path in finished] == [".mp3", ".mp3"]


async def test_a_muted_participant_is_silent_on_their_track(tmp_path: Path) -> None:
    """As the others hear them."""
    async with engine(tmp_path, n2=voice(tmp_path, 500)) as house:
        house.add("demo", "2", mute=True)
        await asyncio.sleep(1)
        track(house, "1", record_track_type="participant")
        await asyncio.sleep(1)
        house.exchange.end(house.room())
        await house.settled()
        (path,) = house.exchange.parts.recordings.finished.values()
        assert not np.any(soundfile.read(path)[0])


async def test_a_disk_that_is_full_is_told(tmp_path: Path) -> None:
    """The call goes on, its recordings end at once, and new ones may begin."""
    blocked = tmp_path / "recordings"
    blocked.write_text("a file")
    async with engine(tmp_path) as house:
        house.add("demo", "2")
        await asyncio.sleep(1)
        start(house)
        track(house, "1", record_track_type="both")
        await asyncio.sleep(0.1)
        await house.settled()
        assert house.room().recording_state == "not-recording"
        assert house.room().tracks == {}
        names = house.names("/rec")
        assert names.count("MPCRecordingFailed") == 1
        assert names.count("ParticipantRecordingFailed") == 2
        assert house.room().room.members
        with pytest.raises(NotAllowedError, match="is not being recorded"):
            house.exchange.parts.recordings.stop(house.room())
        mpc = await house.exchange.parts.history.mpc_named(AUTH_ID, "demo")
        assert mpc is not None
        assert mpc["recording"] == "not-recording"

        blocked.unlink()
        start(house)
        await asyncio.sleep(1)
        house.exchange.parts.recordings.stop(house.room())
        await house.settled()
        assert house.names("/rec")[-1] == "MPCRecordingCompleted"


async def test_what_a_kill_left_is_made_whole(tmp_path: Path) -> None:
    """The file that was asked for, of what there is."""
    folder = tmp_path / "recordings"
    folder.mkdir()
    (folder / "a.wav").write_bytes(wav(500, 1.0))
    (folder / "b.wav").write_bytes(wav(500, 1.0))
    (folder / "c.wav").write_bytes(b"broken")
    rows = [
        {**row("a", file_format="mp3", engine="test"), "end_time": 9.0},
        {**row("b", file_format="wav", engine="test"), "end_time": 9.0},
        {**row("c", file_format="mp3", engine="test"), "end_time": 9.0},
        {**row("gone", file_format="mp3", engine="test"), "end_time": 9.0},
    ]
    async with engine(tmp_path) as house:
        await house.exchange.parts.recordings.salvage(rows)  # type: ignore[arg-type]
        kept = house.exchange.parts.history
        found = [await kept.recording(each) for each in ("a", "b", "c", "gone")]
        assert [each and each["duration"] for each in found[:2]] == [1.0, 1.0]
        assert all(each and "lost when" in each["error"] for each in found[2:])
        names = sorted(each.name for each in folder.iterdir())
        assert names[:3] == ["a.mp3", "b.wav", "c.wav"]
        assert house.exchange.parts.recordings.path(rows[0]) == folder / "a.mp3"
