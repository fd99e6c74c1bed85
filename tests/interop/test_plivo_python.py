"""Plivo's Python SDK, unmodified, against the engine."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import plivo
import plivo.rest.client as rest
import pytest
from plivo.exceptions import (
    AuthenticationError,
    ResourceNotFoundError,
    ValidationError,
)

from tests.interop.conftest import House

ROOM = "python room"
RESULTS = {
    "list": "a list of calls, with `meta`; filters by status and time",
    "get": "a call, by name or uuid; ResourceNotFoundError by name after its end",
    "add_participant": "`calls`, one or several; no AI agent (TypeError of the SDK)",
    "start": "done; ResourceNotFoundError if it does not wait",
    "stop": "done",
    "start_recording": "`recording_id`, `recording_url`",
    "stop_recording": "done; ValidationError if there is none",
    "pause_recording": "done",
    "resume_recording": "done",
    "list_participants": "a list of participants, also by `call_uuid`",
    "update_participant": "a sentence for each change; one member or all",
    "kick_participant": "done; one member, several, or all",
    "get_participant": "a participant; ResourceNotFoundError if there is none",
    "start_participant_recording": "`recording_id`, `recording_url`",
    "stop_participant_recording": "done",
    "pause_participant_recording": "done",
    "resume_participant_recording": "done",
    "start_play_audio": "`mpcMemberId`, `mpcName`",
    "stop_play_audio": "done",
}
"""What each method gives; the tests below see to it."""

CALL = {"from_": "+15550101", "to_": "+15550102"}


@pytest.fixture
def calls(house: House, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The SDK's Multiparty Calls, its host redirected."""
    base = f"{house.engine.url}/v1/Account"
    for name in (
        "PLIVO_API_BASE_URI",
        "API_VOICE_BASE_URI",
        "API_VOICE_BASE_URI_FALLBACK_1",
        "API_VOICE_BASE_URI_FALLBACK_2",
    ):
        monkeypatch.setattr(rest, name, base)
    token = house.options.auth_token.get_secret_value()
    client = plivo.RestClient(house.options.auth_id, token)
    yield client.multi_party_calls
    client.session.close()


async def sync(method: Callable[..., Any], *given: Any, **named: Any) -> Any:
    """The SDK blocks; the engine must not be in its way."""
    return await asyncio.to_thread(method, *given, **named)


async def add(calls: Any, role: str = "Agent", **more: Any) -> Any:
    given = {"friendly_name": ROOM, "role": role, **CALL, **more}
    added = await sync(calls.add_participant, **given)
    await asyncio.sleep(0.4)
    return added


async def members(calls: Any) -> dict[str, Any]:
    listed = await sync(calls.list_participants, friendly_name=ROOM)
    return {each.role: each for each in listed.objects}


async def test_participants_are_added(calls: Any, house: House) -> None:
    """`add_participant`: one, several, an ai-agent's role refused by the SDK's lack."""
    one = await add(calls, stay_alone=True, ring_timeout=20)
    assert one.message == "add participant action initiated"
    assert one.calls[0]["call_uuid"] == one.request_uuid
    several = await add(calls, to_="+15550102<+15550103", ring_timeout="10<20")
    assert [each["to"] for each in several.calls] == ["15550102", "15550103"]
    with pytest.raises(TypeError):
        await add(calls, "ai-agent", ai_agent_stream_service_url="ws://h/s")


async def test_an_mpc_is_got_and_listed(calls: Any) -> None:
    """`get`, `list`: by name and by uuid, with filters."""
    await add(calls, start_mpc_on_enter=False)
    got = await sync(calls.get, friendly_name=ROOM)
    assert (got.friendly_name, got.status) == (ROOM, "Initialized")
    by_uuid = await sync(calls.get, uuid=got.mpc_uuid)
    assert by_uuid.mpc_uuid == got.mpc_uuid
    listed = await sync(
        calls.list, status="initialized", creation_time__gt="2020-01-01 00:00", limit=5
    )
    assert [each.friendly_name for each in listed.objects] == [ROOM]
    assert listed.meta.limit == 5


async def test_a_waiting_mpc_is_started(calls: Any) -> None:
    """`start`, with its body wrapped in lists; a second time it is not found."""
    await add(calls, start_mpc_on_enter=False)
    await sync(calls.start, friendly_name=ROOM)
    assert (await sync(calls.get, friendly_name=ROOM)).status == "Active"
    with pytest.raises(ResourceNotFoundError, match="not in the initialized state"):
        await sync(calls.start, friendly_name=ROOM)


async def test_an_mpc_is_stopped(calls: Any) -> None:
    """`stop`, with its stray body; after it the name is free."""
    await add(calls)
    await sync(calls.stop, friendly_name=ROOM)
    with pytest.raises(ResourceNotFoundError, match="is found by its uuid"):
        await sync(calls.get, friendly_name=ROOM)


async def test_an_mpc_is_recorded(calls: Any, house: House) -> None:
    """`start_`, `pause_`, `resume_`, `stop_recording`."""
    await add(calls)
    started = await sync(
        calls.start_recording,
        friendly_name=ROOM,
        file_format="wav",
        recording_callback_url=f"{house.web}/recording",
    )
    assert started.message == f"MPC: {ROOM} record started"
    assert started.recording_url.endswith(".wav")
    for method in (calls.pause_recording, calls.resume_recording, calls.stop_recording):
        await sync(method, friendly_name=ROOM)
    await house.quiet()
    assert [each["EventName"] for each in house.told] == [
        "MPCRecordingInitiated",
        "MPCRecordingPaused",
        "MPCRecordingResumed",
        "MPCRecordingCompleted",
    ]
    with pytest.raises(ValidationError, match="is not being recorded"):
        await sync(calls.stop_recording, friendly_name=ROOM)


async def test_participants_are_listed_and_got(calls: Any) -> None:
    """`list_participants`, `get_participant`."""
    added = await add(calls)
    await add(calls, "Customer")
    found = await members(calls)
    assert set(found) == {"agent", "customer"}
    call_uuid = added.calls[0]["call_uuid"]
    one = await sync(calls.list_participants, friendly_name=ROOM, call_uuid=call_uuid)
    (agent,) = one.objects
    got = await sync(
        calls.get_participant, friendly_name=ROOM, participant_id=agent.member_id
    )
    assert got.call_uuid == call_uuid
    with pytest.raises(ResourceNotFoundError, match="no participant '99'"):
        await sync(calls.get_participant, friendly_name=ROOM, participant_id=99)


async def test_participants_are_updated(calls: Any) -> None:
    """`update_participant`: one, all; coach mode of a supervisor."""
    await add(calls)
    await add(calls, "Supervisor")
    found = await members(calls)
    said = await sync(
        calls.update_participant,
        participant_id=found["agent"].member_id,
        friendly_name=ROOM,
        mute=True,
        hold=False,
    )
    assert said.mute == f"MPC: {ROOM} mute/unmute member(s) succeeded"
    assert (await members(calls))["agent"].mute is True
    await sync(
        calls.update_participant,
        participant_id=found["supervisor"].member_id,
        friendly_name=ROOM,
        coach_mode=False,
    )
    assert (await members(calls))["supervisor"].coach_mode is False
    await sync(
        calls.update_participant, participant_id="all", friendly_name=ROOM, hold=True
    )
    assert all(each.hold for each in (await members(calls)).values())


async def test_participants_are_kicked(calls: Any) -> None:
    """`kick_participant`: several by commas."""
    for role in ("Agent", "Customer", "Supervisor"):
        await add(calls, role, stay_alone=True)
    found = await members(calls)
    ids = ",".join(found[role].member_id for role in ("agent", "customer"))
    await sync(calls.kick_participant, participant_id=ids, friendly_name=ROOM)
    assert set(await members(calls)) == {"supervisor"}


async def test_a_participant_is_recorded(calls: Any) -> None:
    """`start_`, `pause_`, `resume_`, `stop_participant_recording`."""
    await add(calls)
    member_id = (await members(calls))["agent"].member_id
    given = {"participant_id": member_id, "friendly_name": ROOM}
    started = await sync(calls.start_participant_recording, **given, file_format="wav")
    assert started.message == f"MPC: {ROOM} participant record started"
    for method in (
        calls.pause_participant_recording,
        calls.resume_participant_recording,
        calls.stop_participant_recording,
    ):
        await sync(method, **given, record_track_type="all")


async def test_audio_is_played_and_stopped(calls: Any, house: House) -> None:
    """`start_play_audio`, whose key is `url`, and `stop_play_audio`."""
    await add(calls)
    member_id = (await members(calls))["agent"].member_id
    given = {"participant_id": member_id, "friendly_name": ROOM}
    played = await sync(calls.start_play_audio, **given, url=f"{house.web}/sound")
    assert played.message == "play queued into MPC"
    assert played.mpcMemberId == [member_id]
    await sync(calls.stop_play_audio, **given)


async def test_objects_have_methods(calls: Any) -> None:
    """An MPC's and a participant's own."""
    await add(calls, stay_alone=True)
    mpc = await sync(calls.get, friendly_name=ROOM)
    await sync(mpc.start_recording, file_format="mp3")
    await sync(mpc.stop_recording)
    member_id = (await members(calls))["agent"].member_id
    member = await sync(mpc.get_participant, participant_id=member_id)
    await sync(member.update, mute=True)
    assert (await sync(member.get)).mute is True
    await sync(member.kick)
    with pytest.raises(ResourceNotFoundError):
        await sync(mpc.stop)


async def test_answers_may_come_later(calls: Any, house: House) -> None:
    """`callback_url`."""
    await add(calls)
    said = await sync(calls.stop, friendly_name=ROOM, callback_url=f"{house.web}/later")
    assert said is None or said.message == "async api spawned"
    await house.quiet()
    (told,) = (each for each in house.told if "status_code" in each)
    assert told["status_code"] == "204"


async def test_errors_are_the_sdks_own(house: House, calls: Any) -> None:
    """By their class, with the engine's words."""
    with pytest.raises(ValidationError, match="max_duration"):
        await add(calls, max_duration=10)
    client = plivo.RestClient(house.options.auth_id, "wrong")
    with pytest.raises(AuthenticationError):
        await sync(client.multi_party_calls.get, friendly_name=ROOM)
    client.session.close()
