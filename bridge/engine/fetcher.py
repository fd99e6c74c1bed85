"""What the engine gets from URLs, with limits of place, size, kind and time."""

import asyncio
from collections.abc import Mapping
from types import MappingProxyType

import httpx
from pydantic import SecretStr

from bridge.engine.addresses import OutOfReachError
from bridge.engine.outgoing import request_to
from bridge.engine.targets import Target
from bridge.errors import PeerError

__all__ = ["FetchError", "Fetcher"]

TIMEOUT_S = 15.0
"""Plivo's limit for an answer; from the first byte asked to the last one got."""

MOST_BYTES = 50 * 1024 * 1024
"""A file for a telephone is never so long."""

MOST_AT_ONCE = 200
"""Things being got; callbacks, which use the same sockets, always have the rest."""

KINDS = ("audio/", "text/", "application/octet-stream", "application/ogg")
"""Content types that may be a sound or XML; many servers call XML `text/html`."""


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
        self._turn = asyncio.Semaphore(MOST_AT_ONCE)

    async def get(
        self,
        target: Target,
        params: Mapping[str, str] = MappingProxyType({}),
        most_bytes: int = MOST_BYTES,
    ) -> bytes:
        """Ask a URL.

        Raises:
            FetchError: If it does not answer, leads where the engine may not go, or
                gives no success, too much, or what is neither audio, XML nor text.
        """
        try:
            async with asyncio.timeout(TIMEOUT_S), self._turn:
                request = request_to(
                    self._http, self._auth_token, target, params, TIMEOUT_S
                )
                # A few bytes can be unpacked to more than there is memory.
                request.headers["Accept-Encoding"] = "identity"
                response = await self._http.send(request, stream=True)
                try:
                    return await _body(response, most_bytes)
                finally:
                    await response.aclose()
        except TimeoutError as error:
            raise FetchError(f"{target}: not all there in {TIMEOUT_S:.0f} s") from error
        except (OutOfReachError, _UnfitError) as error:
            raise FetchError(f"{target}: {error}") from error
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise FetchError(f"{target}: {error!r}") from error


class _UnfitError(Exception):
    """An answer that is of no use."""


async def _body(response: httpx.Response, most_bytes: int) -> bytes:
    if response.is_redirect:
        raise _UnfitError(f"HTTP {response.status_code}: redirects are not followed")
    if not response.is_success:
        raise _UnfitError(f"HTTP {response.status_code}")
    _check_kind(response.headers)
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > most_bytes:
            raise _UnfitError(f"more than {most_bytes} bytes")
    return bytes(body)


def _check_kind(headers: httpx.Headers) -> None:
    encoding = headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise _UnfitError(f"content encoding {encoding[:40]!r}, none was asked for")
    kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind and not kind.startswith(KINDS) and not kind.endswith(("/xml", "+xml")):
        raise _UnfitError(
            f"content type {kind[:80]!r}, allowed are audio, XML, text "
            "and application/octet-stream"
        )
