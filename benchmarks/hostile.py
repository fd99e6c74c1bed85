"""What clients cost that mean no good, in memory of the server for each.

Starts `mpc-bridge serve` with its defaults, lets a number of clients of one kind do
their worst, and reads the server's resident memory before and at its worst.
"""

import asyncio
import json
import struct
import sys
from collections.abc import Awaitable, Callable

import psutil

UPGRADE = (
    b"GET /stream HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
)
CLIENTS = 200
MOST_IDLE_KIB = 120.0
"""What a call that says nothing may hold."""
MIB = 1024 * 1024

Client = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def frame(payload: bytes, opcode: int = 1, *, fin: bool = True) -> bytes:
    """A client's frame, masked with zeros (RFC 6455, 5.2)."""
    first = opcode | (0x80 if fin else 0)
    if len(payload) < 126:
        head = struct.pack("!BB", first, 0x80 | len(payload))
    elif len(payload) < 65536:
        head = struct.pack("!BBH", first, 0x80 | 126, len(payload))
    else:
        head = struct.pack("!BBQ", first, 0x80 | 127, len(payload))
    return head + bytes(4) + payload


def start(number: int) -> bytes:
    """A stream of its own."""
    body = {
        "callId": f"12345678-1234-4234-8234-{number:012}",
        "streamId": f"87654321-4321-4321-8321-{number:012}",
        "accountId": "MAXXXXXXXXXXXXXXXXXX",
        "tracks": ["inbound"],
        "mediaFormat": {"encoding": "audio/x-l16", "sampleRate": 8000},
    }
    message = {"event": "start", "sequenceNumber": 1, "start": body}
    return frame(json.dumps(message).encode())


def media(number: int) -> bytes:
    """A frame of its audio."""
    message = {
        "event": "media",
        "sequenceNumber": 2,
        "streamId": f"87654321-4321-4321-8321-{number:012}",
        "media": {"track": "inbound", "payload": "AQD/" * 107},
    }
    return frame(json.dumps(message).encode())


async def silent(_client: Client, _number: int) -> None:
    """Connects, and says nothing."""


async def half_a_head(client: Client, _number: int) -> None:
    """Sends nearly as long a head as it may, and does not end it."""
    client[1].write(UPGRADE + b"X-Long: " + b"a" * 15_900)
    await client[1].drain()


async def no_start(client: Client, _number: int) -> None:
    """Upgrades, and does not start."""
    client[1].write(UPGRADE + b"\r\n")
    await client[0].readuntil(b"\r\n\r\n")


async def idle_call(client: Client, number: int) -> None:
    """Starts a call, and sends no audio."""
    await no_start(client, number)
    client[1].write(start(number))
    await client[1].drain()


async def endless_message(client: Client, number: int) -> None:
    """Sends a message of nearly a megabyte, and does not end it."""
    await idle_call(client, number)
    client[1].write(frame(b"a" * 1_040_000, fin=False))
    await client[1].drain()


async def tiny_fragments(client: Client, number: int) -> None:
    """Sends a hundred thousand fragments of one byte."""
    await idle_call(client, number)
    client[1].write(frame(b"a", fin=False) + frame(b"a", 0, fin=False) * 100_000)
    await client[1].drain()


async def deaf(client: Client, number: int) -> None:
    """Talks to an echo for two seconds, and reads nothing of it."""
    await idle_call(client, number)
    client[1].transport.pause_reading()  # type: ignore[attr-defined]
    for _ in range(100):
        client[1].write(media(number))
        await asyncio.sleep(0.02)


KINDS: tuple[Callable[[Client, int], Awaitable[None]], ...] = (
    *(silent, half_a_head, no_start, idle_call),
    *(endless_message, tiny_fragments, deaf),
)


async def measured(
    kind: Callable[[Client, int], Awaitable[None]], clients: int
) -> float:
    """KiB of the server's memory for each client."""
    server = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bridge", "serve", "--port", "0", "--json"),
        *("--log-level", "error"),
        stdout=asyncio.subprocess.PIPE,
    )
    assert server.stdout is not None
    try:
        port = json.loads(await server.stdout.readline())["port"]
        process = psutil.Process(server.pid)
        # One of them first: what is loaded and made once is not theirs.
        await kind(await asyncio.open_connection("127.0.0.1", port), clients)
        await asyncio.sleep(0.5)
        before = highest = process.memory_info().rss
        opened = [
            await asyncio.open_connection("127.0.0.1", port) for _ in range(clients)
        ]
        work = asyncio.gather(
            *(kind(client, number) for number, client in enumerate(opened)),
            return_exceptions=True,
        )
        for _ in range(30):
            highest = max(highest, process.memory_info().rss)
            await asyncio.sleep(0.1)
        await work
        for _reader, writer in opened:
            writer.transport.abort()
        return float(highest - before) / 1024 / clients
    finally:
        server.kill()
        await server.wait()


async def main() -> None:
    """Print the table."""
    print(f"{CLIENTS} clients of each kind, at the defaults of `mpc-bridge serve`\n")
    print(f"{'kind':18}{'KiB each':>10}  what it does")
    for kind in KINDS:
        each = await measured(kind, CLIENTS)
        text = (kind.__doc__ or "").partition("\n")[0]
        print(f"{kind.__name__.replace('_', ' '):18}{each:10.1f}  {text}", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
