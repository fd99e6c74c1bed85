"""What the engine gets from URLs, with limits of size and time."""

import asyncio
from collections.abc import Mapping
from types import MappingProxyType

import httpx
from pydantic import SecretStr

from bridge.engine.outgoing import request_to
from bridge.engine.targets import Target
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
        auth_token: Signs what it asks.
    """

    def __init__(self, http: httpx.AsyncClient, auth_token: SecretStr) -> None:
        self._http = http
        self._auth_token = auth_token

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
        body = bytearray()
        try:
            async with asyncio.timeout(TIMEOUT_S):
                request = request_to(
                    self._http, self._auth_token, target, params, TIMEOUT_S
                )
                response = await self._http.send(request, stream=True)
                try:
                    response.raise_for_status()
                    async for piece in response.aiter_bytes():
                        body += piece
                        if len(body) > most_bytes:
                            raise FetchError(
                                f"{target.url}: more than {most_bytes} bytes"
                            )
                finally:
                    await response.aclose()
        except httpx.HTTPStatusError as error:
            raise FetchError(
                f"{target.url}: HTTP {error.response.status_code}"
            ) from error
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ValueError) as error:
            raise FetchError(f"{target.url}: {error!r}") from error
        return bytes(body)
