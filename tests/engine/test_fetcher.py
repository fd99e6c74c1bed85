"""What is got from URLs, within limits."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from pydantic import SecretStr

from bridge.engine.fetcher import Fetcher, FetchError
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


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (fail, "refused"),
        (hang, "TimeoutError"),
        (lambda _: httpx.Response(404), "HTTP 404"),
        (lambda _: httpx.Response(302, headers={"Location": "http://h/y"}), "HTTP 302"),
        (lambda _: httpx.Response(200, content=flood()), "more than 5000 bytes"),
    ],
    ids=["refused", "hangs", "404", "302", "floods"],
)
async def test_what_goes_wrong_is_said(answer: object, what: str) -> None:
    """With the URL."""
    with pytest.raises(FetchError, match=what) as caught:
        await fetched(answer, most_bytes=5000)
    assert "http://h/x" in str(caught.value)


async def test_a_url_that_is_none_is_said() -> None:
    """It cannot be asked."""
    with pytest.raises(FetchError, match=r"http://\["):
        await fetched(fail, Target("http://[", "GET"))
