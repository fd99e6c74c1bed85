"""Operations on participants."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.engine.setting import BASE, WEB, engine, hears, wav

DEMO = f"{BASE}/name_demo"


async def test_an_update_says_what_it_did(tmp_path: Path) -> None:
    """A sentence for each thing that was asked; 202."""
    async with engine(tmp_path) as house:
        for number in ("2", "3"):
            house.add("demo", number)
        house.add("demo", "4", "supervisor")
        await asyncio.sleep(1)
        supervisor = next(
            member.member_id
            for member in house.room().room.members
            if member.role == "supervisor"
        )
        both = await house.api.post(
            f"{DEMO}/Participant/all/", json={"mute": "true", "hold": False}
        )
        one = await house.api.post(
            f"{DEMO}/Participant/{supervisor}/", json={"coachMode": False}
        )
        shown = (await house.api.get(f"{DEMO}/Participant/")).json()["objects"]

    assert both.status_code == one.status_code == 202
    del both.json()["api_id"]
    assert both.json()["mute"] == "MPC: demo mute/unmute member(s) succeeded"
    assert both.json()["hold"] == "MPC: demo hold/unhold member(s) succeeded"
    assert one.json()["coach_mode"] == "MPC: demo coach_mode enable/disable succeeded"
    assert [each["mute"] for each in shown] == [True, True, True]
    assert not any(each["coach_mode"] for each in shown)


UPDATE_MISTAKES: list[tuple[str, dict[str, Any], int, str]] = [
    ("all", {"coach_mode": True}, 400, "coach_mode: cannot be updated for all"),
    ("1", {"coach_mode": True}, 400, "is no supervisor but customer"),
    ("1", {}, 400, "update at least one of"),
    ("1", {"mute": "perhaps"}, 400, "mute: Input should be a valid boolean"),
    ("1,9", {"mute": True}, 404, "no participant '9' in demo; present are 1"),
]


@pytest.mark.parametrize(("member", "body", "status", "what"), UPDATE_MISTAKES)
async def test_mistakes_of_updates_are_explained(
    tmp_path: Path, member: str, body: dict[str, Any], status: int, what: str
) -> None:
    """And nothing is changed."""
    async with engine(tmp_path) as house:
        house.add("demo", "2")
        await asyncio.sleep(1)
        answer = await house.api.post(f"{DEMO}/Participant/{member}/", json=body)
        assert answer.status_code == status
        assert what in answer.json()["error"]
        assert not house.room().room.members[0].mute


async def test_a_participant_is_recorded(tmp_path: Path) -> None:
    """`both` answers with two; the type may stand in the body or the query."""
    async with engine(tmp_path) as house:
        house.add("demo", "2")
        await asyncio.sleep(1)
        url = f"{DEMO}/Participant/1/Record/"
        started = await house.api.post(url, json={"record_track_type": "both"})
        assert started.status_code == 202
        body = started.json()
        assert body["message"] == "MPC: demo participant record started"
        assert body["recording_url"].endswith(f"{body['recording_id']}.mp3")
        assert body["participant_recording_id"] != body["recording_id"]
        twice = await house.api.post(url, json={"record_track_type": "participant"})
        assert twice.status_code == 400

        paused = await house.api.post(f"{url}Pause/", json={"record_track_type": "all"})
        resumed = await house.api.post(f"{url}Resume/", json={"participant_id": 1})
        stopped = await house.api.request("DELETE", url, json={"participant_id": "1"})
        rest = await house.api.delete(f"{url}?record_track_type=participant")
        none = await house.api.delete(url)
        assert [each.status_code for each in (paused, resumed, stopped, rest)] == [
            204
        ] * 4
        assert none.status_code == 400
        assert "is not being recorded" in none.json()["error"]
        several = await house.api.post(f"{DEMO}/Participant/all/Record/")
        assert several.json()["error"] == "'all': allowed is a single member"


async def test_audio_is_queued_and_stopped(tmp_path: Path) -> None:
    """Both spellings of the URL; stopped with the same members only."""
    async with engine(tmp_path, {"/a.mp3": wav(1300, 30)}) as house:
        line = house.add("demo", "2")
        await asyncio.sleep(1)
        for name in ("urls", "url"):
            started = await house.api.post(
                f"{DEMO}/Member/1/Play/", json={name: f"{WEB}/a.mp3"}
            )
            assert started.status_code == 202
            body = started.json()
            assert body["message"] == "play queued into MPC"
            assert (body["mpcMemberId"], body["mpcName"]) == (["1"], "demo")
        await asyncio.sleep(1)
        assert hears(house.sound(line), 1300)
        other = await house.api.delete(f"{DEMO}/Member/all/Play/")
        assert other.status_code == 404
        assert "stop with the same members" in other.json()["error"]
        assert (await house.api.delete(f"{DEMO}/Member/1/Play/")).status_code == 204
        await asyncio.sleep(0.6)
        assert not house.sound(line).any()
        absent = await house.api.post(
            f"{DEMO}/Member/7/Play/", json={"urls": f"{WEB}/a.mp3"}
        )
        assert absent.status_code == 404


async def test_a_text_is_said(tmp_path: Path) -> None:
    """To one or to all; heard alone if that is wished."""
    async with engine(tmp_path) as house:
        line = house.add("demo", "2")
        await asyncio.sleep(1)
        body = {"text": "hello hello hello", "voice": "WOMAN", "mix": "false"}
        started = await house.api.post(f"{DEMO}/Member/all/Speak/", json=body)
        assert (started.status_code, started.json()["message"]) == (
            202,
            "speak queued into MPC",
        )
        await asyncio.sleep(1)
        assert hears(house.sound(line), 1500)
        assert (await house.api.delete(f"{DEMO}/Member/ALL/Speak/")).status_code == 204
        await asyncio.sleep(0.6)
        assert not house.sound(line).any()


async def test_without_a_voice_nothing_is_said(tmp_path: Path) -> None:
    """400, with the extra that brings one."""
    async with engine(tmp_path, options={"voice": None}) as house:
        house.add("demo", "2")
        await asyncio.sleep(1)
        answer = await house.api.post(f"{DEMO}/Member/all/Speak/", json={"text": "hi"})
        assert answer.status_code == 400
        assert "mpc-bridge[local]" in answer.json()["error"]


async def test_several_destinations_are_several_calls(tmp_path: Path) -> None:
    """One request uuid for all; SIP addresses as they are."""
    async with engine(tmp_path) as house:
        body = {"role": "Agent", "from": "+1415", "to": "+1416<sip:a@b.c"}
        added = (await house.api.post(f"{DEMO}/Participant/", json=body)).json()
    assert [call["to"] for call in added["calls"]] == ["1416", "sip:a@b.c"]
    uuids = {call["call_uuid"] for call in added["calls"]} | {added["request_uuid"]}
    assert len(uuids) == 3


async def test_a_live_call_is_moved(tmp_path: Path) -> None:
    """`call_uuid`; not into the room it is in."""
    async with engine(tmp_path) as house:
        line = house.add("one", "2")
        await asyncio.sleep(1)
        body = {"role": "customer", "call_uuid": line.call_uuid}
        again = await house.api.post(f"{BASE}/name_one/Participant/", json=body)
        assert "is in one already" in again.json()["error"]
        moved = await house.api.post(f"{DEMO}/Participant/", json=body)
        assert moved.status_code == 201
        assert moved.json()["calls"][0]["call_uuid"] == line.call_uuid
        await asyncio.sleep(0.1)
        listed = await house.api.get(f"{DEMO}/Participant/")
        (member,) = listed.json()["objects"]
        assert member["call_uuid"] == line.call_uuid
