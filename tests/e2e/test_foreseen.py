"""Frames that are foreseen, on real sockets, in whatever pieces they come."""

import asyncio
import base64
import json
import random

import numpy as np
import pytest
from websockets.frames import Frame, Opcode

from bridge.call.bot import InService
from bridge.call.call import Call
from bridge.call.options import CallOptions
from bridge.server.app import serving
from bridge.server.options import ServerOptions
from tests.patience import PATIENCE_S, until
from tests.stream.samples import START

FRAMES = 200

UPGRADE = (
    b"GET /stream HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Version: 13\r\n\r\n"
)


def frame(number: int) -> bytes:
    """Its samples say which it is."""
    payload = np.full(160, number, "<i2").tobytes()
    media = {
        "track": "inbound",
        "timestamp": str(1_700_000_000_000 + 20 * number),
        "chunk": number,
        "payload": base64.b64encode(payload).decode(),
    }
    stream = START["start"]["streamId"]
    message = {"sequenceNumber": number + 1, "streamId": stream, "event": "media"}
    return json.dumps({**message, "media": media}).encode()


def sent(opcode: Opcode, data: bytes, *, fin: bool = True) -> bytes:
    return Frame(opcode, data, fin).serialize(mask=True)


def written(number: int, odd: random.Random) -> bytes:
    """A frame, now and then in two fragments, or with a ping before it."""
    text = frame(number)
    match odd.randrange(10):
        case 0:
            parts = (
                sent(Opcode.TEXT, text[:99], fin=False),
                sent(Opcode.CONT, text[99:]),
            )
            return sent(Opcode.PING, b"?").join(parts)
        case 1:
            return sent(Opcode.PING, b"") + sent(Opcode.TEXT, text)
        case _:
            return sent(Opcode.TEXT, text)


@pytest.mark.parametrize("cut", ["whole", "at random", "two and a half"])
async def test_all_are_heard_in_order(each_transport: str, cut: str) -> None:
    """Whether a read brings one frame, or parts of some."""
    heard: list[int] = []

    async def listen(call: Call) -> None:
        async for samples in call.listen():
            heard.extend(samples[::160].tolist())

    bot = InService("listen", listen, sample_rate_hz=8000)
    options = ServerOptions(port=0)
    odd = random.Random(7)
    async with serving({"listen": bot}, options, CallOptions()) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write(UPGRADE + sent(Opcode.TEXT, json.dumps(START).encode()))
        unsent = b""
        for number in range(1, FRAMES + 1):
            whole = written(number, odd)
            unsent += whole
            match cut:
                case "whole":
                    size = len(unsent)
                case "at random":
                    size = odd.randrange(len(unsent))
                case _:
                    size = 0 if number % 3 else len(unsent) - len(whole) // 2
            writer.write(unsent[:size])
            unsent = unsent[size:]
            # Each a read of its own, as they are when the line is in time.
            await asyncio.sleep(0.001)
        writer.write(unsent)
        await until(lambda: len(heard) == FRAMES)
        assert heard == list(range(1, FRAMES + 1))
        assert running.metrics.frames_received == FRAMES
        assert running.metrics.stream_errors == 0
        assert not running.metrics.gaps
        writer.close()
        async with asyncio.timeout(PATIENCE_S):
            await reader.read()
