"""The caller's end of a WebSocket, on `picows`.

Nothing on the way of a frame is awaited, and when a message came is noted before
anything is done with it.
"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any, Protocol

from picows import (
    WSCloseCode,
    WSError,
    WSFrame,
    WSHandshakeError,
    WSListener,
    WSMsgType,
    WSTransport,
    ws_connect,
)

from bridge.documents import printable
from bridge.errors import UnavailableError
from bridge.load.loan import Loan

__all__ = ["Closed", "Listener", "Socket", "dial"]

MAX_MESSAGE_BYTES = 16 * 1024 * 1024
"""Far above Plivo's limit, which is the caller's to check: it shall be counted."""

CLOSE_TIMEOUT_S = 2.0

TEXT = WSMsgType.TEXT
"""Looked up once: a member of an enum costs as much as a call."""

NO_CLOSE_FRAME = 1006
"""What RFC 6455 calls a socket that just broke."""

NO_CODE = 1005
"""And a close frame that says nothing."""

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER: an end as of a host that is gone, not an orderly one."""


class Closed:
    """How a socket ended.

    Args:
        code: Of the close frame; 1006 where there was none.
        reason: Of the close frame.
        is_ours: Whether we began it.
    """

    def __init__(self, code: int, reason: str, *, is_ours: bool) -> None:
        self.code = code
        self.reason = printable(reason)
        self.is_ours = is_ours

    def __str__(self) -> str:
        who = "us" if self.is_ours else "the server"
        if self.code == NO_CLOSE_FRAME:
            return f"broken off by {who}"
        return f"{self.code} by {who}" + (f": {self.reason}" if self.reason else "")


class Listener(Protocol):
    """Takes what comes."""

    def received(self, text: bytes, now_s: float) -> None:
        """A text message."""

    def complain(self, what: str) -> None:
        """Something no Plivo server sends."""


class Socket(WSListener):
    """One connection.

    Args:
        listener: Takes what comes.
    """

    __slots__ = (
        *("_fragments", "_is_gone", "_received", "_transport", "loan"),
        *("_complain", "_is_dropped", "_is_reading", "closed"),
    )

    def __init__(self, listener: Listener) -> None:
        self.closed: asyncio.Future[Closed] = asyncio.get_running_loop().create_future()
        self._received: Callable[[bytes, float], None] = listener.received
        self._complain: Callable[[str], None] = listener.complain
        self.loan: Loan | None = None
        """Set where the socket may be lent."""
        self._fragments: list[bytes] = []
        self._transport: WSTransport
        self._is_gone = False
        self._is_dropped = False
        self._is_reading = True

    @property
    def unsent_bytes(self) -> int:
        """What waits for the server to read."""
        if self.closed.done():
            return 0
        return self._transport.underlying_transport.get_write_buffer_size()

    def send(self, text: bytes) -> None:
        """Send a text message; on a closed socket, do nothing."""
        if not (self._is_gone or self._transport.is_close_frame_sent):
            self._transport.send(TEXT, text)
            if self.loan is not None:
                self.loan.sent()

    def hang_up(self) -> None:
        """Say goodbye, and leave when the server has answered, or soon."""
        if not self.closed.done():
            self._end_loan()
            self.read(is_reading=True)
            self._transport.send_close(WSCloseCode.OK)
            asyncio.get_running_loop().call_later(CLOSE_TIMEOUT_S, self._abort)

    def drop(self) -> None:
        """Leave without a word."""
        if self.closed.done():
            return
        self._is_dropped = True
        self._end_loan()
        raw = self._transport.underlying_transport.get_extra_info("socket")
        if raw is not None:
            with contextlib.suppress(OSError):
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self._abort()

    @property
    def plain_transport(self) -> asyncio.Transport | None:
        """Without TLS; None where there is none, or no longer."""
        if self._is_gone or self._transport.is_secure:
            return None
        return self._transport.underlying_transport

    def _end_loan(self) -> None:
        loan, self.loan = self.loan, None
        if loan is not None:
            loan.end()

    def _abort(self) -> None:
        if not self.closed.done():
            self._transport.disconnect(graceful=False)

    def read(self, *, is_reading: bool) -> None:
        """Stop reading, or go on."""
        if is_reading == self._is_reading or self.closed.done():
            return
        self._is_reading = is_reading
        if is_reading:
            self._transport.underlying_transport.resume_reading()
        else:
            self._transport.underlying_transport.pause_reading()

    # --------------------------------------------------------------- WSListener

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Begin."""
        self._transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Hand messages on, and answer a goodbye."""
        now_s = perf_counter()
        kind = frame.msg_type
        if kind is TEXT and frame.fin and not self._fragments:
            self._received(frame.get_payload_as_bytes(), now_s)
            if self.loan is not None and not frame.tail_size:
                self.loan.begin()
            return
        match kind:
            case WSMsgType.TEXT | WSMsgType.CONTINUATION:
                self._fragments.append(frame.get_payload_as_bytes())
                if frame.fin:
                    text, self._fragments = b"".join(self._fragments), []
                    self._received(text, now_s)
            case WSMsgType.BINARY:
                self._complain("binary message")
            case WSMsgType.CLOSE:
                if not transport.is_close_frame_sent:
                    transport.send_close(_answer(frame))
                transport.disconnect()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """Note how it ended."""
        self._end_loan()
        # None where there was none, whatever the types say.
        goodbye: Any = transport.close_handshake
        frame = goodbye and (goodbye.recv or goodbye.sent)
        if self._is_dropped or goodbye is None or frame is None:
            closed = Closed(NO_CLOSE_FRAME, "", is_ours=self._is_dropped)
        else:
            is_ours = goodbye.recv is None or not goodbye.recv_then_sent
            # Codes that it has no name for are plain numbers, whatever the types say.
            code = int(getattr(frame.code, "value", str(frame.code)))
            closed = Closed(code or NO_CODE, frame.reason or "", is_ours=is_ours)
        if not self.closed.done():
            self.closed.set_result(closed)
        # Both know each other: kept, each call would wait for the collector.
        self._is_gone = True
        del self._transport
        # Nothing comes after the end.
        self._received, self._complain = _nothing, _nothing


def _nothing(*_: object) -> None:
    pass


async def dial(
    url: str, headers: Mapping[str, str], listener: Listener, timeout_s: float
) -> Socket:
    """Connect and upgrade.

    Raises:
        UnavailableError: If that fails, or takes too long.
    """
    try:
        async with asyncio.timeout(timeout_s):
            _, made = await ws_connect(
                lambda: Socket(listener),
                url,
                extra_headers=dict(headers),
                websocket_handshake_timeout=timeout_s,
                max_frame_size=MAX_MESSAGE_BYTES,
            )
    except TimeoutError as error:
        text = f"no upgrade in {timeout_s:g} s"
        raise UnavailableError("connect", None, text) from error
    except WSHandshakeError as error:
        raise UnavailableError("connect", None, _status(error)) from error
    except (OSError, EOFError, ValueError, WSError) as error:
        raise UnavailableError("connect", None, str(error)) from error
    if not isinstance(made, Socket):
        # picows has no listener where the socket broke between two steps.
        raise UnavailableError("connect", None, "closed during the upgrade")
    return made


def _answer(frame: WSFrame) -> WSCloseCode:
    """The code to answer a goodbye with: its own, where it has one."""
    try:
        code = frame.get_close_code()
    except ValueError:
        return WSCloseCode.OK
    return WSCloseCode.OK if code == WSCloseCode.NO_INFO else code


def _status(error: WSHandshakeError) -> str:
    """What a server answered instead of the upgrade, in short."""
    response = getattr(error, "response", None)
    if response is None:
        return str(error)
    return f"HTTP {int(response.status)} instead of an upgrade"
