"""Callbacks received."""

import asyncio
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from bridge.control import Callbacks
from bridge.multiparty import signatures
from bridge.multiparty.callbacks import Callback, MpcEvent

START = {"EventName": "MPCStart", "MPCUUID": "m", "MPCName": "demo"}
URL = "http://here.test/callbacks"


async def send(
    callbacks: Callbacks, method: str = "POST", **given: Any
) -> httpx.Response:
    transport = httpx.ASGITransport(callbacks.app())
    async with httpx.AsyncClient(transport=transport) as http:
        return await http.request(method, given.pop("url", URL), **given)


def listening(callbacks: Callbacks) -> list[Callback]:
    got: list[Callback] = []
    callbacks.listen(got.append)
    return got


async def test_forms_and_queries_are_taken() -> None:
    """POST and GET."""
    callbacks = Callbacks()
    got = listening(callbacks)

    posted = await send(callbacks, data={**START, "SequenceNumber": "1"})
    asked = await send(callbacks, "GET", params={**START, "SequenceNumber": "2"})

    assert (posted.status_code, asked.status_code) == (200, 200)
    assert [each.sequence for each in got if isinstance(each, MpcEvent)] == [1, 2]


async def test_what_comes_twice_is_handed_on_once() -> None:
    """Answered with 200 all the same, so that it comes no more."""
    callbacks = Callbacks()
    got = listening(callbacks)
    for _ in range(3):
        assert (await send(callbacks, data=START)).status_code == 200
    assert len(got) == 1
    assert (callbacks.received, callbacks.repeated) == (1, 2)


async def test_what_came_by_our_url_is_told_apart() -> None:
    """From what others hand over; each is handed on once, whichever way it came."""
    callbacks = Callbacks()
    got, received = listening(callbacks), list[Callback]()
    callbacks.on_received = received.append
    elsewhere = MpcEvent.model_validate({**START, "SequenceNumber": "2"})

    assert callbacks.take(elsewhere)
    await send(callbacks, data=START)
    await send(callbacks, data={**START, "SequenceNumber": "2"})

    assert not callbacks.take(received[0])
    assert got == [elsewhere, *received]
    assert len(received) == 1


async def test_a_signature_is_asked_for_where_there_is_a_token() -> None:
    """Of the form and of the URL, as the far side knows it."""
    token = SecretStr("secret")
    public = "https://bot.example.com/callbacks"
    for callbacks, url in (
        (Callbacks(token), URL),
        (Callbacks("secret", public_url=public), public),
    ):
        signed = signatures.headers("secret", "POST", f"{url}?a=1", "N", START)
        right = await send(callbacks, data=START, headers=signed, url=f"{URL}?a=1")
        wrong = await send(callbacks, data=START, headers=signed)
        none = await send(callbacks, data=START)
        signed = signatures.headers("secret", "GET", f"{url}?EventName=MPCStart", "N")
        query = await send(
            callbacks, "GET", params={"EventName": "MPCStart"}, headers=signed
        )
        codes = [each.status_code for each in (right, wrong, none, query)]
        assert codes == [200, 403, 403, 200]
        assert callbacks.refused == 2


async def test_nonsense_is_answered_and_dropped(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It would not get better by coming again; too much of it is refused."""
    callbacks = Callbacks()
    got = listening(callbacks)
    assert (await send(callbacks, content=b"\xff\xfe")).status_code == 200
    assert (await send(callbacks, data={"A": "b"})).status_code == 200
    assert (await send(callbacks, content=b"x" * 100_000)).status_code == 413
    assert got == []
    assert "no known callback: it has A" in caplog.text


async def test_a_listener_that_fails_is_not_the_others_matter(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is logged."""
    callbacks = Callbacks()

    def fail(_callback: Callback) -> None:
        raise ZeroDivisionError("a bug")

    callbacks.listen(fail)
    got = listening(callbacks)
    await send(callbacks, data=START)
    assert len(got) == 1
    assert "a listener failed" in caplog.text
    callbacks.unlisten(fail)


async def test_a_subscription_is_about_a_call_or_a_leg() -> None:
    """By name or uuid; it ends with its reader."""
    callbacks = Callbacks()

    async def first(**about: str) -> Callback:
        events = callbacks.events(**about)
        try:
            return await anext(events)
        finally:
            await events.aclose()  # type: ignore[attr-defined]

    waiting = {
        name: asyncio.create_task(first(**about))
        for name, about in (
            ("name", {"mpc": "demo"}),
            ("uuid", {"mpc": "m"}),
            ("leg", {"call_uuid": "c"}),
            ("all", {}),
        )
    }
    await asyncio.sleep(0)
    other = {"EventName": "MPCStart", "MPCUUID": "x", "MPCName": "other"}
    await send(callbacks, data=other)
    await send(callbacks, data=START)
    leg = {**START, "EventName": "ParticipantMute", "ParticipantCallUUID": "c"}
    await send(callbacks, data=leg)
    got = {name: await task for name, task in waiting.items()}

    assert got["all"].params()["MPCUUID"] == "x"
    assert got["name"] == got["uuid"]
    assert got["name"].params()["EventName"] == "MPCStart"
    assert got["leg"].params()["EventName"] == "ParticipantMute"
    assert callbacks._listeners == []


async def test_memory_of_repetitions_has_an_end() -> None:
    """The oldest are forgotten."""
    callbacks = Callbacks()
    for number in range(10_005):
        callbacks.take(
            MpcEvent.model_validate({**START, "SequenceNumber": str(number)})
        )
    assert callbacks.received == 10_005
    assert len(callbacks._known) == 10_000
