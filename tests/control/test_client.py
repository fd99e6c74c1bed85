"""What the client asks, and what it makes of the answers."""

import json
from collections.abc import Callable

import httpx
import pytest

from bridge.control import MpcClient
from bridge.errors import ControlError, RefusedError, UnavailableError
from bridge.multiparty.requests import AddParticipant

AUTH_ID = "MALOCALENGINE0000000"
MPC = {"mpc_uuid": "u", "friendly_name": "demo", "status": "Active"}


def client(answer: Callable[[httpx.Request], httpx.Response]) -> MpcClient:
    transport = httpx.MockTransport(answer)
    return MpcClient(AUTH_ID, "secret", url="http://engine.test", transport=transport)


async def test_each_operation_asks_as_documented() -> None:
    """Verb, path, body."""
    asked: list[tuple[str, str]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append((request.method, request.url.raw_path.decode()))
        assert request.headers["Authorization"].startswith("Basic ")
        if request.method == "DELETE":
            return httpx.Response(204)
        if request.url.path.endswith("Participant/"):
            return httpx.Response(200, json={"objects": [], "calls": []})
        return httpx.Response(200, json={**MPC, "objects": []})

    adding = AddParticipant.model_validate({"role": "agent", "from": "+1", "to": "+2"})
    async with client(answer) as mpc:
        await mpc.add_participant("a b/ü", adding)
        await mpc.get("demo")
        await mpc.get(uuid="u-1")
        await mpc.mpcs(status="active", offset=20)
        await mpc.participants("demo")
        await mpc.kick("demo", "1,2")
        await mpc.end(uuid="u-1")

    base = f"/v1/Account/{AUTH_ID}/MultiPartyCall/"
    assert asked == [
        ("POST", f"{base}name_a%20b%2F%C3%BC/Participant/"),
        ("GET", f"{base}name_demo/"),
        ("GET", f"{base}uuid_u-1/"),
        ("GET", f"{base}?limit=20&offset=20&status=active"),
        ("GET", f"{base}name_demo/Participant/"),
        ("DELETE", f"{base}name_demo/Participant/1,2/"),
        ("DELETE", f"{base}uuid_u-1/"),
    ]


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

    adding = AddParticipant.model_validate(
        {"role": "agent", "from": "+1", "to": "+2", "mute": True}
    )
    async with client(answer) as mpc:
        await mpc.add_participant("demo", adding)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, RefusedError),
        (401, RefusedError),
        (404, RefusedError),
        (429, UnavailableError),
        (503, UnavailableError),
    ],
)
async def test_errors_say_who_has_to_act(status: int, kind: type[ControlError]) -> None:
    """With what was asked and what the API said."""
    async with client(lambda _: httpx.Response(status, json={"error": "why"})) as mpc:
        with pytest.raises(kind, match=f"get MPC: HTTP {status}: why") as caught:
            await mpc.get("demo")
    assert caught.value.status == status


async def test_an_error_without_json_is_shown_as_it_is() -> None:
    """Some proxy's page, shortened."""
    async with client(lambda _: httpx.Response(502, text="x" * 999)) as mpc:
        with pytest.raises(UnavailableError, match="HTTP 502: x{200}$"):
            await mpc.get("demo")


async def test_no_answer_is_unavailable() -> None:
    """The network, not the API."""

    def fail(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    async with client(fail) as mpc:
        with pytest.raises(UnavailableError, match="no answer"):
            await mpc.end("demo")


@pytest.mark.parametrize("answer", [{"json": {}}, {"text": "hello"}], ids=str)
async def test_an_answer_that_makes_no_sense_is_said(answer: dict[str, object]) -> None:
    """Missing fields, no JSON."""
    async with client(lambda _: httpx.Response(200, **answer)) as mpc:  # type: ignore[arg-type]
        with pytest.raises(ControlError, match="unexpected answer"):
            await mpc.get("demo")


async def test_the_token_is_in_no_repr() -> None:
    """Nor is it asked for."""
    async with client(lambda _: httpx.Response(204)) as mpc:
        assert repr(mpc) == f"<MpcClient {AUTH_ID} at engine.test>"
