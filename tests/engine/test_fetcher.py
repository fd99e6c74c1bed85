"""What is got from URLs, within limits."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from pydantic import SecretStr

from bridge.engine.fetcher import MOST_AT_ONCE, Fetcher, FetchError
from bridge.engine.targets import Target
from bridge.multiparty.signatures import is_signed

HERE = Target("http://h/x", "GET")


async def fetched(answer: object, target: Target = HERE, **given: object) -> bytes:
    transport = httpx.MockTransport(answer)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport) as http:
        return await Fetcher(http, SecretStr("secret")).get(target, **given)  # type: ignore[arg-type]


async def test_parameters_go_into_the_query_or_the_form() -> None:
    """As the method says; a URL's own query stays."""
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, content=b"yes")

    assert await fetched(answer, Target("http://h/x?a=1", "GET")) == b"yes"
    assert await fetched(answer, Target("http://h/x?a=1", "GET"), params={"b": "2"})
    assert await fetched(answer, Target("http://h/x?a=1", "POST"), params={"b": "2"})

    assert [str(each.url) for each in asked] == [
        "http://h/x?a=1",
        "http://h/x?a=1&b=2",
        "http://h/x?a=1",
    ]
    assert asked[2].content == b"b=2"
    for request, form in zip(asked, (None, None, {"b": "2"}), strict=True):
        url = str(request.url)
        assert is_signed(request.headers, "secret", request.method, url, form)


def fail(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused", request=request)


async def hang(_request: httpx.Request) -> httpx.Response:
    await asyncio.sleep(1000)
    raise AssertionError


async def flood() -> AsyncIterator[bytes]:
    while True:
        yield b"x" * 1000


class Drip(httpx.AsyncByteStream):
    """A byte a second, never late and never done."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            await asyncio.sleep(1)
            yield b"x"


@pytest.mark.parametrize(
    "kind",
    [
        "audio/x-wav",
        "audio/mpeg",
        "text/xml; charset=utf-8",
        "application/xml",
        "text/html",
        "application/octet-stream",
        "",
    ],
)
async def test_kinds_that_may_be_sound_or_xml(kind: str) -> None:
    """As servers name them, or do not."""
    headers = {"Content-Type": kind} if kind else {}

    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["Accept-Encoding"] == "identity"
        return httpx.Response(200, headers=headers, content=b"yes")

    assert await fetched(answer) == b"yes"


async def test_a_password_is_not_said() -> None:
    """Neither one before the host, nor one in the query."""
    with pytest.raises(FetchError) as caught:
        await fetched(fail, Target("http://me:hush@h/x?key=hush", "GET"))
    assert "hush" not in str(caught.value)
    assert "http://h/x?..." in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (fail, "refused"),
        (hang, "not all there in 15 s"),
        (lambda _: httpx.Response(200, stream=Drip()), "not all there in 15 s"),
        (lambda _: httpx.Response(404), "HTTP 404"),
        (
            lambda _: httpx.Response(302, headers={"Location": "http://h/y"}),
            "not followed",
        ),
        (lambda _: httpx.Response(200, content=flood()), "more than 5000 bytes"),
        (
            lambda _: httpx.Response(200, headers={"Content-Type": "image/png"}),
            "content type 'image/png', allowed are audio, XML, text",
        ),
        (
            lambda _: httpx.Response(200, headers={"Content-Encoding": "gzip"}),
            "content encoding 'gzip', none was asked for",
        ),
    ],
    ids=["refused", "hangs", "drips", "404", "302", "floods", "image", "packed"],
)
async def test_what_goes_wrong_is_said(answer: object, what: str) -> None:
    """With the URL."""
    with pytest.raises(FetchError, match=what) as caught:
        await fetched(answer, most_bytes=5000)
    assert "http://h/x" in str(caught.value)


async def test_a_url_that_is_none_is_said() -> None:
    """It cannot be asked."""
    with pytest.raises(FetchError, match="a URL that is none"):
        await fetched(fail, Target("http://[", "GET"))


async def test_servers_that_hang_take_not_every_socket() -> None:
    """Callbacks share them."""
    under_way = most = 0

    async def answer(_request: httpx.Request) -> httpx.Response:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        try:
            return await hang(_request)
        finally:
            under_way -= 1

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        gets = Fetcher(http, SecretStr("secret"))
        asked = [gets.get(HERE) for _ in range(MOST_AT_ONCE + 50)]
        results = await asyncio.gather(*asked, return_exceptions=True)
    assert all(isinstance(each, FetchError) for each in results)
    assert most == MOST_AT_ONCE
