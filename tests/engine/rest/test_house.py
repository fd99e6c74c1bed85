"""The engine's own operations."""

import asyncio
from pathlib import Path

import httpx

from tests.engine.setting import WEB, engine, hears, voice, wav


async def test_callbacks_can_be_looked_at(tmp_path: Path) -> None:
    """The newest first, with what became of them."""
    async with engine(tmp_path, {"/cb": 500}) as house:
        house.add("demo", "2", status_callback_url=f"{WEB}/cb")
        await asyncio.sleep(1)
        shown = (await house.api.get("/engine/callbacks")).json()["objects"]
        assert [each["params"]["EventName"] for each in shown] == [
            "MPCStart",
            "ParticipantJoin",
            "MPCInitialized",
        ]
        assert shown[2]["error"] == "HTTP 500"
        assert shown[0]["state"] == "waiting"
        waiting = await house.api.get("/engine/callbacks?state=delivered")
        assert waiting.json()["objects"] == []
        stranger = await house.api.get("/engine/callbacks", auth=("x", "y"))
        assert stranger.status_code == 401


async def test_a_phone_calls_in_and_enters_by_xml(tmp_path: Path) -> None:
    """Its answer URL says what becomes of it; after the room it goes on."""
    xml = f"""<Response><Speak>hi</Speak><MultiPartyCall role="customer"
        enterSound="none" startMpcOnEnter="true">demo</MultiPartyCall>
        <Play>{WEB}/bye</Play></Response>"""
    pages = {"/answer": xml.encode(), "/bye": wav(900, 1.0)}
    async with engine(tmp_path, pages, n7=voice(tmp_path, 500)) as house:
        body = {"from": "7", "to": "+9", "answer_url": f"{WEB}/answer"}
        answer = await house.api.post("/engine/calls", json=body)
        assert answer.status_code == 201
        line = house.exchange.calls.lines[answer.json()["request_uuid"]]
        house.listen(line)
        (asked,) = house.told("/answer")
        assert (asked["From"], asked["Direction"]) == ("7", "inbound")
        await asyncio.sleep(0.65)
        assert hears(house.sound(line, 0.1), 1500)
        await asyncio.sleep(0.5)
        agent = house.add("demo", "2", "agent")
        await asyncio.sleep(1)
        assert hears(house.sound(agent), 500)
        assert house.room().room.members[0].address == "7"
        house.exchange.end(house.room())
        await asyncio.sleep(0.9)
        assert hears(house.sound(line), 900)
        await asyncio.sleep(0.5)
        assert house.exchange.calls.lines == {}
        assert line.hangup is not None
        assert line.hangup.code == 4010


async def test_an_answer_url_must_answer(tmp_path: Path) -> None:
    """Else nobody calls; typing errors are said."""
    async with engine(tmp_path, {"/answer": 404}) as house:
        body = {"from": "7", "to": "+9", "answer_url": f"{WEB}/answer"}
        answer = await house.api.post("/engine/calls", json=body)
        assert answer.json()["error"] == f"answer_url: {WEB}/answer: HTTP 404"
        answer = await house.api.post("/engine/calls", json={**body, "form": "7"})
        assert "form: there is nothing of that name" in answer.json()["error"]


async def test_an_answer_can_be_told_later(tmp_path: Path) -> None:
    """With `callback_url`: at once 202, then the real answer, errors too."""
    async with engine(tmp_path) as house:
        house.add("demo", "2")
        await asyncio.sleep(1)
        base = "/v1/Account/MALOCALENGINE0000000/MultiPartyCall"
        spawned = await house.api.get(
            f"{base}/name_demo/", params={"callback_url": f"{WEB}/later"}
        )
        assert spawned.status_code == 202
        assert spawned.json()["message"] == "async api spawned"
        refused = await house.api.post(
            f"{base}/name_none/Record/",
            json={"callback_url": f"{WEB}/later", "callback_method": "GET"},
        )
        assert refused.status_code == 202
        wrong = await house.api.get(f"{base}/?callback_url=nonsense")
        assert wrong.status_code == 400
        await house.settled()
        good, bad = house.told("/later")
        assert good["api_id"] == spawned.json()["api_id"]
        assert good["status_code"] == "200"
        assert '"friendly_name": "demo"' in good["response"]
        assert bad["status_code"] == "404"


async def test_a_crowd_is_held_back(tmp_path: Path) -> None:
    """300 requests in 5 s, then 429 with when to come back."""
    async with engine(tmp_path) as house:
        url = "/v1/Account/MALOCALENGINE0000000/MultiPartyCall/name_x/"

        async def ask() -> httpx.Response:
            return await house.api.get(url)

        answers = [await ask() for _ in range(301)]
        assert {each.status_code for each in answers[:300]} == {404}
        assert answers[300].status_code == 429
        assert answers[300].headers["Retry-After"] == "5"
        await asyncio.sleep(5.1)
        assert (await ask()).status_code == 404
