"""Reads the sockets of all callers whose servers go on as before.

Where it was compiled, `_incoming.c` reads them: a frame that is written like the last
one but for its audio is kept, with the time at which it came, until there are some.
Anything else goes back to who read the socket before, with all that came behind it.
Where nothing was compiled, nothing is ever read here.
"""

import asyncio
import logging
import select
from types import TracebackType
from typing import Protocol, Self

try:
    from bridge.load import _incoming
except ImportError:  # It was installed without a compiler, or for another system.
    _incoming = None  # type: ignore[assignment]

__all__ = ["Incoming", "Reader"]

_LOG = logging.getLogger(__name__)


class Incoming(Protocol):
    """What came over one socket."""

    def take(self) -> tuple[list[bytes], list[float]]:
        """Take what was kept: audio, and when each came."""

    def read_from(
        self, owner: "Hearer", epoll: int, fd: int, head: bytes, tail: bytes, /
    ) -> None:
        """Have the reader of an epoll read a socket.

        Args:
            owner: Told of what is not for the reader.
            epoll: The reader's.
            fd: The socket's.
            head: What stands in a message before the payload in its quotes.
            tail: What stands behind.
        """

    def stop(self) -> None:
        """Have it read no more."""


class Hearer(Protocol):
    """Whose socket it is."""

    def heard(self, unread: bytes | None) -> None:
        """Take what was kept.

        Args:
            unread: Where bytes, the reader is to stop, and these are to be read first;
                none of them at the end of the socket.
        """


class Reader:
    """Reads sockets that are lent to it, in a running loop."""

    def __init__(self) -> None:
        self._epoll: select.epoll | None = None

    def __enter__(self) -> Self:
        if _incoming is not None:
            self._epoll = select.epoll()
            asyncio.get_running_loop().add_reader(self._epoll.fileno(), self._read)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._epoll is not None:
            asyncio.get_running_loop().remove_reader(self._epoll.fileno())
            self._epoll.close()
            self._epoll = None

    def fileno(self) -> int:
        """Of its epoll."""
        assert self._epoll is not None
        return self._epoll.fileno()

    def incoming(self, sample_bytes: int) -> Incoming | None:
        """Of a socket with so many bytes a sample; None where nothing was compiled."""
        return None if self._epoll is None else _incoming.Incoming(sample_bytes)

    def _read(self) -> None:
        for hearer, unread in _incoming.read_ready(self.fileno()):
            try:
                hearer.heard(unread)
            # The edge of a call: what others were sent is read by now, and theirs.
            except Exception:  # noqa: BLE001
                _LOG.exception("what a caller heard")
