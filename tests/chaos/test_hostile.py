"""Clients that mean harm, or are just broken: they cost little, and others nothing.

Single breaches of protocol, and what they are answered, are in
tests/e2e/test_server.py.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.chaos.caller import Caller
from tests.chaos.conftest import House
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.asyncio(loop_scope="package")

UPGRADE = (
    b"GET /stream/hangs HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Version: 13\r\n\r\n"
)
START = (
    b'{"event": "start", "sequenceNumber": 1, "start": {"callId": "h", "streamId": "h",'
    b' "accountId": "MA", "mediaFormat": {"encoding": "audio/x-l16", "sampleRate": '
    b"8000}}}"
)

Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def connected(port: int, opening: bytes = b"") -> AsyncIterator[Line]:
    """A socket that says what it likes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(opening)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


def frame(opcode: int, data: bytes, *, is_last: bool = True) -> bytes:
    """A WebSocket frame, masked with zeros."""
    head = bytes([(0x80 if is_last else 0) | opcode])
    if len(data) < 126:
        return head + bytes([0x80 | len(data)]) + bytes(4) + data
    return head + b"\xfe" + len(data).to_bytes(2, "big") + bytes(4) + data


async def flood(line: Line, piece: bytes, seconds: float) -> int:
    """Send as fast as is taken, and read nothing; how many bytes were."""
    reader, writer = line
    sent = 0
    with contextlib.suppress(ConnectionError, TimeoutError):
        async with asyncio.timeout(seconds):
            while not reader.at_eof():
                writer.write(piece)
                await writer.drain()
                sent += len(piece)
                await asyncio.sleep(0)
    return sent


async def trickle(line: Line) -> None:
    """Send a request, a byte at a time, until nobody is there any more."""
    reader, writer = line
    writer.write(b"GET /stream HTTP/1.1\r\n")
    with contextlib.suppress(ConnectionError):
        while not (writer.transport.is_closing() or reader.at_eof()):
            writer.write(b"X")
            await writer.drain()
            await asyncio.sleep(0.05)


async def is_over(line: Line) -> None:
    """Wait until the other end has closed, in whatever way."""
    with contextlib.suppress(ConnectionError):
        while await line[0].read(65536):
            pass


async def test_slow_and_endless_headers_are_dropped(house: House) -> None:
    """A byte now and then, and lines without end: a second each, and no memory."""
    stage, others, _folder = house
    memory_mb = stage.memory_mb
    endless = b"X-Filler: " + b"x" * 1000 + b"\r\n"
    async with others.undisturbed(), contextlib.AsyncExitStack() as stack:
        lines = [
            await stack.enter_async_context(connected(stage.port)) for _ in range(50)
        ]
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.gather(*(trickle(line) for line in lines))
            async with connected(stage.port, b"GET / HTTP/1.1\r\n") as line:
                await flood(line, endless * 50, 3.0)
                await is_over(line)
    assert stage.memory_mb - memory_mb < 20


async def test_a_flood_of_silent_connections_passes(house: House) -> None:
    """400 that connect and say nothing; they are gone a second later.

    With 500 (`max_waiting`) nobody new gets in meanwhile; calls go on.
    """
    stage, others, _folder = house
    memory_mb = stage.memory_mb
    before = (await stage.metrics())["process_open_fds"]
    async with others.undisturbed(), contextlib.AsyncExitStack() as stack:
        lines = [
            await stack.enter_async_context(connected(stage.port)) for _ in range(400)
        ]
        async with Caller(stage.url("station")) as caller:
            await caller.until_loud()
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.gather(*(is_over(line) for line in lines))
        while (await stage.metrics())["process_open_fds"] > before + 20:
            await asyncio.sleep(0.1)
    assert stage.memory_mb - memory_mb < 40


@pytest.mark.parametrize(
    "piece",
    [
        frame(0x9, b"x" * 125) * 100,
        frame(0x9, b"") * 1000,
        frame(0x0, b"", is_last=False) * 1000,
        frame(0x0, b"x", is_last=False) * 1000,
    ],
    ids=["pings", "empty pings", "empty fragments", "tiny fragments"],
)
async def test_a_flood_of_frames_is_slowed_down(house: House, piece: bytes) -> None:
    """Whoever sends what nobody needs, as fast as they can, has to wait."""
    stage, others, _folder = house
    memory_mb = stage.memory_mb
    first = frame(0x1, b"x", is_last=False) if piece[0] & 0xF == 0 else b""
    opening = UPGRADE + frame(0x1, START) + first
    async with others.undisturbed(), connected(stage.port, opening) as line:
        began_s = stage.cpu_s
        await flood(line, piece, 2.0)
        # Slowed down it is a fifth of that, where a processor is fast.
        assert stage.cpu_s - began_s < 1.5
        assert stage.memory_mb - memory_mb < 10
    assert stage.said("more than 500 frames a second: slowed down")


async def test_a_huge_message_is_refused_by_its_announcement(house: House) -> None:
    """Before any of it is kept."""
    stage, others, _folder = house
    memory_mb = stage.memory_mb
    huge = b"\x81\xff" + (2**40).to_bytes(8, "big") + bytes(4)
    opening = UPGRADE + frame(0x1, START) + huge
    async with others.undisturbed(), connected(stage.port, opening) as line:
        await flood(line, b"x" * 65536, 1.0)
        async with asyncio.timeout(PATIENCE_S):
            await is_over(line)
    assert stage.memory_mb - memory_mb < 20
