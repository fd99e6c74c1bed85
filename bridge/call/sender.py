"""What a call writes to its socket, as long as it has one."""

from binascii import b2a_base64
from collections.abc import Callable

from bridge.audio.pcm import FRAME_MS
from bridge.call.link import Framer, Link
from bridge.capture import Tape
from bridge.stream.messages import Message
from bridge.stream.protocol import State, StreamProtocol

__all__ = ["Sender", "Writing"]

# Looked up once: a member of an enum costs as much as a call.
STREAMING = State.STREAMING

Writing = tuple[bytes, bytes, Framer]
"""What stands before a frame's base64 and behind it, and who sends the message."""


class Sender:
    """Writes messages, and has a tape take them down.

    Args:
        link: The socket.
        protocol: The stream's.
    """

    __slots__ = ("link", "on_unwritable", "protocol", "tape")

    def __init__(self, link: Link, protocol: StreamProtocol) -> None:
        self.link: Link | None = link
        """None while there is no socket: what is sent then is lost."""
        self.protocol = protocol
        self.tape: Tape | None = None
        """Takes down what goes over the stream, both ways."""
        self.on_unwritable: Callable[[], None] = lambda: None
        """Told that the far end does not read."""

    def audio(self, payload: bytes | bytearray) -> None:
        """Send audio as it is on the wire."""
        if self.link is not None and self.protocol.state is STREAMING:
            self._send(self.link, self.protocol.audio(payload))

    def message(self, message: Message) -> None:
        """Send anything else."""
        if self.link is not None and self.protocol.state is STREAMING:
            self._send(self.link, self.protocol.send(message))

    def writing(self) -> Writing | None:
        """How 20 ms of audio are written without us; a tape wants to have all."""
        link, protocol = self.link, self.protocol
        if link is None or self.tape is not None or protocol.state is not STREAMING:
            return None
        begin, end = protocol.around_audio
        payload = bytes(protocol.content_type.bytes_per_ms * FRAME_MS)
        size = len(begin) + len(b2a_base64(payload, newline=False)) + len(end)
        return link.framer.head(size) + begin, end, link.framer

    def _send(self, link: Link, text: bytes) -> None:
        if self.tape is not None:
            self.tape.sent(text)
        link.send(text)
        if not link.is_writable:
            self.on_unwritable()
