"""WebSocket frames on an upgraded socket: the seam, and the one on `websockets`.

What arrives is text, nearly always: one whole masked frame in one read, and the one
that was to come. That way is short, and everything else takes the library's: frames
that came in part, fragments, control frames, and all that breaks RFC 6455.
"""

import asyncio
from typing import TYPE_CHECKING, Protocol

from websockets.frames import Frame, Opcode
from websockets.protocol import CLOSED, OPEN
from websockets.server import ServerProtocol

try:
    from websockets.speedups import apply_mask
except ImportError:  # There is no wheel of it for every platform.
    from websockets.utils import apply_mask

from bridge.call.link import NOBODY, Ear, Taker
from bridge.errors import ConfigError

if TYPE_CHECKING:
    from bridge.server.picows_framing import PicowsFraming

__all__ = [
    "MOST_AT_ONCE",
    "Framing",
    "Owner",
    "WebsocketsFraming",
    "framing_of",
]

MOST_AT_ONCE = 16
"""So many frames are handed on before somebody looks at how many may be."""

WHOLE_TEXT = 0x81
"""First byte of a text frame that is the whole message."""

LONG_MASKED_TEXT = b"\x81\xfe"
"""How such a frame begins if it is masked and of 126 to 65535 bytes."""

MASKED = 0x80
MASK_BYTES = 4
HEAD_BYTES = {126: 4, 127: 10}
"""Of a frame whose length does not fit into its second byte, without the mask."""


class Owner(Protocol):
    """Whose socket it is."""

    def take_other(self, opcode: int) -> None:
        """Note what is no text: RFC 6455's number of a binary or control frame."""

    def may_go_on(self, frames: int) -> bool:
        """Note how many frames came; False if no more are to be read for now."""

    def end(self) -> None:
        """Close the transport: what is unsent still goes out; not for ever."""

    def pause_writing(self) -> None:
        """The far end does not read; told where the framing has the transport."""

    def resume_writing(self) -> None:
        """It reads again."""

    def connection_lost(self, error: Exception | None) -> None:
        """The socket is gone."""


class Framing(Protocol):
    """An upgraded socket; text goes in and out whole."""

    is_open: bool
    """Whether text can still be sent."""
    taker: Taker = NOBODY
    """Takes whole messages; nobody, until the owner says who."""
    ear: Ear = NOBODY
    """Is asked first, where frames come as they are on the wire."""
    has_received: bool = False
    """Whether a message came; the owner, who has looked, says no again."""

    @property
    def close_code(self) -> int | None:
        """Of the far end's close; 1006 if it broke, None while it is open."""

    def send(self, message: bytes) -> None:
        """Send a text message; on a closed socket, do nothing."""

    def head(self, size: int) -> bytes:
        """What `send_framed` wants to stand before a message of so many bytes."""
        del size
        return b""

    def send_framed(self, message: bytes) -> None:
        """Send a text message, its head before it; on a closed socket, do nothing."""

    def ping(self) -> None:
        """Ask the far end for a pong."""

    def close(self, code: int, reason: str) -> None:
        """Say goodbye."""

    def receive(self, data: bytes) -> None:
        """Take what has arrived."""

    def go_on(self) -> None:
        """Take what had to wait, where something was kept back."""

    def receive_eof(self) -> None:
        """The far end sends no more; where the transport does not see to that."""


class WebsocketsFraming(asyncio.Protocol):
    """Frames by `websockets`' Sans-I/O core; it becomes the transport's protocol.

    Args:
        websocket: The library's, upgraded.
        max_size: Of a message, in bytes; the library's own.
        owner: Is told what came.
        transport: Bytes are written to it.
    """

    __slots__ = (
        *("_fragments", "_frames", "_head", "_inside", "_is_between", "_max_size"),
        *("_owner", "_transport", "_unread", "_websocket", "ear", "has_received"),
        *("is_open", "taker"),
    )

    def __init__(
        self,
        websocket: ServerProtocol,
        max_size: int,
        owner: Owner,
        transport: asyncio.WriteTransport,
    ) -> None:
        self.is_open = True
        self.has_received = False
        self.taker: Taker = NOBODY
        self.ear: Ear = NOBODY
        self._websocket = websocket
        self._max_size = max_size
        self._owner = owner
        self._transport = transport
        self._head = b""
        """The beginning of a frame's head, where no more of it came yet."""
        self._inside = 0
        """Bytes to come of a frame that the library has the beginning of."""
        # One piece of memory: the library bounds a message's bytes, not its fragments.
        self._fragments: bytearray | None = None
        self._unread = b""
        """Received while whoever sends has to wait."""
        self._is_between = True
        """Whether nothing is begun or kept back: what comes begins with a frame."""
        self._frames = 0

    @property
    def close_code(self) -> int | None:
        """Of the far end's close; 1006 if it broke, None while it is open."""
        return self._websocket.close_code

    # ------------------------------------------------------------------ sending

    def send(self, message: bytes) -> None:
        """Send a text message; on a closed socket, do nothing."""
        # What the library would write: no mask, no extension, no fragments.
        self.send_framed(self.head(len(message)) + message)

    def head(self, size: int) -> bytes:
        """What `send_framed` wants to stand before a message of so many bytes."""
        if size < 126:
            return b"\x81%c" % size
        if size < 65536:
            return b"\x81\x7e" + size.to_bytes(2, "big")
        return b"\x81\x7f" + size.to_bytes(8, "big")

    def send_framed(self, message: bytes) -> None:
        """Send a text message, its head before it; on a closed socket, do nothing."""
        if self.is_open:
            self._transport.write(message)

    def ping(self) -> None:
        """Ask the far end for a pong."""
        self._websocket.send_ping(b"")
        self._flush()

    def close(self, code: int, reason: str) -> None:
        """Say goodbye."""
        self._websocket.send_close(code, reason)
        self._flush()
        self._is_between = False

    # ---------------------------------------------------------------- receiving

    def data_received(self, data: bytes) -> None:
        """Take what has arrived."""
        if self._is_between and self.ear.hear_framed(data):
            self.has_received = True
            self._frames += 1
            if self._frames >= MOST_AT_ONCE:
                self._may_go_on()
        else:
            self.receive(data)

    def receive(self, data: bytes) -> None:
        """Take what has arrived; stop where the owner says so."""
        size = len(data)
        if (
            self._is_between
            and data[:2] == LONG_MASKED_TEXT
            and int.from_bytes(data[2:4], "big") == size - 8 <= self._max_size
        ):
            # What nearly always comes where nothing is foreseen: one frame of audio.
            self.has_received = True
            self.taker.receive(apply_mask(data[8:], data[4:8]))
            self._frames += 1
            if self._frames >= MOST_AT_ONCE:
                self._may_go_on()
        elif self._unread:
            self._unread += data
        else:
            self._receive_any(data)

    def _receive_any(self, data: bytes) -> None:
        if self._head:
            data, self._head = self._head + data, b""
        begin, size = 0, len(data)
        while begin < size:
            begin = self._take_frame(data, begin, size)
            if not self._count_frame():
                self._unread = data[begin:]
                break
        self._is_between = self.is_open and not (
            self._head or self._inside or self._unread or self._fragments is not None
        )

    def _count_frame(self) -> bool:
        """Whether more may be read now."""
        self._frames += 1
        return self._frames < MOST_AT_ONCE or self._may_go_on()

    def _may_go_on(self) -> bool:
        self._frames = 0
        return self._owner.may_go_on(MOST_AT_ONCE)

    def go_on(self) -> None:
        """Take what has arrived while it had to wait."""
        data, self._unread = self._unread, b""
        self._receive_any(data)

    def eof_received(self) -> None:
        """The far end sends no more."""
        self.receive_eof()

    def receive_eof(self) -> None:
        """The same; and what is begun by now will not be ended."""
        if self._websocket.state is not CLOSED:
            self._websocket.receive_eof()
            self._flush()

    def pause_writing(self) -> None:
        """Pass it on."""
        self._owner.pause_writing()

    def resume_writing(self) -> None:
        """Pass it on."""
        self._owner.resume_writing()

    def connection_lost(self, error: Exception | None) -> None:
        """Pass it on."""
        self._owner.connection_lost(error)

    def _take_frame(self, data: bytes, begin: int, size: int) -> int:
        """Take one frame, or what is there of it; return where the next begins."""
        if self._inside:
            taken = min(self._inside, size - begin)
            self._inside -= taken
            self._pass_on(data[begin : begin + taken])
            return begin + taken
        if size - begin < 2:
            self._head = data[begin:]
            return size
        length = data[begin + 1] & 0x7F
        text = begin + 2
        if length > 125:
            text = begin + HEAD_BYTES[length]
            if text > size:
                self._head = data[begin:]
                return size
            length = int.from_bytes(data[begin + 2 : text], "big")
        is_masked = data[begin + 1] & MASKED
        text += MASK_BYTES if is_masked else 0
        end = text + length
        is_plain = data[begin] == WHOLE_TEXT and is_masked and self._fragments is None
        is_short = end <= size and length <= self._max_size
        if is_plain and is_short and self.is_open:
            mask = data[text - MASK_BYTES : text]
            self._hand_on(apply_mask(data[text:end], mask))
        else:
            self._inside = max(0, end - size)
            self._pass_on(data[begin:end])
        return min(end, size)

    def _pass_on(self, data: bytes) -> None:
        """Let the library have it."""
        self._websocket.receive_data(data)
        for event in self._websocket.events_received():
            if isinstance(event, Frame):
                self._take(event)
        self._flush()

    def _take(self, frame: Frame) -> None:
        match frame.opcode:
            case Opcode.TEXT if frame.fin:
                self._hand_on(bytes(frame.data))
            case Opcode.TEXT:
                self._fragments = bytearray(frame.data)
            case Opcode.CONT if self._fragments is not None:
                self._fragments += frame.data
                if frame.fin:
                    text = bytes(self._fragments)
                    self._fragments = None
                    self._hand_on(text)
            case Opcode.CONT:
                pass
            case _:
                self._owner.take_other(frame.opcode)

    def _hand_on(self, text: bytes) -> None:
        self.has_received = True
        self.taker.receive(text)

    def _flush(self) -> None:
        self.is_open = self._websocket.state is OPEN
        for data in self._websocket.data_to_send():
            if data:
                self._transport.write(data)
            else:
                self._owner.end()


def framing_of(transport: str) -> "type[PicowsFraming] | None":
    """What makes the frames: picows' class, or None for what is here.

    Args:
        transport: `websockets`, `picows`, or `auto`: the latter if it is installed.

    Raises:
        ConfigError: If picows is asked for and not installed.
    """
    if transport == "websockets":
        return None
    try:
        from bridge.server.picows_framing import PicowsFraming  # noqa: PLC0415 - extra
    except ImportError as error:
        if transport == "auto":
            return None
        raise ConfigError(
            "transport: picows is not installed; the extra `fast` brings it: "
            "pip install 'mpc-bridge[fast]'"
        ) from error
    return PicowsFraming
