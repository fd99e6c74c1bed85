"""Receives Plivo's callbacks: checks them, sorts them, hands them on.

A callback that comes twice, as after a lost answer, is handed on once.
"""

import asyncio
import collections
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias
from urllib.parse import parse_qsl

from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bridge.documents import printable
from bridge.errors import PeerError
from bridge.hosts import is_host
from bridge.multiparty import callbacks, signatures
from bridge.multiparty.callbacks import Callback

__all__ = ["Callbacks", "Listener"]

_LOG = logging.getLogger(__name__)

MOST_REMEMBERED = 10_000
"""Callbacks that are known again."""

MOST_BYTES = 64 * 1024

MOST_FIELDS = 200
"""More would take long to sort, before it is known whose they are."""

BODY_TIMEOUT_S = 10.0

MOST_WAITING = 1000
"""In one subscription; of more the oldest are dropped."""

Listener: TypeAlias = Callable[[Callback], None]


class Callbacks:
    """Takes callbacks at one URL, from however many calls.

    Args:
        auth_token: Checks their signatures; None takes them unsigned.
        public_url: The URL as Plivo calls it, where a proxy stands before us; empty:
            as the request says.
    """

    def __init__(
        self, auth_token: str | SecretStr | None = None, *, public_url: str = ""
    ) -> None:
        self.received = 0
        self.refused = 0
        self.repeated = 0
        if isinstance(auth_token, str):
            auth_token = SecretStr(auth_token)
        self._auth_token = auth_token
        self._public_url = public_url
        self.on_received: Listener = lambda _callback: None
        """Told of each that came to our URL and was new; not of what others `take`."""
        self._listeners: list[Listener] = []
        self._known: collections.OrderedDict[tuple[str, ...], None] = (
            collections.OrderedDict()
        )

    def app(self, path: str = "/callbacks") -> Starlette:
        """Make an ASGI application that receives at a path."""
        return Starlette(routes=[Route(path, self.receive, methods=["GET", "POST"])])

    def listen(self, listener: Listener) -> None:
        """Call a function with each callback, until it is removed by `unlisten`."""
        self._listeners.append(listener)

    def unlisten(self, listener: Listener) -> None:
        """Call it no more."""
        self._listeners.remove(listener)

    async def events(
        self, *, mpc: str = "", call_uuid: str = ""
    ) -> AsyncIterator[Callback]:
        """Yield callbacks as they come.

        Args:
            mpc: Only those of a Multiparty Call, by name or uuid.
            call_uuid: Only those of a leg.
        """
        waiting: collections.deque[Callback] = collections.deque(maxlen=MOST_WAITING)
        filled = asyncio.Event()

        def take(callback: Callback) -> None:
            if _is_about(callback, mpc, call_uuid):
                waiting.append(callback)
                filled.set()

        with self._listening(take):
            while True:
                while waiting:
                    yield waiting.popleft()
                filled.clear()
                await filled.wait()

    @contextmanager
    def _listening(self, listener: Listener) -> Iterator[None]:
        self.listen(listener)
        try:
            yield
        finally:
            self.unlisten(listener)

    async def receive(self, request: Request) -> Response:
        """Take one callback; a Starlette endpoint for GET and POST."""
        if request.method not in ("GET", "POST"):
            return PlainTextResponse("GET or POST\n", 405)
        if not self._public_url and not is_host(request.headers.get("host", "")):
            return PlainTextResponse("Host is no host\n", 400)
        try:
            async with asyncio.timeout(BODY_TIMEOUT_S):
                body = await _body(request)
        except TimeoutError:
            return PlainTextResponse("too slow\n", 408)
        query = request.url.query
        if body is None or max(query.count("&"), body.count(b"&")) > MOST_FIELDS:
            return PlainTextResponse("too long\n", 413)
        # Of a GET the URL alone is signed: its body is anybody's.
        is_post = request.method == "POST"
        form = _multi(body.decode("utf-8", "replace")) if is_post else {}
        url = str(request.url)
        if self._public_url:
            url = self._public_url + (f"?{query}" if query else "")
        if not self._is_signed(request, url, form):
            self.refused += 1
            if self.refused in (1, 10, 100) or self.refused % 1000 == 0:
                _LOG.warning(
                    "a callback to %s is not signed by the account (%d by now)",
                    printable(url)[:200],
                    self.refused,
                )
            return PlainTextResponse("signature does not match\n", 403)
        given = {**_multi(query), **form}
        params = {name: values[-1] for name, values in given.items()}
        try:
            callback = callbacks.parse(params)
            if self.take(callback):
                self.on_received(callback)
        except PeerError as error:
            # Answered as taken: asking again would not make it better.
            _LOG.warning("%s", error)
        return PlainTextResponse("ok\n")

    def take(self, callback: Callback) -> bool:
        """Hand a callback on, unless it was here before: then it is False."""
        if callback.key in self._known:
            self.repeated += 1
            return False
        self._known[callback.key] = None
        if len(self._known) > MOST_REMEMBERED:
            self._known.popitem(last=False)
        self.received += 1
        for listener in list(self._listeners):
            try:
                listener(callback)
            # One subscriber's bug is not another's.
            except Exception:  # noqa: BLE001
                _LOG.exception("a listener failed on %r", callback)
        return True

    def _is_signed(
        self, request: Request, url: str, form: dict[str, list[str]]
    ) -> bool:
        if self._auth_token is None:
            return True
        token = self._auth_token.get_secret_value()
        params = form if request.method == "POST" else None
        return signatures.is_signed(request.headers, token, request.method, url, params)


async def _body(request: Request) -> bytes | None:
    """All of it; None if it is too long."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BYTES:
            return None
    return bytes(body)


def _multi(text: str) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        values.setdefault(name, []).append(value)
    return values


def _is_about(callback: Callback, mpc: str, call_uuid: str) -> bool:
    of_mpc = (getattr(callback, "mpc_uuid", None), getattr(callback, "mpc_name", None))
    if mpc and mpc not in of_mpc:
        return False
    return not call_uuid or getattr(callback, "call_uuid", None) == call_uuid
