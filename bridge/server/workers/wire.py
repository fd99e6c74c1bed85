"""How letters travel between the workers of a server and their parent."""

import asyncio
import contextlib
import socket
from typing import Self

import msgspec

from bridge.server.workers.letters import Letter

__all__ = ["Wire", "opened"]

LENGTH_BYTES = 4

_ENCODER = msgspec.msgpack.Encoder()
_FRAMES = msgspec.msgpack.Decoder(tuple[int, msgspec.Raw])
_LETTERS: msgspec.msgpack.Decoder[Letter] = msgspec.msgpack.Decoder(Letter)


class Wire:
    """Letters over a socket between a worker and the parent.

    With each travels a place: on the way to the parent whom it is for, on the way to a
    worker whom it is from.
    """

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def over(cls, end: socket.socket) -> Self:
        """Take one end of a socket pair; it is closed with the wire."""
        return cls(*await asyncio.open_unix_connection(sock=end))

    @property
    def unsent_bytes(self) -> int:
        """What the other side has not read, beyond what the kernel keeps."""
        return self._writer.transport.get_write_buffer_size()

    def send(self, place: int, letter: Letter) -> None:
        """Send a letter; never waits, and does nothing where nobody is any more."""
        self.forward(place, msgspec.Raw(_ENCODER.encode(letter)))

    def forward(self, place: int, sealed: msgspec.Raw) -> None:
        """Send a letter as it came."""
        if not self._writer.is_closing():
            frame = _ENCODER.encode((place, sealed))
            self._writer.write(len(frame).to_bytes(LENGTH_BYTES, "big") + frame)

    async def receive(self) -> tuple[int, msgspec.Raw]:
        """Wait for a letter.

        Raises:
            EOFError: If the other side is gone.
        """
        try:
            length = int.from_bytes(await self._reader.readexactly(LENGTH_BYTES), "big")
            return _FRAMES.decode(await self._reader.readexactly(length))
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise EOFError from error

    async def close(self) -> None:
        """Send what is left, and close the socket."""
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()

    def abort(self) -> None:
        """Close the socket at once, whatever is left to send."""
        self._writer.transport.abort()


def opened(sealed: msgspec.Raw) -> Letter:
    """Read a letter.

    Raises:
        msgspec.MsgspecError: If it is none, or one of another version.
    """
    return _LETTERS.decode(sealed)
