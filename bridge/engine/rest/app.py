"""The API as an ASGI application: routes, authentication, limits, errors."""

import asyncio
import base64
import hmac
import json
import uuid
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from bridge.documents import problems
from bridge.engine.exchange import Exchange
from bridge.engine.history import HistoryAwayError
from bridge.engine.notifier import Notifier
from bridge.engine.options import EngineOptions
from bridge.engine.rest.asking import Answer, ApiError, Ask, read
from bridge.engine.rest.house import House
from bridge.engine.rest.mpcs import Mpcs
from bridge.engine.rest.openapi import description
from bridge.engine.rest.operations import ACCOUNT, OPERATIONS, Operation
from bridge.engine.rest.participants import Participants
from bridge.engine.room import NotAllowedError
from bridge.engine.targets import Target
from bridge.multiparty.rates import PLIVO_RATE, RateWindow
from bridge.multiparty.requests import Request as AsyncRequest

__all__ = ["Api"]

Handler = Callable[[Ask], Awaitable[Answer]]


class Api:
    """The API of one exchange.

    Args:
        exchange: Whose rooms it shows.
        notifier: Delivers the answers that nobody waits for.
        options: The account, its token, and its rate.
    """

    def __init__(
        self,
        exchange: Exchange,
        notifier: Notifier,
        options: EngineOptions,
    ) -> None:
        self._exchange = exchange
        self._notifier = notifier
        self._auth_id = auth_id = options.auth_id
        self._auth_token = options.auth_token
        self._most = options.rate_limit
        self._rate = RateWindow(self._most, PLIVO_RATE[1])
        self._now = asyncio.get_running_loop().time
        mpcs = Mpcs(exchange, auth_id)
        self._doers = {"mpcs": mpcs, "participants": Participants(exchange, mpcs)}
        self._house = House(exchange, notifier)

    def app(self) -> ASGIApp:
        """Make the ASGI application."""
        routes = [
            Route("/openapi.json", self._describe),
            Route("/healthz", self._healthy),
            Route("/engine/callbacks", self._guarded(self._house.callbacks)),
            Route(
                "/engine/calls", self._guarded(self._house.call_in), methods=["POST"]
            ),
            Route(ACCOUNT + "/Recording/{file}", self._recording),
            *(self._route(operation) for operation in OPERATIONS),
        ]
        starlette = Starlette(
            routes=routes,
            exception_handlers={HTTPException: _http_error, Exception: _failed},
        )
        starlette.router.redirect_slashes = False

        async def application(scope: Scope, receive: Receive, send: Send) -> None:
            # Plivo's own SDKs leave the trailing slash out at times.
            if scope["type"] == "http":
                scope = {**scope, "path": scope["path"].rstrip("/") or "/"}
            await starlette(scope, receive, send)

        return application

    # ------------------------------------------------------------------- routes

    def _route(self, operation: Operation) -> Route:
        doer, _, name = operation.name.partition(".")
        handler: Handler = getattr(self._doers[doer], name)
        return Route(operation.path, self._guarded(handler), methods=[operation.method])

    def _guarded(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def guarded(request: Request) -> Response:
            api_id = str(uuid.uuid4())
            try:
                self._authenticate(request)
                self._limit()
                ask = await read(request)
                target = _callback(ask)
            except ApiError as error:
                return _shown(api_id, _refused(error), error.retry_s)
            except ValidationError as error:
                return _shown(api_id, _invalid(error))
            if target is None:
                return _shown(api_id, await _done(handler, ask))
            # Asked with a callback_url: it is done now, and told later.
            answer = await _done(handler, ask)
            params = {
                "api_id": api_id,
                "status_code": str(answer.status.value),
                "response": json.dumps({"api_id": api_id, **answer.body}),
            }
            self._notifier.tell(api_id, target, params)
            spawned = {"message": "async api spawned"}
            return _shown(api_id, Answer(HTTPStatus.ACCEPTED, spawned))

        return guarded

    async def _describe(self, request: Request) -> Response:
        url = str(request.base_url).rstrip("/")
        return JSONResponse(description(url, self._auth_id))

    async def _healthy(self, _request: Request) -> Response:
        return Response("ok\n", media_type="text/plain")

    async def _recording(self, request: Request) -> Response:
        """A finished file; who knows its name may have it, as with Plivo's."""
        name, _, ending = request.path_params["file"].partition(".")
        parts = self._exchange.parts
        try:
            row = await parts.history.recording(name)
        except HistoryAwayError as away:
            return _shown(str(uuid.uuid4()), _refused(_unavailable(away)))
        is_there = row is not None and row["end_time"]
        if row is None or not is_there or ending not in ("", row["file_format"]):
            error = ApiError(HTTPStatus.NOT_FOUND, f"no finished recording {name!r}")
            return _shown(str(uuid.uuid4()), _refused(error))
        # A disk that hangs is no reason for the calls to do so.
        path = await asyncio.to_thread(parts.recordings.path, row)
        if not await asyncio.to_thread(path.is_file):
            error = ApiError(HTTPStatus.NOT_FOUND, f"recording {name!r} is gone")
            return _shown(str(uuid.uuid4()), _refused(error))
        kind = "audio/mpeg" if path.suffix == ".mp3" else "audio/wav"
        return FileResponse(path, media_type=kind)

    # ------------------------------------------------------------------- guards

    def _authenticate(self, request: Request) -> None:
        scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
        try:
            given = base64.b64decode(encoded, validate=True)
        except ValueError:
            given = b""
        token = self._auth_token.get_secret_value()
        right = f"{self._auth_id}:{token}".encode()
        same = hmac.compare_digest(given, right) and scheme.lower() == "basic"
        if (
            not same
            or request.path_params.get("auth_id", self._auth_id) != self._auth_id
        ):
            raise ApiError(HTTPStatus.UNAUTHORIZED, "authentication failed")

    def _limit(self) -> None:
        wait_s = self._rate.take(self._now())
        if wait_s:
            raise ApiError(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"more than {self._most} requests in {PLIVO_RATE[1]:.0f} s",
                wait_s,
            )


async def _done(handler: Handler, ask: Ask) -> Answer:
    try:
        return await handler(ask)
    except ApiError as error:
        return _refused(error)
    except HistoryAwayError as error:
        return _refused(_unavailable(error))
    except NotAllowedError as error:
        return _refused(ApiError(HTTPStatus.BAD_REQUEST, str(error)))
    except ValidationError as error:
        return _invalid(error)


def _callback(ask: Ask) -> Target | None:
    """Where the answer goes, if nobody waits for it."""
    given: Mapping[str, Any] = {**ask.query, **ask.body}
    wanted = AsyncRequest.model_validate(
        {
            name: value[0] if isinstance(value, list) and value else value
            for name, value in given.items()
            if name in ("callback_url", "callback_method")
        }
    )
    if wanted.callback_url is None:
        return None
    return Target(wanted.callback_url, wanted.callback_method)


def _unavailable(error: HistoryAwayError) -> ApiError:
    return ApiError(HTTPStatus.SERVICE_UNAVAILABLE, str(error))


def _refused(error: ApiError) -> Answer:
    return Answer(error.status, {"error": error.text})


def _invalid(error: ValidationError) -> Answer:
    return Answer(HTTPStatus.BAD_REQUEST, {"error": problems(error)})


def _shown(api_id: str, answer: Answer, retry_s: float = 0.0) -> Response:
    if answer.status is HTTPStatus.NO_CONTENT:
        return Response(status_code=answer.status)
    headers = {"Retry-After": str(max(1, round(retry_s)))} if retry_s else {}
    if answer.status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Basic realm="mpc"'
    body = {"api_id": api_id, **answer.body}
    return JSONResponse(body, answer.status, headers)


async def _http_error(_request: Request, error: Exception) -> Response:
    """What Starlette itself refuses: unknown paths and methods."""
    if not isinstance(error, HTTPException):
        raise error
    answer = Answer(HTTPStatus(error.status_code), {"error": error.detail})
    response = _shown(str(uuid.uuid4()), answer)
    response.headers.update(error.headers or {})
    return response


async def _failed(_request: Request, _error: Exception) -> Response:
    """A bug of ours; the server logs its traceback."""
    answer = Answer(HTTPStatus.INTERNAL_SERVER_ERROR, {"error": "internal error"})
    return _shown(str(uuid.uuid4()), answer)
