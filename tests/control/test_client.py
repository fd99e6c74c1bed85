"""What the client asks: each operation as documented, with what it sends."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from bridge.control import MpcClient
from bridge.errors import MisuseError
from bridge.multiparty.requests import AddParticipant

AUTH_ID = "MALOCALENGINE0000000"
BASE = f"/v1/Account/{AUTH_ID}/MultiPartyCall/"
MPC = {"mpc_uuid": "u", "friendly_name": "demo", "status": "Active"}
MEMBER = {"member_id": "1", "mpc_uuid": "u", "role": "agent"}


def client(answer: Callable[[httpx.Request], httpx.Response]) -> MpcClient:
    transport = httpx.MockTransport(answer)
    return MpcClient(
        AUTH_ID, "wallflower", url="http://engine.test", transport=transport
    )


def answer_to(request: httpx.Request) -> httpx.Response:
    """Something that fits whatever is asked."""
    if request.method == "DELETE":
        return httpx.Response(204)
    return httpx.Response(200, json={**MPC, **MEMBER, "objects": []})


Operation = Callable[[MpcClient], Any]

OPERATIONS: list[tuple[Operation, str, str, Any]] = [
    (lambda c: c.page(status="active", offset=20), "GET",
     "?status=active&limit=20&offset=20", None),
    (lambda c: c.get("a b/ü"), "GET", "name_a%20b%2F%C3%BC/", None),
    (lambda c: c.get(uuid="u-1"), "GET", "uuid_u-1/", None),
    (lambda c: c.activate("demo"), "POST", "name_demo/", {"status": "active"}),
    (lambda c: c.end(uuid="u-1"), "DELETE", "uuid_u-1/", None),
    (lambda c: c.participants("demo", call_uuid="c"), "GET",
     "name_demo/Participant/?call_uuid=c", None),
    (lambda c: c.participant("demo", "355"), "GET", "name_demo/Participant/355/", None),
    (lambda c: c.update("demo", "1,2", mute=True, hold=False), "POST",
     "name_demo/Participant/1,2/", {"mute": True, "hold": False}),
    (lambda c: c.update("demo", coach_mode=None, mute=False), "POST",
     "name_demo/Participant/all/", {"mute": False}),
    (lambda c: c.kick("demo", "1,2"), "DELETE", "name_demo/Participant/1,2/", None),
    (lambda c: c.start_recording("demo", file_format="wav"), "POST",
     "name_demo/Record/",
     {"file_format": "wav", "recording_callback_method": "POST"}),
    (lambda c: c.pause_recording("demo", trim_silence=False), "POST",
     "name_demo/Record/Pause/", {"trim_silence": False}),
    (lambda c: c.resume_recording("demo"), "POST", "name_demo/Record/Resume/", {}),
    (lambda c: c.stop_recording("demo"), "DELETE", "name_demo/Record/", None),
    (lambda c: c.start_participant_recording("demo", "1", record_track_type="both"),
     "POST", "name_demo/Participant/1/Record/",
     {"record_track_type": "both", "recording_callback_method": "POST"}),
    (lambda c: c.pause_participant_recording("demo", "1"), "POST",
     "name_demo/Participant/1/Record/Pause/", {}),
    (lambda c: c.resume_participant_recording("demo", "1", track="participant"),
     "POST", "name_demo/Participant/1/Record/Resume/",
     {"record_track_type": "participant"}),
    (lambda c: c.stop_participant_recording("demo", "1", track="both"), "DELETE",
     "name_demo/Participant/1/Record/", {"record_track_type": "both"}),
    (lambda c: c.play("demo", "all", "http://h/a.mp3"), "POST",
     "name_demo/Member/all/Play/",
     {"urls": "http://h/a.mp3", "url": "http://h/a.mp3"}),
    (lambda c: c.stop_playing("demo", "all"), "DELETE",
     "name_demo/Member/all/Play/", None),
    (lambda c: c.speak("demo", "1", "hello", mix=False), "POST",
     "name_demo/Member/1/Speak/", {"text": "hello", "mix": False}),
    (lambda c: c.stop_speaking("demo", "1"), "DELETE",
     "name_demo/Member/1/Speak/", None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("operation", "method", "path", "body"),
    OPERATIONS,
    ids=[f"{method} {path}" for _, method, path, _ in OPERATIONS],
)
async def test_each_operation_asks_as_documented(
    operation: Operation, method: str, path: str, body: Any
) -> None:
    """Verb, path, body; authenticated."""
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return answer_to(request)

    async with client(answer) as mpc:
        await operation(mpc)

    (request,) = asked
    assert request.method == method
    assert request.url.raw_path.decode() == BASE + path
    assert request.headers["Authorization"].startswith("Basic ")
    assert (json.loads(request.content) if request.content else None) == body


async def test_defaults_are_left_to_the_server_but_for_the_disputed() -> None:
    """SDKs and pages disagree on the callbacks' methods; so those are sent."""

    def answer(request: httpx.Request) -> httpx.Response:
        assert json.loads(request.content) == {
            "role": "agent",
            "from": "+1",
            "to": "+2",
            "mute": True,
            "status_callback_method": "POST",
            "recording_callback_method": "GET",
        }
        return httpx.Response(201, json={"calls": []})

    given = {"role": "agent", "from": "+1", "to": "+2", "mute": True}
    async with client(answer) as mpc:
        await mpc.add_participant("demo", AddParticipant.model_validate(given))
        await mpc.add_participant("demo", role="agent", from_="+1", to="+2", mute=True)


async def test_all_pages_are_gone_through() -> None:
    """As many requests as pages, and none after the last."""
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        offset = int(request.url.params["offset"])
        asked.append(request.url.params["offset"])
        objects = [
            {**MPC, "mpc_uuid": str(place)}
            for place in range(offset, min(offset + 2, 5))
        ]
        return httpx.Response(200, json={"meta": {"count": 5}, "objects": objects})

    async with client(answer) as mpc:
        found = [each.mpc_uuid async for each in mpc.mpcs(limit=2)]

    assert found == ["0", "1", "2", "3", "4"]
    assert asked == ["0", "2", "4"]


async def test_a_list_that_does_not_say_how_long_it_is_ends_too() -> None:
    """With its first empty page."""

    def answer(request: httpx.Request) -> httpx.Response:
        objects = [MPC] if request.url.params["offset"] == "0" else []
        return httpx.Response(200, json={"objects": objects})

    async with client(answer) as mpc:
        assert len([each async for each in mpc.mpcs()]) == 1


MISTAKES: list[tuple[Operation, str]] = [
    (lambda c: c.get(), "which MPC"),
    (lambda c: c.kick("demo", ""), "which member"),
    (lambda c: c.update("demo", "1"), "update at least one of"),
    (lambda c: c.update("demo", coach_mode=True), "coach_mode: cannot be"),
    (lambda c: c.page(state="active"), "state: allowed are creation_time"),
    (lambda c: c.page(limit=50), "limit: Input should be less"),
    (lambda c: c.play("demo", "1", "ftp://h/a"), "urls.0: String should match"),
    (lambda c: c.play("demo", "1", []), "urls: List should have at least 1"),
    (lambda c: c.start_recording("demo", file_format="ogg"), "file_format: Input"),
    (lambda c: c.stop_participant_recording("demo", "1", track="x"), "record_track"),
    (lambda c: c.add_participant("demo", role="agent"), r"specify \(from, to\)"),
    (lambda c: c.add_participant("demo", role="ai-agent"), "ai_agent_stream_service"),
]


@pytest.mark.parametrize(("operation", "what"), MISTAKES, ids=[w for _, w in MISTAKES])
async def test_mistakes_are_found_before_they_are_asked(
    operation: Operation, what: str
) -> None:
    """The field is named, and what is allowed."""

    def answer(request: httpx.Request) -> httpx.Response:
        raise AssertionError(f"{request.url} should not be asked")

    async with client(answer) as mpc:
        with pytest.raises(MisuseError, match=what):
            await operation(mpc)


async def test_the_token_is_in_no_repr() -> None:
    """Nor is it asked for."""
    async with client(answer_to) as mpc:
        assert repr(mpc) == f"<MpcClient {AUTH_ID} at engine.test>"
        assert "wallflower" not in repr(vars(mpc))
