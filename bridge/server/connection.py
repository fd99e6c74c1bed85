"""One socket: HTTP first, then WebSocket, on `websockets`' Sans-I/O core.

The library parses and frames; what stays here is the asyncio side of it and the
deadlines. Nothing on the way of a frame is awaited.
"""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Protocol, cast

from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import CLOSED, OPEN
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from bridge.call.pacing import EARLY_S, Wheel
from bridge.server.options import ServerOptions

__all__ = ["Connection", "Guest", "Refusal"]

_LOG = logging.getLogger(__name__)

# Some of Plivo's gateways offer this and hang up when it is not chosen.
SUBPROTOCOL = Subprotocol("audio.drachtio.org")

NO_CLOSE_FRAME = 1006
"""What RFC 6455 calls a socket that just broke."""

LONGEST_REASON_BYTES = 123
"""What fits into a close frame beside its code."""

HIGH_WATER_BYTES = 16 * 1024
"""More than this unsent means that the far end does not read."""

KERNEL_BUFFER_BYTES = 32 * 1024
"""By default the kernel takes megabytes, minutes of audio, before it says so."""


class Refusal(Exception):  # noqa: N818 - an answer, not a failure
    """An HTTP answer instead of an upgrade."""

    def __init__(
        self,
        status: HTTPStatus,
        body: str,
        *,
        content_type: str = "text/plain; charset=utf-8",
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body
        self.content_type = content_type
        self.retry_after_s = retry_after_s


class Guest(Protocol):
    """What is behind an upgraded connection."""

    is_started: bool
    """Whether the stream has begun."""

    @property
    def ids(self) -> Mapping[str, str]:
        """What lines of the log about it carry."""
        ...

    def receive(self, text: bytes) -> None:
        """Take a text message."""

    def complain(self, what: str) -> None:
        """Note what no stream sends, and go on."""

    def pause_writing(self) -> None:
        """The far end does not read."""

    def resume_writing(self) -> None:
        """The far end reads again."""

    def closed(self, *, cleanly: bool) -> None:
        """The socket is gone; `cleanly` if the far end said goodbye."""


class Connection(asyncio.Protocol):
    """An accepted socket; a `call.Link` once it is upgraded.

    Args:
        admit: Looks at a request and returns who is behind it, or raises `Refusal`.
        options: Limits and deadlines.
        wheel: The process's clockwork.
        on_lost: Called when the socket is gone.
    """

    def __init__(
        self,
        admit: Callable[["Connection", Request], Guest],
        options: ServerOptions,
        wheel: Wheel,
        on_lost: Callable[["Connection"], None],
    ) -> None:
        self._admit = admit
        self._options = options
        self._wheel = wheel
        self._on_lost = on_lost
        self._websocket = ServerProtocol(
            select_subprotocol=_select_subprotocol,
            max_size=options.max_message_bytes,
        )
        self._guest: Guest | None = None
        self._fragments: list[bytes] = []
        self._now = asyncio.get_running_loop().time
        self._transport: asyncio.Transport
        self._peer = ""
        self._is_lost = False
        self._is_leaving = False
        """Whether we have said goodbye; what comes after that is for nobody."""
        # Deadlines are times of the loop's clock; None is none.
        self._upgrade_by_s: float | None = None
        self._start_by_s: float | None = None
        self._idle_since_s = self._now()
        self._ping_at_s: float | None = None
        self._pong_by_s: float | None = None
        self._read_by_s: float | None = None
        self._close_by_s: float | None = None
        self._watching_for_s: float | None = None

    def __repr__(self) -> str:
        return f"<Connection {self._peer} {self._websocket.state.name.lower()}>"

    @property
    def is_stream(self) -> bool:
        """Whether it is upgraded, not a probe."""
        return self._guest is not None

    # ------------------------------------------------------------------- the link

    @property
    def is_writable(self) -> bool:
        """Whether the far end keeps reading."""
        return self._read_by_s is None

    def send(self, text: bytes) -> None:
        """Send a text message; on a closed socket, do nothing."""
        if self._websocket.state is OPEN:
            self._websocket.send_text(text)
            self._flush()

    def close(self, code: int, reason: str) -> None:
        """Say goodbye; the socket closes when the far end has answered, or soon."""
        if self._websocket.state is OPEN:
            short = reason.encode()[:LONGEST_REASON_BYTES].decode(errors="ignore")
            self._websocket.send_close(code, short)
            self._is_leaving = True
            self._start_by_s = self._pong_by_s = self._ping_at_s = None
            self._close_by_s = self._now() + self._options.close_timeout_s
            self._flush()
            self._watch()

    def abort(self) -> None:
        """Drop the socket."""
        self._transport.abort()

    # -------------------------------------------------------- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin with the upgrade's deadline."""
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=HIGH_WATER_BYTES)
        _limit_kernel_buffer(transport.get_extra_info("socket"))
        self._peer = str(transport.get_extra_info("peername"))
        self._upgrade_by_s = self._now() + self._options.handshake_timeout_s
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Parse, answer, and hand messages on."""
        self._websocket.receive_data(data)
        for event in self._websocket.events_received():
            if isinstance(event, Frame):
                self._take(event)
            elif isinstance(event, Request):
                self._answer(event)
        self._flush()

    def eof_received(self) -> None:
        """The far end sends no more."""
        self._websocket.receive_eof()
        self._flush()

    def pause_writing(self) -> None:
        """Start the deadline for the far end to read."""
        self._read_by_s = self._now() + self._options.send_timeout_s
        if self._guest is not None:
            self._guest.pause_writing()
        self._watch()

    def resume_writing(self) -> None:
        """It reads again."""
        self._read_by_s = None
        if self._guest is not None:
            self._guest.resume_writing()

    def connection_lost(self, _error: Exception | None) -> None:
        """Tell the guest how it ended."""
        self._is_lost = True
        if self._websocket.state is not CLOSED:
            self._websocket.receive_eof()
        if self._guest is not None:
            self._guest.closed(cleanly=self._websocket.close_code != NO_CLOSE_FRAME)
        self._guest = None
        self._on_lost(self)

    # ------------------------------------------------------------------ inside

    def _answer(self, request: Request) -> None:
        try:
            self._guest = self._admit(self, request)
            response = self._websocket.accept(request)
        except Refusal as refusal:
            response = self._refuse(refusal)
        self._websocket.send_response(response)
        self._upgrade_by_s = None
        if response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
            self._guest = None
            self._close_by_s = self._now() + self._options.close_timeout_s
        else:
            now_s = self._now()
            self._start_by_s = now_s + self._options.start_timeout_s
            self._ping_at_s = now_s + self._options.ping_interval_s
        self._watch()

    def _refuse(self, refusal: Refusal) -> Response:
        response = self._websocket.reject(refusal.status, refusal.body)
        del response.headers["Content-Type"]
        response.headers["Content-Type"] = refusal.content_type
        if refusal.retry_after_s is not None:
            response.headers["Retry-After"] = str(refusal.retry_after_s)
        return response

    def _take(self, frame: Frame) -> None:
        if frame.opcode is Opcode.PONG:
            self._pong_by_s = None
        elif self._guest is not None and not self._is_leaving:
            # Pongs do not count: a peer that only answers pings carries no stream.
            self._idle_since_s = self._now()
            self._hand_on(frame, self._guest)

    def _hand_on(self, frame: Frame, guest: Guest) -> None:
        match frame.opcode:
            case Opcode.TEXT if frame.fin and not self._fragments:
                guest.receive(bytes(frame.data))
            case Opcode.TEXT | Opcode.CONT:
                self._fragments.append(bytes(frame.data))
                if frame.fin:
                    text = b"".join(self._fragments)
                    self._fragments = []
                    guest.receive(text)
            case Opcode.BINARY:
                guest.complain("binary message, allowed are text messages")

    def _flush(self) -> None:
        for data in self._websocket.data_to_send():
            if data:
                self._transport.write(data)
            elif not self._transport.is_closing():
                # What is unsent still goes out; not for ever.
                self._transport.close()
                self._close_by_s = self._now() + self._options.close_timeout_s
                self._watch()

    def _watch(self) -> None:
        """Enforce what is due, and come back for the rest."""
        if self._is_lost:
            return
        now_s = self._now() + EARLY_S
        if self._ping_at_s is not None and now_s >= self._ping_at_s:
            self._ping(now_s)
        if self._guest is not None and self._guest.is_started:
            self._start_by_s = None
        deadlines = (
            (self._upgrade_by_s, "no complete request"),
            (self._start_by_s, "no start"),
            (self._read_by_s, "the far end does not read"),
            (self._pong_by_s, "no pong"),
            (self._close_by_s, ""),
            (self._idle_by_s, "nothing received"),
        )
        for due_s, what in deadlines:
            if due_s is not None and now_s >= due_s:
                self._expire(what)
                return
        pending = [due_s for due_s, _what in deadlines if due_s is not None]
        if self._ping_at_s is not None:
            pending.append(self._ping_at_s)
        next_s = min(pending, default=None)
        if next_s is not None and next_s != self._watching_for_s:
            self._watching_for_s = next_s
            self._wheel.at(next_s, lambda: self._rewatch(next_s))

    def _rewatch(self, due_s: float) -> None:
        # A wake that another one has replaced must not set itself up again.
        if due_s == self._watching_for_s:
            self._watching_for_s = None
            self._watch()

    @property
    def _idle_by_s(self) -> float | None:
        if self._guest is None or self._is_leaving:
            return None
        return self._idle_since_s + self._options.idle_timeout_s

    def _ping(self, now_s: float) -> None:
        if self._websocket.state is OPEN:
            self._websocket.send_ping(b"")
            self._flush()
            self._pong_by_s = self._pong_by_s or now_s + self._options.ping_timeout_s
        self._ping_at_s = now_s + self._options.ping_interval_s

    def _expire(self, what: str) -> None:
        if what:
            ids = self._guest.ids if self._guest is not None else {}
            _LOG.warning("%s: %s in time, closing", self._peer, what, extra=ids)
        if what in ("no start", "nothing received") and self._close_by_s is None:
            self.close(1008, f"{what} in time")
        else:
            self.abort()


def _limit_kernel_buffer(connected: socket.socket | None) -> None:
    if connected is not None:
        with contextlib.suppress(OSError):
            connected.setsockopt(
                socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BUFFER_BYTES
            )


def _select_subprotocol(
    _protocol: ServerProtocol, offered: Sequence[Subprotocol]
) -> Subprotocol | None:
    return SUBPROTOCOL if SUBPROTOCOL in offered else None
