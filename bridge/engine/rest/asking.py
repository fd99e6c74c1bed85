"""A request, and an answer, whatever carries them."""

import dataclasses
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.requests import Request

__all__ = ["Answer", "ApiError", "Ask", "read"]

MOST_BYTES = 1024 * 1024


class ApiError(Exception):
    """An answer that says what was wrong."""

    def __init__(self, status: HTTPStatus, text: str, retry_s: float = 0.0) -> None:
        super().__init__(status, text)
        self.status = status
        self.text = text
        self.retry_s = retry_s


@dataclasses.dataclass(frozen=True, slots=True)
class Ask:
    """What somebody wants."""

    mpc: str
    """`name_...` or `uuid_...`; empty where it is about none."""
    member: str
    """A member's id, several by commas, or `all`."""
    query: Mapping[str, str]
    body: Mapping[str, Any]
    path: str

    def identifier(self) -> tuple[str, str]:
        """Read `name_...` or `uuid_...`.

        Raises:
            ApiError: If it is neither.
        """
        kind, _, value = self.mpc.partition("_")
        if kind not in ("name", "uuid") or not value:
            raise ApiError(
                HTTPStatus.NOT_FOUND,
                f"{self.mpc!r}: expected name_{{name}} or uuid_{{uuid}}",
            )
        return kind, value


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """What they get; an empty body with 204."""

    status: HTTPStatus
    body: Mapping[str, Any] = dataclasses.field(default_factory=dict)


async def read(request: Request) -> Ask:
    """Read a request; its body is JSON, whatever its content type says (curl's `-d`).

    Raises:
        ApiError: If the body is no JSON object.
    """
    raw = bytearray()
    async for piece in request.stream():
        raw += piece
        if len(raw) > MOST_BYTES:
            raise ApiError(
                HTTPStatus.BAD_REQUEST, f"body: more than {MOST_BYTES} bytes"
            )
    try:
        body = json.loads(raw or b"{}")
    except (ValueError, RecursionError) as error:
        raise ApiError(HTTPStatus.BAD_REQUEST, f"body is no JSON: {error}") from error
    if not isinstance(body, Mapping):
        raise ApiError(HTTPStatus.BAD_REQUEST, "body is no JSON object")
    return Ask(
        request.path_params.get("mpc", ""),
        request.path_params.get("member", ""),
        request.query_params,
        body,
        request.url.path,
    )
