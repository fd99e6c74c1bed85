"""The address for those who run the server: calls, metrics, and the log's level."""

import hmac
import json
import logging
from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import urlsplit

from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from bridge import metrics as metrics_module
from bridge.call.session import Session
from bridge.hosts import is_loopback
from bridge.metrics import Metrics
from bridge.server import shown
from bridge.server.fleet import Answer, Fleet, FleetCall, Outcome

__all__ = ["Administered", "admin_app"]

_LOG = logging.getLogger(__name__)

LEVELS = ("debug", "info", "warning", "error")

MOST_BYTES = 1024

OPEN_TO_ALL = ("/healthz", "/readyz")
"""A probe brings no token."""


HTTP_OF = {
    Outcome.DONE: 200,
    Outcome.NOT_FOUND: 404,
    Outcome.LOST: 410,
    Outcome.UNREACHABLE: 503,
    Outcome.FAILED: 500,
}


class Administered(Protocol):
    """What is shown and steered of a server."""

    metrics: Metrics
    fleet: Fleet
    on_log_level: Callable[[int], None]
    """Told of a level that is set, for other processes of the same server."""

    @property
    def is_ready(self) -> bool:
        """Whether it takes new streams."""

    @property
    def readiness(self) -> str:
        """That, in a line."""

    def find(self, stream_id: str) -> Session | None:
        """One of its calls, by the id of its stream."""


class _Admin:
    def __init__(self, server: Administered) -> None:
        self._server = server

    async def calls(self, _request: Request) -> Response:
        """All calls, of all instances, the oldest first."""
        census = await self._server.fleet.calls()
        return JSONResponse(
            {
                "calls": [self._summary(each) for each in census.calls],
                "lost": [shown.elsewhere(each) for each in census.lost],
                "instances": list(census.instances),
                "silent": list(census.silent),
                "is_complete": census.is_complete,
            }
        )

    def _summary(self, call: FleetCall) -> dict[str, Any]:
        session = self._server.find(call.stream_id)
        here = {} if session is None else shown.summary(session)
        return shown.elsewhere(call) | here

    async def call(self, request: Request) -> Response:
        """All that is known of one, wherever it is."""
        answer = await self._server.fleet.show(await self._stream_id(request))
        return _answered(request, answer, answer.detail or {})

    async def end(self, request: Request) -> Response:
        """End one, wherever it is."""
        stream_id = await self._stream_id(request)
        answer = await self._server.fleet.end(stream_id, "ended by the operator")
        _LOG.warning("the admin address ends %s: %s", stream_id, answer.outcome.value)
        return _answered(request, answer, {"ended": stream_id})

    async def _stream_id(self, request: Request) -> str:
        """The one that was asked for, or that of the call that was."""
        name: str = request.path_params["stream_id"]
        call = await self._server.fleet.find(name)
        return name if call is None else call.stream_id

    async def log_level(self, request: Request) -> Response:
        """Show the log's level, or set it."""
        if request.method == "PUT":
            body = await _body(request)
            level = body.strip().strip('"').lower()
            if level.startswith("{"):
                try:
                    level = str(json.loads(body).get("level", "")).lower()
                except ValueError:
                    level = ""
            if level not in LEVELS:
                allowed = ", ".join(LEVELS)
                return PlainTextResponse(f"allowed levels: {allowed}\n", 400)
            logging.getLogger().setLevel(level.upper())
            self._server.on_log_level(logging.getLogger().level)
            _LOG.warning("the log's level is %s from here on", level)
        name = logging.getLevelName(logging.getLogger().level)
        return JSONResponse({"level": name.lower()})

    async def metrics(self, _request: Request) -> Response:
        """For Prometheus."""
        return Response(
            self._server.metrics.exposition(), media_type=metrics_module.CONTENT_TYPE
        )

    async def healthy(self, _request: Request) -> Response:
        """It lives."""
        return PlainTextResponse("ok\n")

    async def ready(self, _request: Request) -> Response:
        """It takes new streams, or does not."""
        code = 200 if self._server.is_ready else 503
        return PlainTextResponse(self._server.readiness, code)


class _Bearer:
    """Lets in who brings the token; all, where there is none."""

    def __init__(self, app: ASGIApp, token: SecretStr) -> None:
        self._app = app
        self._right = f"Bearer {token.get_secret_value()}".encode()
        self._is_open = not token.get_secret_value()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take a request."""
        if scope["type"] == "http" and not self._lets_in(scope):
            answer = PlainTextResponse(
                "Authorization: Bearer with the admin token is needed\n",
                401,
                {"WWW-Authenticate": "Bearer"},
            )
            await answer(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _lets_in(self, scope: Scope) -> bool:
        if scope["path"] in OPEN_TO_ALL:
            return True
        headers = dict(scope["headers"])
        if self._is_open:
            # Any page in a browser of this machine may have a name that leads here.
            host = headers.get(b"host", b"").decode("latin-1")
            return is_loopback(urlsplit(f"//{host}").hostname or "")
        given = headers.get(b"authorization", b"")
        return hmac.compare_digest(given, self._right)


def admin_app(server: Administered, token: SecretStr) -> Starlette:
    """Make the ASGI application.

    Args:
        server: Whose calls it shows.
        token: Asked for with each request; an empty one is not.
    """
    admin = _Admin(server)
    return Starlette(
        routes=[
            Route("/calls", admin.calls),
            Route("/calls/{stream_id}", admin.call),
            Route("/calls/{stream_id}", admin.end, methods=["DELETE"]),
            Route("/log-level", admin.log_level, methods=["GET", "PUT"]),
            Route("/metrics", admin.metrics),
            Route("/healthz", admin.healthy),
            Route("/readyz", admin.ready),
        ],
        middleware=[Middleware(_Bearer, token=token)],
    )


async def _body(request: Request) -> str:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BYTES:
            break
    return body[:MOST_BYTES].decode("utf-8", "replace")


def _answered(request: Request, answer: Answer, content: dict[str, Any]) -> Response:
    if answer.outcome is not Outcome.DONE:
        text = f"stream {request.path_params['stream_id']}: {answer.outcome.value}"
        content = {"error": text}
    return JSONResponse(content, HTTP_OF[answer.outcome])
