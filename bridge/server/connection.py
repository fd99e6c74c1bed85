"""One socket: HTTP first, then WebSocket.

`websockets`' Sans-I/O core reads the request and answers it; what makes frames of bytes
after that is a `Framing`. What stays here is the asyncio side of both, and deadlines.
Nothing on the way of a frame is awaited.
"""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, cast

from websockets.frames import Opcode
from websockets.http11 import Request, Response

from bridge.call.link import NOBODY, Ear, Framer, Taker
from bridge.call.pacing import Wheel
from bridge.server.allowance import Allowance
from bridge.server.framing import Framing, WebsocketsFraming
from bridge.server.guest import Guest, Refusal
from bridge.server.handshake import (
    HEAD_ENDS,
    HEAD_TOO_LONG,
    chosen_headers,
    refuse,
    server_protocol,
)
from bridge.server.options import ServerOptions
from bridge.stream.prediction import LONGEST_FRAMED_BYTES

if TYPE_CHECKING:
    from bridge.server.picows_framing import PicowsFraming

__all__ = ["Connection"]

_LOG = logging.getLogger(__name__)

IDLE_LOOK = 0.2
"""Part of the idle timeout after which it is looked whether anything came."""

NO_CLOSE_FRAME = 1006
"""What RFC 6455 calls a socket that just broke."""

LONGEST_REASON_BYTES = 123
"""What fits into a close frame beside its code."""

HIGH_WATER_BYTES = 16 * 1024
"""More than this unsent means that the far end does not read."""

FRAMES_AT_ONCE_S = 4.0
"""After a stall of the network all of a stream's frames come at once. Who sends more
has to wait: parsing is dear, and time is shared by all calls."""

UNSENT_BYTES = 32 * 1024
"""By default the kernel takes megabytes, minutes of audio, before it says so."""


class Connection(asyncio.Protocol):
    """An accepted socket; a `call.Link` once it is upgraded.

    Args:
        admit: Looks at a request and returns who is behind it, or raises `Refusal`.
        options: Limits and deadlines.
        wheel: The process's clockwork.
        on_lost: Called when the socket is gone.
        framing: What makes frames of an upgraded socket's bytes; None: `websockets`.
    """

    __slots__ = (
        *("_admit", "_close_by_s", "_frames", "_framing", "_framing_class", "_guest"),
        *("_head", "_idle_since_s", "_is_dropped", "_is_flooding", "_is_leaving"),
        *("_is_lost", "_now", "_on_lost", "_options", "_peer", "_ping_at_s"),
        *("_pong_by_s", "_read_by_s", "_start_by_s", "_transport", "_upgrade_by_s"),
        *("_watching_for_s", "_websocket", "_wheel", "address", "is_made"),
        *("is_writable", "path", "said_too_much", "send"),
    )

    def __init__(
        self,
        admit: Callable[["Connection", Request], Guest],
        options: ServerOptions,
        wheel: Wheel,
        on_lost: Callable[["Connection"], None],
        framing: "type[PicowsFraming] | None" = None,
    ) -> None:
        self._framing_class = framing
        self._admit = admit
        self._options = options
        self._wheel = wheel
        self._on_lost = on_lost
        self._websocket = server_protocol(options.max_message_bytes)
        self._guest: Guest | None = None
        self._framing: Framing | None = None
        """Once the socket is a WebSocket."""
        self.send: Callable[[bytes], None] = NOBODY.receive
        """Send a text message; on a closed socket, do nothing."""
        self.is_writable = True
        """Whether the far end keeps reading."""
        self._head = b""
        self._is_flooding = False
        self._now = asyncio.get_running_loop().time
        self._transport: asyncio.Transport
        self.path = ""
        """Of the request, without its query."""
        self._peer = ""
        self.address = ""
        """Of the far end; behind proxies that are trusted, once it was admitted."""
        self.said_too_much = False
        """Whether it was given up for the length of its request's head."""
        self.is_made = False
        """Whether there is a socket; with TLS, once its handshake is done."""
        self._is_lost = self._is_dropped = False
        self._is_leaving = False
        """Whether we have said goodbye; what comes after that is for nobody."""
        most_per_s = options.access.max_frames_per_s
        self._frames = Allowance(most_per_s, FRAMES_AT_ONCE_S * most_per_s, self._now())
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
        state = "streaming" if self._framing is not None else "waiting"
        return f"<Connection {self._peer} {'lost' if self._is_lost else state}>"

    @property
    def close_code(self) -> int | None:
        """Of the WebSocket's close; None while it is open."""
        return self._framing.close_code if self._framing is not None else None

    # ------------------------------------------------------------------- the link

    def close(self, code: int, reason: str) -> None:
        """Say goodbye; the socket closes when the far end has answered, or soon."""
        if self._framing is not None and self._framing.is_open:
            self._framing.taker = self._framing.ear = NOBODY
            short = reason.encode()[:LONGEST_REASON_BYTES].decode(errors="ignore")
            self._is_leaving = True
            self._start_by_s = self._pong_by_s = self._ping_at_s = None
            self._close_by_s = self._now() + self._options.close_timeout_s
            self._framing.close(code, short)
            self._watch()

    @property
    def framer(self) -> Framer:
        """Sends messages in the shortest way."""
        return self._framing or NOBODY

    def deliver_to(self, taker: Taker, ear: Ear) -> None:
        """Let somebody take messages from now on, without a detour."""
        if self._framing is not None and not self._is_leaving:
            self._framing.taker = taker
            if self._options.max_message_bytes >= LONGEST_FRAMED_BYTES:
                self._framing.ear = ear

    def abort(self) -> None:
        """Drop the socket; with TLS it may only be about to be one."""
        self._is_dropped = True
        if self.is_made:
            self._transport.abort()

    # -------------------------------------------------------- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin with the upgrade's deadline."""
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self.is_made = True
        if self._is_dropped:
            self._transport.abort()
            return
        self._transport.set_write_buffer_limits(high=HIGH_WATER_BYTES)
        accepted: socket.socket | None = transport.get_extra_info("socket")
        if accepted is not None:
            with contextlib.suppress(OSError):
                accepted.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, UNSENT_BYTES)
        peer = transport.get_extra_info("peername")
        self._peer = str(peer)
        self.address = str(peer[0]) if isinstance(peer, tuple) else ""
        self._upgrade_by_s = self._now() + self._options.handshake_timeout_s
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Read the request; what comes after it, the framing receives."""
        self._read_head(data)

    def eof_received(self) -> None:
        """The far end sends no more."""
        self._websocket.receive_eof()
        self._flush()

    def pause_writing(self) -> None:
        """Start the deadline for the far end to read."""
        self.is_writable = False
        self._read_by_s = self._now() + self._options.send_timeout_s
        if self._guest is not None:
            self._guest.pause_writing()
        self._watch()

    def resume_writing(self) -> None:
        """It reads again."""
        self.is_writable = True
        self._read_by_s = None
        if self._guest is not None:
            self._guest.resume_writing()

    def connection_lost(self, _error: Exception | None) -> None:
        """Tell the guest how it ended."""
        self._is_lost = True
        if self._framing is not None:
            self._framing.receive_eof()
            self._framing.taker = self._framing.ear = NOBODY
        if self._guest is not None:
            self._guest.closed(cleanly=self.close_code != NO_CLOSE_FRAME)
        # What keeps us for a while yet, as the wheel, need not keep its buffers.
        self._guest = self._framing = None
        self.send = NOBODY.receive
        self._on_lost(self)

    # ------------------------------------------------------- what the framing tells

    def take_other(self, opcode: int) -> None:
        """Note what is no text."""
        if opcode == Opcode.PONG:
            # It does not count: who only answers pings carries no stream.
            self._pong_by_s = None
        elif self._guest is not None and not self._is_leaving:
            if self._framing is not None:
                self._framing.has_received = True
            if opcode == Opcode.BINARY:
                self._guest.complain("binary message, allowed are text messages")

    def may_go_on(self, frames: int) -> bool:
        """Whether more may be read now; else their system holds back what they send."""
        wait_s = self._frames.use(frames, self._now())
        if not wait_s:
            return True
        if not self._is_flooding and self._guest is not None:
            most = self._options.access.max_frames_per_s
            self._guest.complain(f"more than {most:g} frames a second: slowed down")
        self._is_flooding = True
        self._transport.pause_reading()
        self._wheel.at(self._now() + wait_s, self._go_on_reading)
        return False

    def _go_on_reading(self) -> None:
        if not self._is_lost and not self._transport.is_closing():
            # First: what is unread may be too much again.
            self._transport.resume_reading()
            if self._framing is not None:
                self._framing.go_on()

    # ------------------------------------------------------------------ inside

    def _read_head(self, data: bytes) -> None:
        """Read what belongs to the request; what is behind it are frames already."""
        if self._upgrade_by_s is None:
            return
        end = (self._head + data).find(HEAD_ENDS)
        mine = len(data) if end < 0 else end + len(HEAD_ENDS) - len(self._head)
        if len(self._head) + mine > self._options.access.max_header_bytes:
            self._say_too_much()
            return
        self._head += data[:mine]
        self._websocket.receive_data(data[:mine])
        for event in self._websocket.events_received():
            if isinstance(event, Request):
                self._answer(event)
        self._flush()
        if self._framing is not None and mine < len(data):
            self._framing.receive(data[mine:])

    def _answer(self, request: Request) -> None:
        self.path = request.path.partition("?")[0]
        try:
            guest = self._guest = self._admit(self, request)
            response = self._websocket.accept(request)
        except Refusal as refusal:
            guest, response = None, refuse(self._websocket, refusal)
        self._upgrade_by_s = None
        now_s = self._now()
        if response.status_code != HTTPStatus.SWITCHING_PROTOCOLS or guest is None:
            self._guest = None
            self._close_by_s = now_s + self._options.close_timeout_s
            self._websocket.send_response(response)
        else:
            self._start_by_s = now_s + self._options.start_timeout_s
            self._ping_at_s = now_s + self._options.ping_interval_s
            self._framing = self._upgrade(request, response)
            self._framing.taker = guest
            self.send = self._framing.send
        self._head = b""
        self._watch()

    def _upgrade(self, request: Request, response: Response) -> Framing:
        """Answer with 101, and go on with frames."""
        max_size = self._options.max_message_bytes
        if self._framing_class is not None:
            key, chosen = request.headers["Sec-WebSocket-Key"], chosen_headers(response)
            return self._framing_class(self._transport, key, chosen, max_size, self)
        self._websocket.send_response(response)
        self._flush()
        framing = WebsocketsFraming(self._websocket, max_size, self, self._transport)
        self._transport.set_protocol(framing)
        return framing

    def _say_too_much(self) -> None:
        """Their request's head grows beyond what any of Plivo's needs."""
        if not self.said_too_much:
            self.said_too_much = True
            self._transport.write(HEAD_TOO_LONG)
            self._transport.close()

    def _flush(self) -> None:
        for data in self._websocket.data_to_send():
            if data:
                self._transport.write(data)
            else:
                self.end()

    def end(self) -> None:
        """Close the socket: what is unsent still goes out; not for ever."""
        if not self._transport.is_closing():
            self._transport.close()
            self._close_by_s = self._now() + self._options.close_timeout_s
            self._watch()

    def _watch(self) -> None:
        """Enforce what is due, and come back for the rest."""
        if self._is_lost:
            return
        now_s = self._now()
        if self._ping_at_s is not None and now_s >= self._ping_at_s:
            self._ping(now_s)
        if self._guest is not None and self._guest.is_started:
            self._start_by_s = None
        if self._framing is not None and self._framing.has_received:
            self._framing.has_received = False
            self._idle_since_s = now_s
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
        if self._idle_by_s is not None:
            # What comes is noted without its time: the time is that of our look at it.
            pending.append(now_s + self._options.idle_timeout_s * IDLE_LOOK)
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
        if self._framing is not None and self._framing.is_open:
            self._framing.ping()
            self._pong_by_s = self._pong_by_s or now_s + self._options.ping_timeout_s
        self._ping_at_s = now_s + self._options.ping_interval_s

    def _expire(self, what: str) -> None:
        if what:
            ids = self._guest.ids if self._guest is not None else {}
            # A scanner's connections that say nothing would fill the log.
            level = logging.WARNING if self._guest is not None else logging.DEBUG
            _LOG.log(level, "%s: %s in time, closing", self._peer, what, extra=ids)
        is_open = self._framing is not None and self._framing.is_open
        if what in ("no start", "nothing received") and is_open:
            self.close(1008, f"{what} in time")
        else:
            self.abort()
