"""Callbacks on their way, in virtual time."""

import asyncio
import collections
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
    """And harms nobody; it is not asked again, either."""
    async with notifying(Receiver(ok)) as tells:
        delivery = tells.tell("m", Target("http://h:x/cb"), {})
        other = tells.tell("m", Target("gopher://h/cb"), {})
        await tells.idle()
    assert (delivery.state, delivery.attempts) == ("refused", 1)
    assert other.error == "scheme 'gopher', allowed are http and https"


async def test_receivers_that_hang_hold_up_nobody_else() -> None:
    """However many callbacks wait for them; each host has its share."""
    under_way: collections.Counter[str] = collections.Counter()
    most: collections.Counter[str] = collections.Counter()

    async def answer(request: httpx.Request) -> httpx.Response:
        host = request.url.host
        under_way[host] += 1
        most[host] = max(most[host], under_way[host])
        try:
            if host == "hangs":
                await asyncio.sleep(1000)
        finally:
            under_way[host] -= 1
        return httpx.Response(200)

    async with (
        httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http,
        background() as spawn,
    ):
        tells = Notifier(SecretStr("secret"), http, spawn)
        for call in range(300):
            tells.tell(f"call {call}", Target("http://hangs/cb"), {})
        good = [tells.tell(f"call {call}", CB, {}) for call in range(300)]
        await asyncio.sleep(1)
        assert {each.state for each in good} == {"delivered"}
        await tells.idle()
        shown = {each.state for each in tells.deliveries}

    assert shown == {"delivered", "failed"}
    assert most["hangs"] == notifier.MOST_AT_ONE


async def test_minutes_without_a_receiver(caplog: pytest.LogCaptureFixture) -> None:
    """What it missed is told in order when it is back; what was given up is said."""
    back_s = 180.0

    def answer(request: httpx.Request) -> httpx.Response:
        if asyncio.get_running_loop().time() < back_s:
            raise httpx.ConnectError("refused", request=request)
        return httpx.Response(200)

    receiver = Receiver(answer)
    async with notifying(receiver) as tells:
        told = []
        for number in range(20):
            told.append(tells.tell("m", CB, {"EventName": "E", "n": str(number)}))
            await asyncio.sleep(1)
        await tells.idle()

    states = [each.state for each in told]
    lost = states.count("failed")
    assert states == ["failed"] * lost + ["delivered"] * (20 - lost)
    assert lost == 3
    numbers = [
        int(dict(parse_qsl(request.content.decode()))["n"])
        for request, when_s in zip(receiver.got, receiver.got_s, strict=True)
        if when_s >= back_s
    ]
    assert numbers == list(range(lost, 20))
    assert caplog.text.count("callback E to http://h/cb?... failed") == lost
