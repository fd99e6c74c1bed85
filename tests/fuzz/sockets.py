"""Targets with a loop whose time jumps: a call, a socket, the callbacks' and the
engine's HTTP."""

import asyncio
import base64
import contextlib
import json
import logging
import tempfile
from collections.abc import Callable, Coroutine, Iterator, Mapping
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote_to_bytes

from pydantic import SecretStr
from starlette.types import ASGIApp, Message, Scope
from websockets.frames import Frame, Opcode

from bridge import Call
from bridge.call.bot import InService
from bridge.call.link import NOBODY
from bridge.call.pacing import Wheel
from bridge.call.session import CallOptions, Session
from bridge.control.callbacks import Callbacks
from bridge.metrics import Metrics
from bridge.server.app import BridgeServer
from bridge.server.connection import Connection
from bridge.server.options import ServerOptions
from bridge.stream.messages import Side
from bridge.stream.protocol import StreamProtocol
from bridge.tasks import background
from bridge.virtual_time import VirtualLoop
from tests.engine.setting import AUTH_ID, BASE, engine
from tests.stream.samples import DOCUMENTED

__all__ = ["fuzz_callbacks_http", "fuzz_connection", "fuzz_engine", "fuzz_session"]

LONG_S = 200.0
"""After so much silence every deadline has passed."""

START = DOCUMENTED["from_platform"][0]

AUTHORIZATION = b"Basic " + base64.b64encode(f"{AUTH_ID}:local".encode())

UPGRADE = (
    b"GET /stream HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Version: 13\r\n\r\n"
)

MOST_PIECES = 64
"""Of an input; more of them find no more."""


class Bugs(logging.Handler):
    """Keeps what was caught at an edge, and logged with its traceback."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.caught: list[BaseException] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1] is not None:
            self.caught.append(record.exc_info[1])


@contextlib.contextmanager
def no_bugs() -> Iterator[None]:
    """Fail if code of ours caught an exception that it did not expect."""
    bugs, root = Bugs(), logging.getLogger()
    root.addHandler(bugs)
    try:
        yield
    finally:
        root.removeHandler(bugs)
    if bugs.caught:
        raise bugs.caught[0]


def run(work: Callable[[bytes], Coroutine[Any, Any, None]], data: bytes) -> None:
    """Run a target in a loop of its own; what a callback of the loop raises, too."""
    failures: list[BaseException] = []

    def failed(_loop: asyncio.AbstractEventLoop, context: Mapping[str, Any]) -> None:
        failures.append(context.get("exception") or RuntimeError(context["message"]))

    async def watched() -> None:
        asyncio.get_running_loop().set_exception_handler(failed)
        await work(data)

    with no_bugs(), asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(watched())
    if failures:
        raise failures[0]


async def echo(call: Call) -> None:
    async for frame in call.listen():
        await call.speak(frame)


# --------------------------------------------------------------------------- session


class Far:
    """A link whose far end takes everything."""

    is_writable = True

    def send(self, text: bytes) -> None:
        pass

    framer = NOBODY

    def close(self, code: int, reason: str) -> None:
        pass


def fuzz_session(data: bytes) -> None:
    """A call takes any lines of text, on any number of sockets, and ends when told."""
    run(_session, data)


async def _session(data: bytes) -> None:
    protocol = StreamProtocol(Side.BRIDGE)
    first, *lines = data.split(b"\n")[:MOST_PIECES]
    try:
        protocol.receive(first)
    # What cannot start is the codec's; here a documented call goes on.
    except Exception:  # noqa: BLE001
        protocol = StreamProtocol(Side.BRIDGE)
    if protocol.start is None:
        protocol.receive(_json(START))
    metrics, link = Metrics(), Far()
    bot = InService.of("echo", echo)
    session = Session(protocol, bot, link, Wheel(), metrics, CallOptions())
    async with background() as spawn:
        running = spawn("session", session.run())
        await asyncio.sleep(0)
        for line in lines:
            if line == b"!":
                session.detach(link)
                link = Far()
                session.attach(link)
            else:
                session.receive(line)
            await asyncio.sleep(0.02)
        session.end("the test is over", "closed")
        async with asyncio.timeout(LONG_S):
            await running
    assert not metrics.bot_errors
    assert sum(metrics.streams_ended.values()) == 1


def _json(message: Mapping[str, Any]) -> bytes:
    return json.dumps(message).encode()


# ------------------------------------------------------------------------ connection


class Socket:
    """An asyncio transport without a socket."""

    def __init__(self, connection: Connection) -> None:
        self.protocol: asyncio.Protocol = connection
        self._is_closing = False

    def get_extra_info(self, _name: str) -> None:
        return None

    def set_write_buffer_limits(self, high: int) -> None:
        pass

    def write(self, data: bytes) -> None:
        assert not self._is_closing, "written after it was closed"

    def set_protocol(self, protocol: asyncio.Protocol) -> None:
        self.protocol = protocol

    def is_closing(self) -> bool:
        return self._is_closing

    def close(self) -> None:
        self.lose()

    def abort(self) -> None:
        self.lose()

    def lose(self) -> None:
        if not self._is_closing:
            self._is_closing = True
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)


def fuzz_connection(data: bytes) -> None:
    """A socket takes any bytes, in any pieces, and after long silence it is closed and
    no call is left.

    The first byte says what the rest is: raw bytes, raw bytes after an upgrade, or
    texts that are framed as WebSocket has it.
    """
    run(_connection, data)


async def _connection(data: bytes) -> None:
    kind, pieces = data[:1], data[1:].split(b"\n")[:MOST_PIECES]
    async with background() as spawn:
        bots = {"echo": InService.of("echo", echo)}
        options = ServerOptions(port=0, transport="websockets")
        server = BridgeServer(bots, options, CallOptions(), None, spawn)
        server.admission.is_ready = True
        connection = server.connection()
        socket = Socket(connection)
        connection.connection_made(cast("asyncio.Transport", socket))
        if kind in b"12" and kind:
            connection.data_received(UPGRADE)
        for number, piece in enumerate(pieces):
            if socket.is_closing():
                break
            whole = piece if number == len(pieces) - 1 else piece + b"\n"
            if kind == b"2":
                whole = Frame(Opcode.TEXT, piece).serialize(mask=True)
            socket.protocol.data_received(whole)
            await asyncio.sleep(0.02)
        if kind == b"3" and not socket.is_closing():
            socket.protocol.eof_received()
        await asyncio.sleep(LONG_S)
        assert socket.is_closing()
        assert server.sessions == ()
        assert server.metrics.streams_active == 0
        assert not server.metrics.bot_errors


# ------------------------------------------------------------------------------ HTTP


async def ask(app: ASGIApp, scope: Scope, body: bytes) -> tuple[int, bytes]:
    """One request to an application; returns status and body."""
    sent: list[Message] = []
    parts = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return parts.pop() if parts else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    said = b"".join(part.get("body", b"") for part in sent[1:])
    return sent[0]["status"], said


def scope_of(head: bytes, base: bytes) -> Scope:
    """Read `METHOD PATH`, and lines of headers, into what a server would make of it.

    What servers refuse by themselves is left out: other methods than words, and in
    targets what is not printable.
    """
    first, *lines = head.split(b"\n")
    method, _, target = first.partition(b" ")
    target = bytes(byte for byte in target if 0x20 < byte < 0x7F)
    raw_path, _, query = target.replace(b"~", base, 1).partition(b"?")
    headers = [(b"host", b"engine.test")]
    for line in lines:
        name, _, value = line.partition(b":")
        headers.append((name.strip().lower(), value.strip()))
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "".join(filter(str.isalpha, method.decode("latin-1"))).upper(),
        "scheme": "http",
        "path": unquote_to_bytes(raw_path).decode("utf-8", "replace") or "/",
        "raw_path": raw_path,
        "query_string": query,
        "root_path": "",
        "headers": headers,
        "server": ("engine.test", 80),
        "client": ("127.0.0.1", 1),
    }


def fuzz_callbacks_http(data: bytes) -> None:
    """A callback is answered with 200, 403, 405 or 413, whatever it holds.

    The head is up to the first empty line, the body after it.
    """
    run(_callbacks, data)


async def _callbacks(data: bytes) -> None:
    head, _, body = data.partition(b"\n\n")
    for token in (None, SecretStr("token")):
        taken = Callbacks(token)
        taken.listen(lambda callback: None)
        scope = {**scope_of(head, b""), "path": "/callbacks"}
        status, _said = await ask(taken.app(), scope, body)
        assert status in (200, 403, 405, 413), status


def fuzz_engine(data: bytes) -> None:
    """The engine answers every request below 500, and forgets every call at the end.

    Requests are parted by a line of `---`; in each the head ends at an empty line, and
    `~` is where the account's calls are.
    """
    run(_engine, data)


async def _engine(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with engine(Path(folder)) as house:
            app = house.api._transport.app  # type: ignore[attr-defined]
            for text in data.split(b"\n---\n")[:4]:
                head, _, body = text.partition(b"\n\n")
                scope = scope_of(head, BASE.encode())
                scope["headers"].append((b"authorization", AUTHORIZATION))
                status, _said = await ask(app, scope, body)
                assert 200 <= status < 500, status
                await asyncio.sleep(1)
