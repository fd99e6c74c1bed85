"""Operations on whole calls."""

import asyncio
from pathlib import Path

import pytest

from tests.engine.setting import BASE, WEB, engine

DEMO = f"{BASE}/name_demo"


async def test_a_recording_is_started_paused_resumed_stopped(tmp_path: Path) -> None:
    """With the documented codes; the MPC shows how it stands; the file is served."""
    async with engine(tmp_path) as house:
        house.add("demo", "2")
        await asyncio.sleep(1)

        async def state() -> str:
            answer = await house.api.get(f"{DEMO}/")
            return str(answer.json()["recording"])

        body = {"file_format": "wav", "recording_callback_url": f"{WEB}/rec"}
        started = await house.api.post(f"{DEMO}/Record/", json=body)
        assert started.status_code == 202
        assert started.json()["message"] == "MPC: demo record started"
        url = started.json()["recording_url"]
        assert url.endswith(f"{started.json()['recording_id']}.wav")
        assert await state() == "recording"
        assert (await house.api.get(url)).status_code == 404
        twice = await house.api.post(f"{DEMO}/Record/", json=body)
        assert twice.status_code == 400
        assert twice.json()["error"] == "demo is being recorded already"

        paused = await house.api.post(
            f"{DEMO}/Record/Pause/", json={"trim_silence": False}
        )
        assert paused.status_code == 204
        assert await state() == "paused"
        assert (await house.api.post(f"{DEMO}/Record/Resume/")).status_code == 204
        assert await state() == "recording"
        assert (await house.api.delete(f"{DEMO}/Record/")).status_code == 204
        assert await state() == "not-recording"
        again = await house.api.delete(f"{DEMO}/Record/")
        assert again.json()["error"] == "demo is not being recorded"
        await house.settled()

        file = await house.api.get(url, auth=None)
        assert file.headers["content-type"] == "audio/wav"
        assert file.content[:4] == b"RIFF"
        for other in (url.replace(".wav", ".mp3"), url.replace("wav", "x/y"), url[:-9]):
            assert (await house.api.get(other)).status_code == 404
        house.exchange.parts.recordings.path(
            {"recording_id": started.json()["recording_id"], "file_format": "wav"}
        ).unlink()
        assert "is gone" in (await house.api.get(url)).json()["error"]


async def test_what_nobody_can_transcribe_is_refused(tmp_path: Path) -> None:
    """400, wherever it is asked for."""
    async with engine(tmp_path, options={"recognizer": None}) as house:
        house.add("demo", "2")
        await asyncio.sleep(1)
        for path in ("Record/", "Participant/", "Participant/1/Record/"):
            body = {"transcript": True, "role": "agent", "from": "1", "to": "2"}
            answer = await house.api.post(f"{DEMO}/{path}", json=body)
            assert answer.status_code == 400
            assert "no recognizer is installed" in answer.json()["error"]


async def test_a_recording_can_be_transcribed(tmp_path: Path) -> None:
    """Where somebody understands."""

    class Recognizer:
        async def recognize(self, _utterance: object, _rate_hz: int) -> str:
            return "words"

    async with engine(tmp_path, options={"recognizer": Recognizer()}) as house:
        house.add("demo", "2")
        await asyncio.sleep(1)
        body = {"transcript": True, "transcription_url": f"{WEB}/said"}
        answer = await house.api.post(f"{DEMO}/Record/", json=body)
        assert answer.status_code == 202
        assert house.exchange.parts.transcriber.is_installed


@pytest.mark.parametrize(
    ("query", "what"),
    [
        ("end_time__gt=yesterday", "end_time__gt: String should match"),
        ("creation_time=2026-02-30", "creation_time: day is out of range"),
        ("termination_cause_code=x", "termination_cause_code: Input should be"),
    ],
)
async def test_filters_are_checked(tmp_path: Path, query: str, what: str) -> None:
    """The field is named."""
    async with engine(tmp_path) as house:
        answer = await house.api.get(f"{BASE}/?{query}")
        assert answer.status_code == 400
        assert what in answer.json()["error"]


async def test_what_is_over_cannot_be_recorded(tmp_path: Path) -> None:
    """404, by name and by uuid."""
    async with engine(tmp_path) as house:
        house.add("demo", "2")
        uuid = house.room().room.mpc_uuid
        await house.api.delete(f"{DEMO}/")
        by_name = await house.api.post(f"{DEMO}/Record/")
        by_uuid = await house.api.post(f"{BASE}/uuid_{uuid}/Record/")
    assert (by_name.status_code, by_uuid.status_code) == (404, 404)
    assert by_uuid.json()["error"] == "demo has ended"


async def test_money_and_time_are_shown_at_the_end(tmp_path: Path) -> None:
    """Of the call and of each member."""
    async with engine(tmp_path) as house:
        house.add("demo", "2")
        uuid = house.room().room.mpc_uuid
        await asyncio.sleep(70.5)
        await house.api.delete(f"{DEMO}/")
        mpc = (await house.api.get(f"{BASE}/uuid_{uuid}/")).json()
        member = (await house.api.get(f"{BASE}/uuid_{uuid}/Participant/1/")).json()
    for shown in (mpc, member):
        assert (shown["duration"], shown["billed_duration"]) == (70, 120)
        assert shown["billed_amount"] == "0.01000"
