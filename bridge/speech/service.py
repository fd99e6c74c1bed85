"""A server of brains, recognizers or voices behind HTTP, and how it is asked.

`chat` and `http_audio` speak the formats that OpenAI published and many servers speak.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from pydantic import SecretStr

from bridge.errors import ServiceError

__all__ = ["Service"]

CONNECT_S = 5.0

SILENT_S = 10.0
"""So long a server may send nothing, before or within an answer."""

ATTEMPTS = 2
"""A server that is busy is asked once more, if it does not wish for too long."""

LONGEST_RETRY_S = 1.0


class Service:
    """A server, and how it is asked.

    Args:
        url: The base; `/chat/completions` and the like follow it.
        key: Sent as a bearer token; empty: none is.
        transport: For tests.
    """

    def __init__(
        self,
        url: str,
        key: SecretStr | str = "",
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        secret = key.get_secret_value() if isinstance(key, SecretStr) else key
        self._client = httpx.AsyncClient(
            base_url=httpx.URL(url.rstrip("/")).copy_with(query=None),
            params=httpx.URL(url).params,
            headers={"Authorization": f"Bearer {secret}"} if secret else {},
            timeout=httpx.Timeout(SILENT_S, connect=CONNECT_S),
            transport=transport,
        )

    def __repr__(self) -> str:
        return f"<Service {self._client.base_url.host}>"

    async def aclose(self) -> None:
        """Let its connections go."""
        await self._client.aclose()

    @asynccontextmanager
    async def ask(
        self, what: str, path: str, **content: Any
    ) -> AsyncIterator[httpx.Response]:
        """Post something, and read the answer as it comes.

        Args:
            what: For errors, in words.
            path: Below the base.
            content: As httpx takes it: `json`, `data`, `files`.

        Raises:
            ServiceError: If it cannot be reached, refuses, or breaks off.
        """
        try:
            response = await self._answered(path, content)
            try:
                if response.is_error:
                    await response.aread()
                    raise ServiceError(what, _refusal(response))
                yield response
            finally:
                await response.aclose()
        except httpx.HTTPError as error:
            detail = str(error) or type(error).__name__
            raise ServiceError(what, detail) from error

    async def _answered(self, path: str, content: dict[str, Any]) -> httpx.Response:
        """Ask, once more if the server is busy for a moment."""
        for attempt in range(ATTEMPTS):
            request = self._client.build_request("POST", path, **content)
            response = await self._client.send(request, stream=True)
            is_busy = response.status_code in (429, 503)
            wait_s = _retry_after_s(response)
            if not is_busy or attempt + 1 == ATTEMPTS or wait_s > LONGEST_RETRY_S:
                return response
            await response.aclose()
            await asyncio.sleep(wait_s)
        raise AssertionError


def _retry_after_s(response: httpx.Response) -> float:
    try:
        return max(0.0, float(response.headers.get("Retry-After", "0.25")))
    except ValueError:
        return LONGEST_RETRY_S + 1


def _refusal(response: httpx.Response) -> str:
    """The status, and what the server says of it."""
    try:
        error = response.json()["error"]
        text = error["message"] if isinstance(error, dict) else str(error)
    except (ValueError, KeyError, TypeError):
        text = response.text[:200]
    return f"HTTP {response.status_code}: {text}"
