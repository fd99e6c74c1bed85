"""WebSocket frames by `picows` (extra `fast`): the seam of `framing`, in C.

The request is read and judged as ever. A good one's transport is then picows' own: it
is told of the upgrade once more, answers it, and reads what no ear has taken.
"""

import asyncio
import logging

import picows
from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport
from picows.picows import WSProtocol  # type: ignore[attr-defined]

from bridge.server.ear_first import EarFirst
from bridge.server.framing import MOST_AT_ONCE, Framing, Owner
from bridge.server.handshake import upgrade_request

__all__ = ["PicowsFraming"]

_LOGGER = logging.getLogger(__name__)
# It tells of each connection and each mistake of theirs; exceptions are ours.
_LOGGER.addFilter(lambda record: record.exc_info is not None)
_LOG = logging.LoggerAdapter(_LOGGER, {})
READ_BYTES, NO_CODE, NO_CLOSE_FRAME = 4096, 1005, 1006  # First; RFC 6455, 7.4.1
TEXT = WSMsgType.TEXT  # Looked up once: a member of an enum costs as much as a call.


class PicowsFraming(WSListener, Framing):
    """Takes over the transport of a socket whose request was found good.

    `key` is that request's, `headers` are to answer with; `max_size` is of a message.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        key: str,
        headers: dict[str, str],
        max_size: int,
        owner: Owner,
    ) -> None:
        self._owner, self._headers, self._max_size = owner, headers, max_size
        self.is_open, self._is_skipping, self._code, self._frames = True, False, 0, 0
        self._fragments: bytearray | None = None
        pings = (False, 10, 10, picows.WSAutoPingStrategy.PING_WHEN_IDLE, False)
        limits = (max_size, None, READ_BYTES)
        settings = (None, None, False, self._answer, _LOG, True, None, *pings, *limits)
        self._protocol = WSProtocol(*settings)
        self._protocol.connection_made(transport)
        self._socket: WSTransport = self._protocol.transport
        # Not their own words: it is pickier than those who judged them.
        self.receive(upgrade_request(key))
        transport.set_protocol(EarFirst(self, owner, self._protocol))

    def _answer(self, _request: object) -> picows.WSUpgradeResponseWithListener:
        response = picows.WSUpgradeResponse.create_101_response(self._headers)
        return picows.WSUpgradeResponseWithListener(response, self)

    @property
    def close_code(self) -> int | None:
        """Of the far end's close; 1006 if it broke, None while it is open."""
        return self._code or (NO_CLOSE_FRAME if self._socket.is_disconnected else None)

    def send(self, message: bytes) -> None:
        """Send a text message; on a closed socket, do nothing."""
        if self.is_open:
            self._socket.send(TEXT, message)

    send_framed = send  # The socket writes heads itself.

    def ping(self) -> None:
        """Ask the far end for a pong."""
        self._socket.send_ping()

    def close(self, code: int, reason: str) -> None:
        """Say goodbye."""
        self.is_open = False
        self._socket.send_close(code, reason.encode())  # type: ignore[arg-type]

    def receive(self, data: bytes) -> None:
        """Take what an ear has left, and what came before there was one."""
        while data:
            self.is_between = False
            buffer = self._protocol.get_buffer(-1)
            count = min(len(buffer), len(data))
            buffer[:count], data = data[:count], data[count:]
            self._protocol.buffer_updated(count)

    def on_ws_frame(self, _transport: WSTransport, frame: WSFrame) -> None:
        """Hand on a frame."""
        kind, is_part = frame.msg_type, not frame.fin or self._fragments is not None
        if frame.rsv1 or frame.rsv2 or frame.rsv3:
            self._fail(WSCloseCode.PROTOCOL_ERROR.value)
        elif kind is not TEXT and kind.value >= WSMsgType.CLOSE.value:
            self._take_control(frame, kind)
        elif self.is_open:  # What comes after goodbye is for nobody.
            self.has_received = True
            if kind is not TEXT or is_part:
                self._take_part(frame, kind)
            elif not self.ear.hear_next(text := frame.get_payload_as_bytes()):
                self.taker.receive(text)
        self._frames += 1
        self.is_between = not frame.tail_size and self._fragments is None
        if self._frames >= MOST_AT_ONCE and frame.last_in_buffer:
            self._owner.may_go_on(self._frames)
            self._frames = 0

    def _take_part(self, frame: WSFrame, kind: WSMsgType) -> None:
        if kind == WSMsgType.BINARY or self._is_skipping:
            self._is_skipping = not frame.fin
            self._owner.take_other(kind.value)
        elif (kind == TEXT) is not (self._fragments is None):
            self._fail(WSCloseCode.PROTOCOL_ERROR.value)
        else:
            text = self._fragments = self._fragments or bytearray()
            text += frame.get_payload_as_memoryview()
            if len(text) > self._max_size:
                self._fail(WSCloseCode.MESSAGE_TOO_BIG.value)
            elif frame.fin:
                self._fragments = None
                self.taker.receive(bytes(text))

    def _take_control(self, frame: WSFrame, kind: WSMsgType) -> None:
        payload = frame.get_payload_as_bytes()
        if kind == WSMsgType.PING:
            self._socket.send_pong(payload)
        elif kind == WSMsgType.CLOSE:
            # Not by its own enumeration, which knows no codes of applications.
            self._code = int.from_bytes(payload[:2], "big") or NO_CODE
            self._fail(self._code if payload else WSCloseCode.OK.value)
        self._owner.take_other(kind.value)

    def _fail(self, code: int) -> None:
        if self.is_open:
            self.close(code, "")
        self._owner.end()

    def pause_writing(self) -> None:
        """Pass it on."""
        self._owner.pause_writing()

    def resume_writing(self) -> None:
        """Pass it on."""
        self._owner.resume_writing()

    def on_ws_disconnected(self, _transport: WSTransport) -> None:
        """Pass it on."""
        self.is_open = False
        self._owner.connection_lost(None)
