"""A network between caller and bridge that fails when it is told to."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bridge.tasks import Spawn, background, expendable

__all__ = ["Network", "network"]

PIECE_BYTES = 4096

SMALL_BYTES = 8192
"""Of a socket's buffers: what a network does not carry, its sender must soon feel."""

RESET_ON_CLOSE = struct.pack("ii", 1, 0)

TO_BRIDGE, TO_CALLER = "to bridge", "to caller"


class Network:
    """Forwards both ways, until told otherwise.

    Args:
        port: The bridge's.
        spawn: Runs the forwarding.
    """

    def __init__(self, port: int, spawn: Spawn) -> None:
        self.port = 0
        self._to = port
        self._spawn = spawn
        self._writers: list[asyncio.StreamWriter] = []
        self._flows = {way: asyncio.Event() for way in (TO_BRIDGE, TO_CALLER)}
        self.heal()

    def freeze(self, *ways: str) -> None:
        """Carry nothing any more, both ways or one; what is sent waits."""
        for way in ways or self._flows:
            self._flows[way].clear()

    def heal(self) -> None:
        """Carry everything again."""
        for flow in self._flows.values():
            flow.set()

    def cut(self) -> None:
        """Reset all connections, at both ends."""
        for writer in self._writers:
            raw = writer.get_extra_info("socket")
            with contextlib.suppress(OSError):
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            writer.transport.abort()
        self._writers.clear()

    async def take(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Connect a caller."""
        line = socket.socket()
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BYTES)
        line.connect(("127.0.0.1", self._to))
        line.setblocking(False)
        far_reader, far_writer = await asyncio.open_connection(
            sock=line, limit=PIECE_BYTES
        )
        self._writers += [writer, far_writer]
        self._spawn(TO_BRIDGE, self._forward(TO_BRIDGE, reader, far_writer))
        self._spawn(TO_CALLER, self._forward(TO_CALLER, far_reader, writer))

    async def _forward(
        self, way: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with contextlib.suppress(OSError):
            while True:
                await self._flows[way].wait()
                data = await reader.read(PIECE_BYTES)
                await self._flows[way].wait()
                if not data:
                    break
                writer.write(data)
                await writer.drain()
        if not writer.transport.is_closing():
            writer.close()


@asynccontextmanager
async def network(port: int) -> AsyncIterator[Network]:
    """A network in front of a bridge."""
    async with background() as spawn:
        carries = Network(port, expendable(spawn))
        server = await asyncio.start_server(
            carries.take, "127.0.0.1", 0, limit=PIECE_BYTES
        )
        carries.port = server.sockets[0].getsockname()[1]
        try:
            yield carries
        finally:
            server.close()
            carries.cut()
