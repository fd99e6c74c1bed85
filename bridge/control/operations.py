"""What all operations have in common: how they ask, and how they name things."""

from typing import Any, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, SecretStr, ValidationError

from bridge.control.asking import Asking, api_errors
from bridge.documents import problems
from bridge.errors import MisuseError
from bridge.multiparty.requests import Request

__all__ = [
    "Operations",
    "body_of",
    "checked",
    "member_path",
    "member_sounds",
    "path_of",
]

Asked = TypeVar("Asked", bound=BaseModel)
Answered = TypeVar("Answered", bound=BaseModel)


class Operations:
    """A group of operations.

    Args:
        asking: Asks the API.
    """

    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        self._stream_secret: SecretStr | None = None

    async def _ask(  # noqa: PLR0913 - a request has so many parts
        self,
        model: type[Answered],
        operation: str,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        query: dict[str, Any] | None = None,
        *,
        is_repeatable: bool | None = None,
    ) -> Answered:
        answer = await self._asking.ask(
            operation, method, path, body, query, is_repeatable=is_repeatable
        )
        with api_errors(operation):
            return model.model_validate(answer)

    async def _do(
        self, operation: str, method: str, path: str, body: dict[str, Any] | None = None
    ) -> None:
        await self._asking.ask(operation, method, path, body)


def checked(model: type[Asked], given: dict[str, Any]) -> Asked:
    """Read what a caller wants.

    Raises:
        MisuseError: If a parameter is unknown or wrong.
    """
    known = {name.rstrip("_") for name in model.model_fields}
    for name in given:
        if name.rstrip("_") not in known:
            raise MisuseError(f"{name}: allowed are {', '.join(sorted(known))}")
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise MisuseError(problems(error)) from error


def body_of(request: Request) -> dict[str, Any]:
    """What differs from the API's own defaults."""
    return request.model_dump(
        mode="json", by_alias=True, exclude_none=True, exclude_defaults=True
    )


def path_of(name: str, uuid: str) -> str:
    """The path of a call: any name is encoded, slashes and all.

    Raises:
        MisuseError: If neither is given.
    """
    if not name and not uuid:
        raise MisuseError("which MPC: give its name, or uuid=")
    return f"uuid_{quote(uuid, safe='')}/" if uuid else f"name_{quote(name, safe='')}/"


def member_path(name: str, uuid: str, members: str) -> str:
    """The path of members of a call.

    Raises:
        MisuseError: If none are given.
    """
    if not members:
        raise MisuseError("which member: give an id, several by commas, or all")
    return f"{path_of(name, uuid)}Participant/{quote(str(members), safe=',')}/"


def member_sounds(name: str, uuid: str, members: str) -> str:
    """The path under which members are played to."""
    return member_path(name, uuid, members).replace("/Participant/", "/Member/")
