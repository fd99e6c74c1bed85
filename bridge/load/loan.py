"""A caller's socket, lent to those who send and read for all callers at once.

As long as all goes as foreseen, frames leave by `outgoing` and come in by `incoming`,
past the socket's transport. It is lent where the transport has nothing to send and has
read nothing that it has not told of; it is taken back before the transport does
anything again.
"""

import asyncio
from collections.abc import Callable

from bridge.load.form import Form
from bridge.load.incoming import Incoming, Reader
from bridge.load.outgoing import Outgoing

__all__ = ["Loan"]


class Loan:
    """Lends one socket, again and again.

    Args:
        transport: The socket's; not one of TLS.
        form: Of the messages that come.
        line: What is sent.
        incoming: What is read.
        reader: Who reads it.
    """

    __slots__ = (
        *("is_on", "_transport", "_line", "_incoming", "_form", "_reader", "_fd"),
        *("_is_reading_on", "catch_up"),
    )

    def __init__(
        self,
        transport: asyncio.Transport,
        form: Form,
        line: Outgoing,
        incoming: Incoming,
        reader: Reader,
    ) -> None:
        self.is_on = False
        self.catch_up: Callable[[], None] = lambda: None
        """Takes what has come so far; called before others go on to read."""
        self._transport = transport
        self._form = form
        self._line = line
        self._incoming = incoming
        self._reader = reader
        self._fd: int = transport.get_extra_info("socket").fileno()
        self._is_reading_on = False

    def begin(self) -> None:
        """Lend, where that is possible; to be called behind a message."""
        transport = self._transport
        is_idle = not (transport.is_closing() or transport.get_write_buffer_size())
        if self.is_on or self._is_reading_on or not (is_idle and self._form.is_known):
            return
        self.catch_up()
        head, tail = self._form.head, self._form.tail
        self._incoming.read_from(self, self._reader.fileno(), self._fd, head, tail)
        transport.pause_reading()
        self._line.fd = self._fd
        self.is_on = True

    def heard(self, unread: bytes | None) -> None:
        """Take what has come; read on where something is not as foreseen."""
        if unread is None:
            self.catch_up()
        else:
            self.end()
            self._read_on(unread)

    def resend(self, rest: bytes) -> None:
        """Send what the socket did not take."""
        self.end()
        self._transport.write(rest)

    def sent(self) -> None:
        """See whether the transport, which sent something, still has of it."""
        if self.is_on and self._transport.get_write_buffer_size():
            self.end()

    def end(self) -> None:
        """Take it back."""
        if self.is_on:
            self.is_on = False
            self._line.fd = -1
            self._incoming.stop()
            self.catch_up()
            self._transport.resume_reading()

    def _read_on(self, unread: bytes) -> None:
        """Have the protocol read what was read already."""
        protocol = self._transport.get_protocol()
        assert isinstance(protocol, asyncio.BufferedProtocol)
        # It ends in the middle of a message, or what follows may be one to lend behind.
        self._is_reading_on = True
        while unread and not self._transport.is_closing():
            buffer = memoryview(protocol.get_buffer(-1))
            size = min(len(buffer), len(unread))
            buffer[:size] = unread[:size]
            protocol.buffer_updated(size)
            unread = unread[size:]
        self._is_reading_on = False
