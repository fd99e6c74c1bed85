"""The REST API, as Plivo answers it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.engine.setting import AUTH_ID, BASE, engine

CUSTOMER = {"role": "customer", "from": "+14150000001", "to": "+14150000002"}


@asynccontextmanager
async def api(folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with engine(folder) as house:
        yield house.api


async def add(client: httpx.AsyncClient, name: str = "demo", **more: Any) -> Any:
    url = f"{BASE}/name_{name}/Participant/"
    answer = await client.post(url, json={**CUSTOMER, **more})
    assert answer.status_code == 201, answer.text
    await asyncio.sleep(1)
    return answer.json()


async def test_adding_answers_with_the_call(tmp_path: Path) -> None:
    """201, numbers without `+`, no member id yet."""
    async with api(tmp_path) as client:
        body = await add(client)

    (call,) = body["calls"]
    assert body["message"] == "add participant action initiated"
    assert body["api_id"]
    assert (call["to"], call["from"]) == ("14150000002", "14150000001")
    assert body["request_uuid"] == call["call_uuid"]


async def test_an_mpc_is_found_by_name_and_uuid(tmp_path: Path) -> None:
    """With and without the trailing slash; the documented keys."""
    async with api(tmp_path) as client:
        await add(client)
        by_name = (await client.get(f"{BASE}/name_demo/")).json()
        uuid = by_name["mpc_uuid"]
        by_uuid = (await client.get(f"{BASE}/uuid_{uuid}")).json()

    assert set(by_name) == {
        "api_id",
        "billed_amount",
        "billed_duration",
        "creation_time",
        "duration",
        "end_time",
        "friendly_name",
        "max_duration",
        "max_participants",
        "mpc_uuid",
        "participants",
        "recording",
        "resource_uri",
        "start_time",
        "status",
        "stay_alone",
        "sub_account",
        "termination_cause",
        "termination_cause_code",
    }
    assert by_name["status"] == by_uuid["status"] == "Active"
    assert by_name["resource_uri"] == f"{BASE}/name_demo/"
    assert by_uuid["participants"] == f"{BASE}/uuid_{uuid}/Participant/"
    assert by_name["creation_time"][-6:] == "+00:00"
    assert by_name["recording"] == "not-recording"


async def test_after_its_end_only_the_uuid_finds_it(tmp_path: Path) -> None:
    """404 by name, with a hint; its participants stay listed."""
    async with api(tmp_path) as client:
        await add(client)
        uuid = (await client.get(f"{BASE}/name_demo/")).json()["mpc_uuid"]
        assert (await client.delete(f"{BASE}/name_demo/")).status_code == 204
        by_name = await client.get(f"{BASE}/name_demo/")
        by_uuid = (await client.get(f"{BASE}/uuid_{uuid}/")).json()
        members = (await client.get(f"{BASE}/uuid_{uuid}/Participant/")).json()
        again = await client.delete(f"{BASE}/uuid_{uuid}/")

    assert by_name.status_code == 404
    assert "is found by its uuid" in by_name.json()["error"]
    assert (by_uuid["status"], by_uuid["termination_cause_code"]) == ("Ended", 3000)
    assert by_uuid["duration"] == 0
    (member,) = members["objects"]
    assert member["exit_cause"] == "Multiparty Call Ended"
    assert member["mute"] is None
    assert again.status_code == 404


async def test_participants_are_listed_newest_first(tmp_path: Path) -> None:
    """Roles in lower case, ids as strings; one can be looked up or filtered."""
    async with api(tmp_path) as client:
        await add(client)
        added = await add(client, role="Agent", mute="true")
        call_uuid = added["calls"][0]["call_uuid"]
        url = f"{BASE}/name_demo/Participant/"
        listed = (await client.get(url)).json()
        filtered = (await client.get(url, params={"call_uuid": call_uuid})).json()
        one = (await client.get(f"{url}2/")).json()
        none = await client.get(f"{url}9/")

    assert [(m["member_id"], m["role"]) for m in listed["objects"]] == [
        ("2", "agent"),
        ("1", "customer"),
    ]
    assert listed["meta"]["count"] == 2
    assert [m["call_uuid"] for m in filtered["objects"]] == [call_uuid]
    assert one["mute"] is True
    assert one["member_address"] == "+14150000002"
    assert one["resource_uri"] == f"{url}2/"
    assert none.json()["error"] == "no participant '9' in demo"


async def test_participants_are_kicked(tmp_path: Path) -> None:
    """One, several, all; one who is not there is said, and nobody kicked."""
    async with api(tmp_path) as client:
        for _ in range(4):
            await add(client)
        url = f"{BASE}/name_demo/Participant"
        assert (await client.delete(f"{url}/1,9/")).status_code == 404
        assert len((await client.get(url)).json()["objects"]) == 4
        assert (await client.delete(f"{url}/1,2/")).status_code == 204
        assert len((await client.get(url)).json()["objects"]) == 2
        assert (await client.delete(f"{url}/all/")).status_code == 204
        assert (await client.get(url)).status_code == 404


async def test_a_waiting_mpc_is_activated_once(tmp_path: Path) -> None:
    """204, and 404 when it is not (or no more) initialized."""
    async with api(tmp_path) as client:
        await add(client, start_mpc_on_enter=False)
        assert (await client.get(f"{BASE}/name_demo/")).json()[
            "status"
        ] == "Initialized"
        url = f"{BASE}/name_demo/"
        assert (await client.post(url, json={"status": ["active"]})).status_code == 204
        assert (await client.get(url)).json()["status"] == "Active"
        assert (await client.post(url, json={"status": "active"})).status_code == 404
        assert (await client.post(url, json={"status": "ended"})).status_code == 400


async def test_lists_filter_and_page(tmp_path: Path) -> None:
    """Newest first; next and previous are paths."""
    async with api(tmp_path) as client:
        for number in range(5):
            await add(client, f"room{number}")
        await client.delete(f"{BASE}/name_room0/")
        page = (await client.get(f"{BASE}/?limit=2&offset=2&status=active")).json()
        ended = (await client.get(f"{BASE}/?status=Ended")).json()
        named = (await client.get(f"{BASE}/", params={"friendly_name": "room3"})).json()

    assert [mpc["friendly_name"] for mpc in page["objects"]] == ["room2", "room1"]
    assert page["meta"] == {
        "count": 4,
        "limit": 2,
        "offset": 2,
        "next": None,
        "previous": f"{BASE}/?limit=2&offset=0&status=active",
    }
    assert [mpc["friendly_name"] for mpc in ended["objects"]] == ["room0"]
    assert ended["meta"]["next"] is None
    assert named["meta"]["count"] == 1


async def test_names_may_hold_anything(tmp_path: Path) -> None:
    """Blanks, slashes, other scripts; percent-encoded."""
    async with api(tmp_path) as client:
        await add(client, "caf%C3%A9%20%2F%201")
        found = (await client.get(f"{BASE}/name_caf%C3%A9%20%2F%201/")).json()

    assert found["friendly_name"] == "café / 1"


@pytest.mark.parametrize(
    ("auth", "account"),
    [
        (None, AUTH_ID),
        ((AUTH_ID, "wrong"), AUTH_ID),
        (("x", "local"), AUTH_ID),
        ((AUTH_ID, "local"), "MAOTHER0000000000000"),
    ],
    ids=["none", "wrong token", "wrong id", "another account"],
)
async def test_strangers_are_refused(
    tmp_path: Path, auth: tuple[str, str] | None, account: str
) -> None:
    """401."""
    async with api(tmp_path) as client:
        client.auth = auth  # type: ignore[assignment]
        answer = await client.get(f"/v1/Account/{account}/MultiPartyCall/")

    assert answer.status_code == 401
    assert answer.json()["error"] == "authentication failed"


async def test_a_broken_header_is_refused_too(tmp_path: Path) -> None:
    """It is no base64."""
    async with api(tmp_path) as client:
        client.auth = None  # type: ignore[assignment]
        for words in (b"Basic ???", b"Basic \xe9\xe9", b"Bearer x"):
            headers = {b"Authorization": words}
            answer = await client.get(f"{BASE}/", headers=headers)
            assert answer.status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "what"),
    [
        ("POST", "/name_x/Participant/", "{", 400, "body is no JSON"),
        ("POST", "/name_x/Participant/", "[]", 400, "body is no JSON object"),
        ("POST", "/name_x/Participant/", "[" * 100_000, 400, "body is no JSON"),
        ("POST", "/name_x/Participant/", "{}", 400, "role: Field required"),
        (
            "POST",
            "/name_x/Participant/",
            '{"role": "agent", "call_uuid": "u"}',
            400,
            "call_uuid: no live call u",
        ),
        (
            "POST",
            "/name_x/Participant/",
            (
                '{"role": "ai-agent", '
                '"ai_agent_stream_service_url": "ws://127.0.0.1:1/s", '
                '"ai_agent_stream_content_type": "audio/opus"}'
            ),
            400,
            "ai_agent_stream_content_type: content type",
        ),
        (
            "POST",
            "/uuid_u/Participant/",
            '{"role": "agent", "from": "+1", "to": "+2"}',
            404,
            "no MPC with uuid 'u'",
        ),
        ("GET", "/demo/", "", 404, "expected name_{name} or uuid_{uuid}"),
        ("GET", "/name_/", "", 404, "expected name_{name} or uuid_{uuid}"),
        ("GET", "/?limit=" + "9" * 5000, "", 400, "limit: "),
        (
            "POST",
            "/name_x/Participant/",
            '{"role": "agent", "from": "+1", "to": "<"}',
            400,
            "to: no destination",
        ),
        (
            "GET",
            "/?limit=21",
            "",
            400,
            "limit: Input should be less",
        ),
        (
            "GET",
            "/?offset=-1",
            "",
            400,
            "offset: Input should be greater",
        ),
        (
            "GET",
            "/?status=gone",
            "",
            400,
            "status: Input should be 'Init",
        ),
        ("PUT", "/name_x/", "", 405, "Method Not Allowed"),
        ("GET", "/../Nothing/", "", 404, "Not Found"),
    ],
    ids=lambda value: str(value)[:32],
)
async def test_mistakes_are_explained(
    tmp_path: Path, method: str, path: str, body: str, status: int, what: str
) -> None:
    """With `api_id` and `error`, whatever was wrong."""
    async with api(tmp_path) as client:
        answer = await client.request(method, f"{BASE}{path}", content=body)

    assert answer.status_code == status
    assert what in answer.json()["error"]
    assert answer.json()["api_id"]


async def test_a_full_room_is_said(tmp_path: Path) -> None:
    """400, with how many are allowed."""
    async with api(tmp_path) as client:
        for _ in range(2):
            await add(client, max_participants=2)
        answer = await client.post(f"{BASE}/name_demo/Participant/", json=CUSTOMER)

    assert answer.status_code == 400
    assert "allowed are 2" in answer.json()["error"]


async def test_adding_by_uuid_needs_a_living_room(tmp_path: Path) -> None:
    """Then it is as good as by name."""
    async with api(tmp_path) as client:
        await add(client)
        uuid = (await client.get(f"{BASE}/name_demo/")).json()["mpc_uuid"]
        url = f"{BASE}/uuid_{uuid}/Participant/"
        assert (await client.post(url, json=CUSTOMER)).status_code == 201
        await client.delete(f"{BASE}/name_demo/")
        assert (await client.post(url, json=CUSTOMER)).status_code == 404
