"""Two protocols joined without a network: nothing is late, nothing is random."""

import asyncio
from typing import Any

__all__ = ["join"]


def join(first: asyncio.Protocol, second: asyncio.Protocol) -> None:
    """Connect two protocols as a socket would; the first is the one that dialled."""
    here, there = _End(first), _End(second)
    here.peer, there.peer = there, here
    second.connection_made(there)
    first.connection_made(here)


class _End(asyncio.Transport):
    """One end: what is written comes out of the other in the loop's next round."""

    def __init__(self, protocol: asyncio.Protocol) -> None:
        super().__init__()
        self.peer: _End
        self._protocol = protocol
        self._loop = asyncio.get_running_loop()
        self._is_closing = False
        self._is_lost = False
        self._is_paused = False
        self._held: list[bytes] = []

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """There is no socket to know anything of."""
        return "in memory" if name == "peername" else default

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Who is told of everything from now on."""
        assert isinstance(protocol, asyncio.Protocol)
        self._protocol = protocol

    def set_write_buffer_limits(
        self, high: int | None = None, low: int | None = None
    ) -> None:
        """Nothing is buffered."""

    def is_closing(self) -> bool:
        """Whether this end has been closed."""
        return self._is_closing

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send."""
        if not self._is_closing:
            self._loop.call_soon(self.peer._take, bytes(data))

    def close(self) -> None:
        """Send no more; what was written arrives."""
        if not self._is_closing:
            self._is_closing = True
            self._loop.call_soon(self.peer._take_end)
            self._loop.call_soon(self._lose, None)

    def abort(self) -> None:
        """Break."""
        self._is_closing = True
        self._loop.call_soon(self.peer._lose, ConnectionResetError())
        self._loop.call_soon(self._lose, None)

    def pause_reading(self) -> None:
        """Read no more: the other end is told at once that nothing gets away."""
        self._is_paused = True
        self.peer._protocol.pause_writing()

    def resume_reading(self) -> None:
        """Read what has come meanwhile, and go on."""
        self._is_paused = False
        held, self._held = self._held, []
        loop = asyncio.get_running_loop()
        for data in held:
            # Later, as of a socket: who resumes may still have something unread.
            loop.call_soon(self._take, data)
        self.peer._protocol.resume_writing()

    def _take(self, data: bytes) -> None:
        if self._is_paused:
            self._held.append(data)
        elif not self._is_lost:
            self._protocol.data_received(data)

    def _take_end(self) -> None:
        if not self._is_lost:
            self._protocol.eof_received()
            self.close()

    def _lose(self, error: Exception | None) -> None:
        if not self._is_lost:
            self._is_lost = self._is_closing = True
            self._protocol.connection_lost(error)
