"""The Multiparty Call REST API, one method per operation."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx
from pydantic import SecretStr, ValidationError

from bridge.errors import ControlError, RefusedError, UnavailableError
from bridge.multiparty.objects import Added, Mpc, MpcPage, Participant, ParticipantPage
from bridge.multiparty.requests import AddParticipant

__all__ = ["PLIVO_URL", "MpcClient"]

PLIVO_URL = "https://api.plivo.com"

MAY_WORK_LATER = frozenset((429, 500, 502, 503, 504))


class MpcClient:
    """Drives Multiparty Calls; an async context manager.

    A call is addressed by its friendly name while it lives, or by `uuid=` for ever.

    Args:
        auth_id: The account.
        auth_token: Its token; never logged, never in a repr.
        url: Where the API is; the local engine prints its own.
        timeout_s: For each request.
        transport: For tests.
    """

    def __init__(
        self,
        auth_id: str,
        auth_token: str | SecretStr,
        *,
        url: str = PLIVO_URL,
        timeout_s: float = 10.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        token = SecretStr(auth_token) if isinstance(auth_token, str) else auth_token
        self._auth_id = auth_id
        self._http = httpx.AsyncClient(
            base_url=f"{url.rstrip('/')}/v1/Account/{quote(auth_id)}/MultiPartyCall/",
            auth=httpx.BasicAuth(auth_id, token.get_secret_value()),
            timeout=timeout_s,
            transport=transport,
        )

    def __repr__(self) -> str:
        return f"<MpcClient {self._auth_id} at {self._http.base_url.host}>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        await self._http.aclose()

    async def add_participant(self, name: str, request: AddParticipant) -> Added:
        """Add a participant to a call, which is created if there is none.

        Raises:
            RefusedError: If the API says no.
            UnavailableError: If it cannot be reached, or may work later.
        """
        body = request.model_dump(
            mode="json", by_alias=True, exclude_none=True, exclude_defaults=True
        )
        # Servers disagree on these two defaults, so they are always said.
        body["status_callback_method"] = request.status_callback_method
        body["recording_callback_method"] = request.recording_callback_method
        path = f"{_path(name)}Participant/"
        answer = await self._ask("add participant", "POST", path, body)
        with api_errors("add participant"):
            return Added.model_validate(answer)

    async def get(self, name: str = "", *, uuid: str = "") -> Mpc:
        """Look a call up.

        Raises:
            RefusedError: If there is none; an ended one is found by uuid only.
            UnavailableError: If the API cannot be reached, or may work later.
        """
        answer = await self._ask("get MPC", "GET", _path(name, uuid))
        with api_errors("get MPC"):
            return Mpc.model_validate(answer)

    async def mpcs(
        self, *, limit: int = 20, offset: int = 0, **filters: str
    ) -> MpcPage:
        """List calls, the newest first.

        Args:
            limit: Most per page, 1 to 20.
            offset: How many to skip.
            filters: `friendly_name`, `status` and so on, as the API names them.

        Raises:
            RefusedError: If the API says no.
            UnavailableError: If it cannot be reached, or may work later.
        """
        query = httpx.QueryParams({"limit": limit, "offset": offset, **filters})
        answer = await self._ask("list MPCs", "GET", f"?{query}")
        with api_errors("list MPCs"):
            return MpcPage.model_validate(answer)

    async def participants(
        self, name: str = "", *, uuid: str = ""
    ) -> list[Participant]:
        """Who is in a call.

        Raises:
            RefusedError: If there is no such call.
            UnavailableError: If the API cannot be reached, or may work later.
        """
        path = f"{_path(name, uuid)}Participant/"
        answer = await self._ask("list participants", "GET", path)
        with api_errors("list participants"):
            return ParticipantPage.model_validate(answer).objects

    async def kick(self, name: str, member_id: str) -> None:
        """Throw a member out; `all` or `1,2` for several.

        Raises:
            RefusedError: If there is no such call or member.
            UnavailableError: If the API cannot be reached, or may work later.
        """
        path = f"{_path(name)}Participant/{quote(member_id, safe=',')}/"
        await self._ask("kick participant", "DELETE", path)

    async def end(self, name: str = "", *, uuid: str = "") -> None:
        """End a call for everybody.

        Raises:
            RefusedError: If there is no such call.
            UnavailableError: If the API cannot be reached, or may work later.
        """
        await self._ask("end MPC", "DELETE", _path(name, uuid))

    async def _ask(
        self, operation: str, method: str, path: str, body: Any = None
    ) -> Any:
        with api_errors(operation):
            response = await self._http.request(method, path, json=body)
            response.raise_for_status()
            return response.json() if response.content else {}


@contextmanager
def api_errors(operation: str) -> Iterator[None]:
    """Turn what httpx and pydantic raise into our own errors."""
    try:
        yield
    except httpx.HTTPStatusError as error:
        status = error.response.status_code
        kind = UnavailableError if status in MAY_WORK_LATER else RefusedError
        raise kind(operation, status, _text(error.response)) from error
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


def _path(name: str, uuid: str = "") -> str:
    return f"uuid_{quote(uuid)}/" if uuid else f"name_{quote(name, safe='')}/"
