"""Retries, the rate limit, errors."""

import asyncio
from collections.abc import Callable

import httpx
import pytest
from pydantic import SecretStr

from bridge.control.asking import Asking
from bridge.control.client import MpcClient
from bridge.errors import ControlError, RefusedError, UnavailableError
from tests.control.test_client import MPC, client


def asking(answer: Callable[[httpx.Request], httpx.Response]) -> Asking:
    transport = httpx.MockTransport(answer)
    return Asking("MA", SecretStr("secret"), "http://api.test", 1.0, transport)


class Moody:
    """Answers with one status after another."""

    def __init__(self, *statuses: int, **headers: str) -> None:
        self.statuses = list(statuses)
        self.headers = headers
        self.asked_s: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked_s.append(asyncio.get_running_loop().time())
        status = self.statuses.pop(0)
        return httpx.Response(status, json=MPC, headers=self.headers)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, RefusedError), (401, RefusedError), (404, RefusedError)],
)
async def test_what_is_refused_is_not_asked_again(
    status: int, kind: type[ControlError]
) -> None:
    """With what was asked and what the API said."""
    async with client(lambda _: httpx.Response(status, json={"error": "why"})) as mpc:
        with pytest.raises(kind, match=f"get MPC: HTTP {status}: why") as caught:
            await mpc.get("demo")
    assert caught.value.status == status


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_what_may_work_later_is_asked_again(status: int) -> None:
    """Longer apart each time, and never quite the same."""
    moody = Moody(status, status, 200)
    async with client(moody) as mpc:
        assert (await mpc.get("demo")).mpc_uuid == "u"

    first, second, third = moody.asked_s
    assert 0.12 <= second - first <= 0.38
    assert 0.25 <= third - second <= 0.76


async def test_the_api_may_say_how_long_to_wait() -> None:
    """`Retry-After`, within reason."""
    moody = Moody(429, 429, 200, **{"Retry-After": "3"})
    async with client(moody) as mpc:
        await mpc.get("demo")
    assert moody.asked_s == [0.0, 3.0, 6.0]

    moody = Moody(429, 200, **{"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"})
    async with client(moody) as mpc:
        await mpc.get("demo")


async def test_a_post_is_not_asked_twice() -> None:
    """It may have been done; unless it was refused for its rate."""
    moody = Moody(503, 200)
    async with client(moody) as mpc:
        with pytest.raises(UnavailableError):
            await mpc.add_participant("demo", role="agent", from_="+1", to="+2")
        assert len(moody.asked_s) == 1

    moody = Moody(429, 200)
    async with client(moody) as mpc:
        await mpc.add_participant("demo", role="agent", from_="+1", to="+2")
        assert len(moody.asked_s) == 2


async def test_in_the_end_it_gives_up() -> None:
    """After four attempts, with the last error."""
    moody = Moody(503, 503, 503, 503, 200)
    async with client(moody) as mpc:
        with pytest.raises(UnavailableError, match="get MPC: HTTP 503"):
            await mpc.get("demo")
    assert len(moody.asked_s) == 4


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
        with pytest.raises(UnavailableError, match=r"test/ cannot be reached"):
            await mpc.end("demo")


@pytest.mark.parametrize("answer", [{"json": {}}, {"text": "hello"}], ids=str)
async def test_an_answer_that_makes_no_sense_is_said(answer: dict[str, object]) -> None:
    """Missing fields, no JSON."""
    async with client(lambda _: httpx.Response(200, **answer)) as mpc:  # type: ignore[arg-type]
        with pytest.raises(ControlError, match="unexpected answer"):
            await mpc.get("demo")


async def test_the_accounts_rate_is_kept() -> None:
    """300 requests in 5 s; the next one waits instead of being refused."""
    times: list[float] = []

    def answer(_request: httpx.Request) -> httpx.Response:
        times.append(asyncio.get_running_loop().time())
        return httpx.Response(204)

    asker = asking(answer)
    for _ in range(302):
        await asker.ask("end", "DELETE", "name_x/")
    await asker.aclose()

    assert times[299] == 0.0
    assert times[300:] == [5.0, 5.0]


async def test_a_client_can_be_made_with_a_secret() -> None:
    """As options carry it."""
    async with MpcClient("MA", SecretStr("secret")) as mpc:
        assert repr(mpc) == "<MpcClient MA at api.plivo.com>"


async def test_what_an_attempt_without_an_answer_removed_is_removed() -> None:
    """A 404 after it is no failure; at once it is one."""
    answers = iter([None, 404, 404])

    def answer(request: httpx.Request) -> httpx.Response:
        status = next(answers)
        if status is None:
            raise httpx.ReadTimeout("no answer", request=request)
        return httpx.Response(status, json={"error": "gone"})

    async with client(answer) as mpc:
        await mpc.end("demo")
        with pytest.raises(RefusedError):
            await mpc.end("demo")


async def test_a_state_may_be_asked_for_twice() -> None:
    """It says how things are to be."""
    moody = Moody(503, 200)
    async with client(moody) as mpc:
        await mpc.update("demo", "1", mute=True)
    assert len(moody.asked_s) == 2


async def test_a_whole_address_of_the_api_is_as_good_as_its_host() -> None:
    """The engine prints one, to be pasted."""
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(204)

    url = "http://api.test/v1/Account/MA/MultiPartyCall/"
    transport = httpx.MockTransport(answer)
    async with MpcClient("MA", "secret", url=url, transport=transport) as mpc:
        await mpc.end("demo")
    assert asked == ["http://api.test/v1/Account/MA/MultiPartyCall/name_demo/"]
