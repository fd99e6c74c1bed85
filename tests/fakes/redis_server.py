"""A Redis of one's own, as a process: started, stopped, and started again."""

import asyncio
import contextlib
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.ports import free_port

__all__ = ["BINARY", "RedisServer", "redis_server"]

BINARY = shutil.which("redis-server")


class RedisServer:
    """One server with one address; what it knows is gone when it stops, or is kept.

    Args:
        folder: For its files.
        password: That it asks for; empty: none.
    """

    def __init__(self, folder: Path, password: str = "") -> None:
        self.port = free_port()
        self.password = password
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        """Where it is reached, with its password."""
        user = f":{self.password}@" if self.password else ""
        return f"redis://{user}127.0.0.1:{self.port}/0"

    async def start(self, *, keeps: bool = False) -> None:
        """Start it; it may keep what it knows on disk."""
        assert BINARY is not None
        words = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        words += ["--dir", str(self._folder), "--loglevel", "warning"]
        words += ["--appendonly", "yes" if keeps else "no"]
        if self.password:
            words += ["--requirepass", self.password]
        self._process = await asyncio.create_subprocess_exec(
            BINARY, *words, stdout=asyncio.subprocess.DEVNULL
        )
        async with asyncio.timeout(60):
            while not await self._is_up():
                await asyncio.sleep(0.02)

    async def stop(self) -> None:
        """Stop it, and all connections with it."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGCONT)
                self._process.terminate()
            await self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Let it answer nothing; its connections stay open."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    async def _is_up(self) -> bool:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.write(b"PING\r\n")
        answer = await reader.readline()
        writer.close()
        await writer.wait_closed()
        # While it loads what it kept, it says so.
        return answer.startswith((b"+PONG", b"-NOAUTH"))


@asynccontextmanager
async def redis_server(folder: Path, password: str = "") -> AsyncIterator[RedisServer]:
    """A running server; it ends with the block."""
    server = RedisServer(folder, password)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
