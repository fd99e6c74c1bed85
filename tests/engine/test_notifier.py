"""Callbacks on their way, in virtual time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl

import httpx
import pytest
from pydantic import SecretStr

from bridge.engine import notifier
from bridge.engine.notifier import Notifier
from bridge.engine.targets import Target
from bridge.multiparty.signatures import is_signed
from bridge.tasks import background

CB = Target("http://h/cb?own=1")


class Receiver:
    """Takes callbacks, as well as it is told to."""

    def __init__(self, answer: Callable[[httpx.Request], httpx.Response]) -> None:
        self.answer = answer
        self.got: list[httpx.Request] = []
        self.got_s: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.got.append(request)
        self.got_s.append(asyncio.get_running_loop().time())
        return self.answer(request)


@asynccontextmanager
async def notifying(receiver: Receiver) -> AsyncIterator[Notifier]:
    async with (
        httpx.AsyncClient(transport=httpx.MockTransport(receiver)) as http,
        background() as spawn,
    ):
        yield Notifier(SecretStr("secret"), http, spawn)


def ok(_request: httpx.Request) -> httpx.Response:
    return httpx.Response(200)


async def test_a_form_is_posted_and_signed() -> None:
    """With both versions, so that any SDK finds it right."""
    receiver = Receiver(ok)
    params = {"EventName": "MPCStart", "MPCName": "a b&ü", "Empty": ""}
    async with notifying(receiver) as tells:
        delivery = tells.tell("m", CB, params)
        await tells.idle()

    (request,) = receiver.got
    form = dict(parse_qsl(request.content.decode(), keep_blank_values=True))
    assert form == params
    assert is_signed(request.headers, "secret", "POST", CB.url, form)
    assert not is_signed(request.headers, "secret", "POST", CB.url, {**form, "A": ""})
    assert (delivery.state, delivery.status, delivery.attempts) == ("delivered", 200, 1)
    assert delivery.shown()["params"] == params


async def test_a_query_carries_them_too() -> None:
    """GET, beside what the URL has itself."""
    receiver = Receiver(ok)
    async with notifying(receiver) as tells:
        tells.tell("m", Target(CB.url, "GET"), {"EventName": "MPCStart"})
        await tells.idle()

    (request,) = receiver.got
    assert request.method == "GET"
    assert dict(request.url.params) == {"own": "1", "EventName": "MPCStart"}
    assert is_signed(request.headers, "secret", "GET", str(request.url))


async def test_they_arrive_in_order_however_often_they_are_tried() -> None:
    """The second waits for the first."""
    failures = iter([500, 503])
    receiver = Receiver(lambda _: httpx.Response(next(failures, 200)))
    async with notifying(receiver) as tells:
        for number in range(3):
            tells.tell("m", CB, {"n": str(number)})
        await tells.idle()

    numbers = [dict(parse_qsl(r.content.decode()))["n"] for r in receiver.got]
    assert numbers == ["0", "0", "0", "1", "2"]
    assert receiver.got_s == [0.0, 1.0, 3.0, 3.0, 3.0]


async def test_a_receiver_that_is_down_holds_up_nobody_else() -> None:
    """Neither other URLs, nor other calls."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "down":
            raise httpx.ConnectError("refused", request=request)
        return httpx.Response(200)

    receiver = Receiver(answer)
    async with notifying(receiver) as tells:
        lost = tells.tell("m", Target("http://down/cb"), {})
        tells.tell("m", CB, {})
        await asyncio.sleep(0.1)
        assert len(receiver.got) == 2
        await tells.idle()

    assert (lost.state, lost.attempts) == ("failed", 6)
    assert "refused" in lost.error
    assert receiver.got_s[-1] == sum(notifier.RETRY_S)


@pytest.mark.parametrize("status", [400, 404, 302])
async def test_what_is_refused_is_not_tried_again(status: int) -> None:
    """It would be refused again."""
    receiver = Receiver(lambda _: httpx.Response(status))
    async with notifying(receiver) as tells:
        delivery = tells.tell("m", CB, {})
        await tells.idle()

    assert (delivery.attempts, delivery.status) == (1, status)
    assert delivery.state == "refused"
    assert delivery.error == f"HTTP {status}"


async def test_a_queue_has_an_end() -> None:
    """What does not fit is dropped, and shown as dropped."""
    receiver = Receiver(ok)
    async with notifying(receiver) as tells:
        for _ in range(notifier.MOST_WAITING + 2):
            delivery = tells.tell("m", CB, {})
        assert delivery.state == "dropped"
        await tells.idle()
        assert len(receiver.got) == notifier.MOST_WAITING


async def test_a_url_that_is_none_fails() -> None:
    """And harms nobody."""
    async with notifying(Receiver(ok)) as tells:
        delivery = tells.tell("m", Target("http://h:x/cb"), {})
        await tells.idle()
    assert delivery.state == "failed"
