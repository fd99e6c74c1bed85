"""What the engine gets from URLs, with limits of size and time."""

import asyncio
from collections.abc import Mapping
from types import MappingProxyType

import httpx

from bridge.engine.notifier import Target
from bridge.errors import PeerError

__all__ = ["FetchError", "Fetcher"]

TIMEOUT_S = 15.0
"""Plivo's limit for an answer."""

MOST_BYTES = 50 * 1024 * 1024
"""A file for a telephone is never so long."""


class FetchError(PeerError):
    """A URL did not give what it should."""


class Fetcher:
    """Gets things.

    Args:
        http: What it gets them with.
    """

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def get(
        self,
        target: Target,
        params: Mapping[str, str] = MappingProxyType({}),
        most_bytes: int = MOST_BYTES,
    ) -> bytes:
        """Ask a URL.

        Raises:
            FetchError: If it does not answer, not with a success, or with too much.
        """
        given = {"params" if target.method == "GET" else "data": dict(params)}
        if not params:
            given = {}
        body = bytearray()
        try:
            async with (
                asyncio.timeout(TIMEOUT_S),
                self._http.stream(target.method, target.url, **given) as response,  # type: ignore[arg-type]
            ):
                response.raise_for_status()
                async for piece in response.aiter_bytes():
                    body += piece
                    if len(body) > most_bytes:
                        raise FetchError(f"{target.url}: more than {most_bytes} bytes")
        except httpx.HTTPStatusError as error:
            raise FetchError(
                f"{target.url}: HTTP {error.response.status_code}"
            ) from error
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ValueError) as error:
            raise FetchError(f"{target.url}: {error!r}") from error
        return bytes(body)
