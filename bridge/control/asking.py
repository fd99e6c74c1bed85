"""Questions to the API: retried where that is safe, within its rate."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import httpx
from pydantic import SecretStr, ValidationError

from bridge.errors import ControlError, RefusedError, UnavailableError
from bridge.multiparty.rates import PLIVO_RATE, RateWindow

__all__ = ["Asking", "api_errors"]

_LOG = logging.getLogger(__name__)

MAY_WORK_LATER = frozenset((429, 500, 502, 503, 504))

IDEMPOTENT = frozenset(("GET", "DELETE"))
"""What may be asked twice. A POST may have been done although no answer came."""

ATTEMPTS = 4
FIRST_WAIT_S = 0.25
LONGEST_WAIT_S = 10.0

MOST_CONNECTIONS = 20


class Asking:
    """Asks, as one account.

    Args:
        auth_id: The account.
        auth_token: Its token; never logged, never in a repr.
        url: Where the API is.
        timeout_s: For each attempt.
        transport: For tests.
    """

    def __init__(
        self,
        auth_id: str,
        auth_token: SecretStr,
        url: str,
        timeout_s: float,
        transport: httpx.AsyncBaseTransport | None,
    ) -> None:
        self._rate = RateWindow(*PLIVO_RATE)
        # Whoever pastes a whole address of the API means its host.
        root = url.partition("/v1/Account")[0].rstrip("/")
        self._http = httpx.AsyncClient(
            base_url=f"{root}/v1/Account/{quote(auth_id)}/MultiPartyCall/",
            auth=httpx.BasicAuth(auth_id, auth_token.get_secret_value()),
            timeout=timeout_s,
            limits=httpx.Limits(max_connections=MOST_CONNECTIONS),
            transport=transport,
        )

    @property
    def host(self) -> str:
        """Of the API."""
        return self._http.base_url.host

    async def aclose(self) -> None:
        """Close its connections."""
        await self._http.aclose()

    async def ask(  # noqa: PLR0913 - a request has so many parts
        self,
        operation: str,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None,
        *,
        is_repeatable: bool | None = None,
    ) -> Any:
        """Ask, and return the JSON of the answer; `{}` for none.

        Args:
            operation: What is asked, in words, for errors.
            method: `GET`, `POST` or `DELETE`.
            path: Below `MultiPartyCall/`.
            body: To be sent as JSON.
            query: Parameters of the URL.
            is_repeatable: Whether it may be asked twice; None: GET and DELETE may.

        Raises:
            RefusedError: If the API says no.
            UnavailableError: If it cannot be reached, or may work later.
        """

        async def once() -> Any:
            await self._wait_for_a_place()
            with api_errors(operation):
                response = await self._http.request(
                    method, path, json=body, params=query or {}
                )
                response.raise_for_status()
                return response.json() if response.content else {}

        if is_repeatable is None:
            is_repeatable = method in IDEMPOTENT
        return await self._retried(
            once, is_repeatable=is_repeatable, is_removal=method == "DELETE"
        )

    async def _wait_for_a_place(self) -> None:
        """Keep to the account's rate: waiting here is cheaper than a 429."""
        now = asyncio.get_running_loop().time
        wait_s = self._rate.take(now())
        while wait_s:
            await asyncio.sleep(wait_s)
            wait_s = self._rate.take(now())

    async def _retried(
        self,
        once: Callable[[], Awaitable[Any]],
        *,
        is_repeatable: bool,
        is_removal: bool,
    ) -> Any:
        may_be_done = False
        for attempt in range(ATTEMPTS):
            try:
                return await once()
            except RefusedError as error:
                # Not there: the attempt whose answer was lost has removed it.
                if may_be_done and is_removal and error.status == 404:
                    return {}
                raise
            except UnavailableError as error:
                # What was refused for its rate was not done, whatever it was.
                is_refused = error.status == 429
                may_be_done |= not is_refused
                if attempt == ATTEMPTS - 1 or not (is_repeatable or is_refused):
                    raise
                wait_s = _wait_s(attempt, error)
                _LOG.info("%s; trying again in %.1f s", error, wait_s)
                await asyncio.sleep(wait_s)
        raise AssertionError("the last attempt returns or raises")


def _wait_s(attempt: int, error: UnavailableError) -> float:
    """What the API wishes, or longer each time, and never quite the same."""
    if error.retry_s is not None:
        return min(error.retry_s, LONGEST_WAIT_S)
    wait_s = min(FIRST_WAIT_S * 2.0**attempt, LONGEST_WAIT_S)
    return wait_s * random.uniform(0.5, 1.5)


@contextmanager
def api_errors(operation: str) -> Iterator[None]:
    """Turn what httpx and pydantic raise into our own errors."""
    try:
        yield
    except httpx.HTTPStatusError as error:
        status = error.response.status_code
        if status not in MAY_WORK_LATER:
            raise RefusedError(operation, status, _text(error.response)) from error
        later = UnavailableError(operation, status, _text(error.response))
        later.retry_s = _seconds(error.response.headers.get("Retry-After"))
        raise later from error
    except httpx.ConnectError as error:
        host = error.request.url.copy_with(raw_path=b"/")
        text = f"{host} cannot be reached: {error}; is it running?"
        raise UnavailableError(operation, None, text) from error
    except httpx.TransportError as error:
        raise UnavailableError(operation, None, repr(error)) from error
    except (ValidationError, ValueError) as error:
        raise ControlError(operation, 200, f"unexpected answer: {error}") from error


def _text(response: httpx.Response) -> str:
    """What the API says was wrong."""
    try:
        return str(response.json()["error"])
    except (ValueError, KeyError, TypeError):
        return response.text[:200]


def _seconds(text: str | None) -> float | None:
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None
