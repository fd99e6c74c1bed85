"""The Multiparty Call REST API over an exchange, as Plivo answers it."""

import asyncio
import base64
import datetime
import hmac
import json
import re
import uuid
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

from pydantic import SecretStr, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from bridge.documents import problems
from bridge.engine.exchange import Exchange
from bridge.engine.room import Member, Room, RoomFullError
from bridge.errors import StreamError
from bridge.multiparty.requests import Activate, AddParticipant
from bridge.multiparty.vocabulary import MpcStatus

__all__ = ["Api"]

PREFIX = "/v1/Account/{auth_id}/MultiPartyCall"

MOST_PER_PAGE = 20

Handler = Callable[[Request], Awaitable[Response]]


class ApiError(Exception):
    """An answer that says what was wrong."""

    def __init__(self, status: HTTPStatus, text: str) -> None:
        super().__init__(status, text)
        self.status = status
        self.text = text


class Api:
    """The API of one exchange.

    Args:
        exchange: Whose rooms it shows.
        auth_id: The only account.
        auth_token: Its token, for Basic authentication.
    """

    def __init__(self, exchange: Exchange, auth_id: str, auth_token: SecretStr) -> None:
        self._exchange = exchange
        self._auth_id = auth_id
        self._auth_token = auth_token
        loop_s = asyncio.get_running_loop().time()
        self._epoch_s = datetime.datetime.now(datetime.UTC).timestamp() - loop_s

    def app(self) -> ASGIApp:
        """Make the ASGI application."""
        member = PREFIX + "/{mpc:path}/Participant/{member}"
        participants = PREFIX + "/{mpc:path}/Participant"
        one = PREFIX + "/{mpc:path}"
        routes = [
            self._route(PREFIX, "GET", self._list),
            self._route(member, "GET", self._get_participant),
            self._route(member, "DELETE", self._kick),
            self._route(participants, "GET", self._list_participants),
            self._route(participants, "POST", self._add_participant),
            self._route(one, "GET", self._get),
            self._route(one, "POST", self._activate),
            self._route(one, "DELETE", self._end),
        ]
        starlette = Starlette(
            routes=routes,
            exception_handlers={HTTPException: _http_error, Exception: _failed},
        )
        starlette.router.redirect_slashes = False

        async def application(scope: Scope, receive: Receive, send: Send) -> None:
            # Plivo's own SDKs leave the trailing slash out at times.
            if scope["type"] == "http":
                scope = {**scope, "path": scope["path"].rstrip("/")}
            await starlette(scope, receive, send)

        return application

    def _route(self, path: str, method: str, handler: Handler) -> Route:
        async def guarded(request: Request) -> Response:
            try:
                self._authenticate(request)
                return await handler(request)
            except ApiError as error:
                return _answer(error.status, error=error.text)
            except ValidationError as error:
                return _answer(HTTPStatus.BAD_REQUEST, error=problems(error))

        return Route(path, guarded, methods=[method])

    # ---------------------------------------------------------------- handlers

    async def _list(self, request: Request) -> Response:
        query = request.query_params
        limit = _number(query, "limit", MOST_PER_PAGE, 1, MOST_PER_PAGE)
        offset = _number(query, "offset", 0, 0, 10**9)
        name, status = query.get("friendly_name"), query.get("status", "").lower()
        if status and status not in [each.lower() for each in MpcStatus]:
            raise ApiError(
                HTTPStatus.BAD_REQUEST,
                f"status: {status!r}, allowed are initialized, active, ended",
            )
        rooms = [
            room
            for room in reversed(self._exchange.rooms.values())
            if name in (None, room.name) and status in ("", room.status.lower())
        ]
        shown = rooms[offset : offset + limit]

        def page(start: int) -> str:
            others = {**query, "limit": limit, "offset": start}
            return f"{request.url.path.rstrip('/')}/?{urlencode(others)}"

        meta = {
            "count": len(rooms),
            "limit": limit,
            "offset": offset,
            "next": page(offset + limit) if offset + limit < len(rooms) else None,
            "previous": page(max(0, offset - limit)) if offset else None,
        }
        objects = [self._mpc(room, f"uuid_{room.mpc_uuid}") for room in shown]
        return _answer(HTTPStatus.OK, meta=meta, objects=objects)

    async def _get(self, request: Request) -> Response:
        room = self._room(request)
        return _answer(HTTPStatus.OK, **self._mpc(room, request.path_params["mpc"]))

    async def _activate(self, request: Request) -> Response:
        Activate.model_validate(await _body(request))
        room = self._room(request)
        if room.status is not MpcStatus.INITIALIZED:
            raise ApiError(
                HTTPStatus.NOT_FOUND, f"{room.name} is not in the initialized state"
            )
        self._exchange.activate(room)
        return Response(status_code=HTTPStatus.NO_CONTENT)

    async def _end(self, request: Request) -> Response:
        self._exchange.end(self._living(request))
        return Response(status_code=HTTPStatus.NO_CONTENT)

    async def _add_participant(self, request: Request) -> Response:
        added = AddParticipant.model_validate(await _body(request))
        if added.call_uuid is not None:
            raise ApiError(
                HTTPStatus.BAD_REQUEST,
                "call_uuid: this engine cannot move a live call yet; give from and to",
            )
        kind, name = _identifier(request)
        if kind == "uuid":
            name = self._living(request).name
        try:
            lines = self._exchange.add(name, added)
        except RoomFullError as error:
            raise ApiError(HTTPStatus.BAD_REQUEST, str(error)) from error
        except StreamError as error:
            text = f"ai_agent_stream_content_type: {error}"
            raise ApiError(HTTPStatus.BAD_REQUEST, text) from error
        sender = (added.from_ or "").removeprefix("+")
        calls = [
            {
                "to": line.address.removeprefix("+"),
                "from": sender,
                "call_uuid": line.call_uuid,
            }
            for line in lines
        ]
        return _answer(
            HTTPStatus.CREATED,
            message="add participant action initiated",
            request_uuid=lines[0].call_uuid if len(lines) == 1 else str(uuid.uuid4()),
            calls=calls,
        )

    async def _list_participants(self, request: Request) -> Response:
        room = self._room(request)
        call_uuid = request.query_params.get("call_uuid")
        members = sorted(
            [*room.former, *room.members] if room.is_over else room.members,
            key=lambda member: -int(member.member_id),
        )
        objects = [
            self._participant(room, member, request.path_params["mpc"])
            for member in members
            if call_uuid in (None, member.call_uuid)
        ]
        meta = {"count": len(objects), "limit": MOST_PER_PAGE, "offset": 0}
        return _answer(HTTPStatus.OK, meta=meta, objects=objects)

    async def _get_participant(self, request: Request) -> Response:
        room = self._room(request)
        member = room.find(request.path_params["member"])
        if member is None:
            raise self._no_member(room, request.path_params["member"])
        found = self._participant(room, member, request.path_params["mpc"])
        return _answer(HTTPStatus.OK, **found)

    async def _kick(self, request: Request) -> Response:
        room = self._living(request)
        present = [member.member_id for member in room.members]
        wanted = request.path_params["member"]
        ids = present if wanted.lower() == "all" else wanted.split(",")
        for member_id in ids:
            if member_id not in present:
                raise self._no_member(room, member_id)
        self._exchange.kick(room, ids)
        return Response(status_code=HTTPStatus.NO_CONTENT)

    # ------------------------------------------------------------------ inside

    def _authenticate(self, request: Request) -> None:
        scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
        try:
            given = base64.b64decode(encoded, validate=True)
        except ValueError:
            given = b""
        token = self._auth_token.get_secret_value()
        right = f"{self._auth_id}:{token}".encode()
        same = hmac.compare_digest(given, right) and scheme.lower() == "basic"
        if not same or request.path_params["auth_id"] != self._auth_id:
            raise ApiError(HTTPStatus.UNAUTHORIZED, "authentication failed")

    def _room(self, request: Request) -> Room:
        """The room a request is about; by name, only while it lives."""
        kind, value = _identifier(request)
        room = (
            self._exchange.find(mpc_uuid=value)
            if kind == "uuid"
            else self._exchange.find(name=value)
        )
        if room is None:
            hint = "" if kind == "uuid" else "; an ended one is found by its uuid"
            raise ApiError(HTTPStatus.NOT_FOUND, f"no MPC with {kind} {value!r}{hint}")
        return room

    def _living(self, request: Request) -> Room:
        room = self._room(request)
        if room.is_over:
            raise ApiError(HTTPStatus.NOT_FOUND, f"{room.name} has ended")
        return room

    def _no_member(self, room: Room, member_id: str) -> ApiError:
        present = ", ".join(member.member_id for member in room.members) or "none"
        return ApiError(
            HTTPStatus.NOT_FOUND,
            f"no participant {member_id!r} in {room.name}; present are {present}",
        )

    def _mpc(self, room: Room, identifier: str) -> dict[str, Any]:
        uri = f"{PREFIX.format(auth_id=self._auth_id)}/{quote(identifier, safe='')}/"
        over = room.termination
        is_recording = room.mpc_uuid in self._exchange.recorders
        return {
            "billed_amount": None,
            "billed_duration": None,
            "creation_time": self._time(room.created_s),
            "duration": _whole(room.started_s, room.ended_s),
            "end_time": self._time(room.ended_s),
            "friendly_name": room.name,
            "mpc_uuid": room.mpc_uuid,
            "participants": f"{uri}Participant/",
            "recording": "recording" if is_recording else "not-recording",
            "resource_uri": uri,
            "start_time": self._time(room.started_s),
            "status": room.status.value,
            "stay_alone": room.stay_alone,
            "sub_account": None,
            "termination_cause": over.cause if over else None,
            "termination_cause_code": over.code if over else None,
        }

    def _participant(
        self, room: Room, member: Member, identifier: str
    ) -> dict[str, Any]:
        uri = f"{PREFIX.format(auth_id=self._auth_id)}/{quote(identifier, safe='')}/"
        is_in = member.exit_s is None
        return {
            "billed_amount": None,
            "billed_duration": None,
            "call_uuid": member.call_uuid,
            "coach_mode": member.coach_mode if is_in else None,
            "duration": _whole(member.join_s, member.exit_s),
            "end_mpc_on_exit": member.end_mpc_on_exit,
            "exit_cause": member.exit_cause.value if member.exit_cause else None,
            "exit_time": self._time(member.exit_s),
            "hold": member.hold if is_in else None,
            "join_time": self._time(member.join_s),
            "member_address": member.address,
            "member_id": member.member_id,
            "mpc_uuid": room.mpc_uuid,
            "mute": member.mute if is_in else None,
            "resource_uri": f"{uri}Participant/{member.member_id}/",
            "role": member.role.value,
            "start_mpc_on_enter": member.start_mpc_on_enter,
        }

    def _time(self, loop_s: float | None) -> str | None:
        if loop_s is None:
            return None
        when = datetime.datetime.fromtimestamp(self._epoch_s + loop_s, datetime.UTC)
        return when.isoformat(" ", "seconds")


def _answer(status: HTTPStatus, /, **body: Any) -> Response:
    return JSONResponse({"api_id": str(uuid.uuid4()), **body}, status)


async def _http_error(_request: Request, error: Exception) -> Response:
    """What Starlette itself refuses: unknown paths and methods."""
    if not isinstance(error, HTTPException):
        raise error
    return _answer(HTTPStatus(error.status_code), error=error.detail)


async def _failed(_request: Request, _error: Exception) -> Response:
    """A bug of ours; the server logs its traceback."""
    return _answer(HTTPStatus.INTERNAL_SERVER_ERROR, error="internal error")


async def _body(request: Request) -> Any:
    """The JSON of a request, whatever its content type says (curl's `-d`)."""
    raw = await request.body()
    try:
        body = json.loads(raw or b"{}")
    except (ValueError, RecursionError) as error:
        raise ApiError(HTTPStatus.BAD_REQUEST, f"body is no JSON: {error}") from error
    if not isinstance(body, Mapping):
        raise ApiError(HTTPStatus.BAD_REQUEST, "body is no JSON object")
    return body


def _identifier(request: Request) -> tuple[str, str]:
    mpc: str = request.path_params["mpc"]
    kind, _, value = mpc.partition("_")
    if kind not in ("name", "uuid") or not value:
        raise ApiError(
            HTTPStatus.NOT_FOUND, f"{mpc!r}: expected name_{{name}} or uuid_{{uuid}}"
        )
    return kind, value


def _number(
    query: Mapping[str, str], name: str, default: int, least: int, most: int
) -> int:
    text = query.get(name)
    if text is None:
        return default
    is_number = re.fullmatch(r"[0-9]{1,10}", text)
    if not is_number or not least <= int(text) <= most:
        raise ApiError(
            HTTPStatus.BAD_REQUEST, f"{name}: {text!r}, allowed are {least} to {most}"
        )
    return int(text)


def _whole(begin_s: float | None, end_s: float | None) -> int | None:
    if begin_s is None or end_s is None:
        return None
    return round(end_s - begin_s)
