"""Plivo's end of many streams, in one process with the server and without sockets.

Real bytes of WebSocket go into real `Connection`s and are collected where their
transport would write them. Time is virtual: an hour takes what its frames cost, and
every run does the same in the same order.
"""

import asyncio
import base64
import json
import re
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np

from bridge.audio.codecs import CODECS
from bridge.bots.echo import Echo
from bridge.call.bot import InService
from bridge.call.options import CallOptions
from bridge.server.bridge_server import BridgeServer
from bridge.server.options import ServerOptions
from bridge.tasks import background

__all__ = ["FRAME_S", "Line", "lines", "talk"]

FRAME_S = 0.02

WIRE_RATE_HZ = 8000

PLAYED_AFTER_S = 0.1
"""From a checkpoint to its acknowledgement: about what is queued before it."""

UPGRADE = (
    b"GET /stream HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Version: 13\r\n\r\n"
)

PING = b"\x89\x00"
PONG = b"\x8a\x80" + bytes(4)

NAME = re.compile(rb'"name":"([^"]*)"')

Json = dict[str, Any]


class Line(asyncio.Transport):
    """One stream: what the server writes is counted, and its checkpoints come back.

    Args:
        server: Who answers.
        number: Of the stream; its ids are made of it.
        encoding: Of its audio, at 8 kHz.
    """

    def __init__(self, server: BridgeServer, number: int, encoding: str) -> None:
        super().__init__()
        self.answers = 0
        """Messages of audio that came back."""
        self.acknowledged = 0
        """Checkpoints that were."""
        self.is_upgraded = False
        self._is_closing = False
        self._said = 0
        self._id = f"00000000-0000-4000-8000-{number:012d}"
        self._encoding = encoding
        noise = np.random.default_rng(number).normal(0, 3000, WIRE_RATE_HZ // 50)
        payload = CODECS[encoding].encode(noise.astype(np.int16))
        media = {"track": "inbound", "timestamp": "@", "chunk": "@", "payload": ""}
        message = {"event": "media", "sequenceNumber": "@", "streamId": self._id}
        text = json.dumps({**message, "media": media, "extra_headers": "caller=test"})
        text = text.replace('"@"', "%d").replace('"payload": ""', '"payload": "%s"')
        # In the order of the message: its number, its time, its place, its audio.
        self._template = text.encode()
        self._payload = base64.b64encode(payload)
        self._protocol: asyncio.BaseProtocol = server.connection()
        self._protocol.connection_made(self)
        self._give(UPGRADE)
        body = {"callId": self._id, "streamId": self._id, "accountId": "MATEST"}
        media_format = {"encoding": encoding, "sampleRate": WIRE_RATE_HZ}
        start = {**body, "tracks": ["inbound"], "mediaFormat": media_format}
        self._send({"event": "start", "sequenceNumber": 1, "start": start})

    # ------------------------------------------------------------ the far end

    def say(self) -> None:
        """Say 20 ms."""
        self._said += 1
        number = self._said
        filled = (number + 1, 1_700_000_000_000 + 20 * number, number, self._payload)
        self._give(frame(self._template % filled))

    def hang_up(self) -> None:
        """End the stream, as Plivo does."""
        self._send({"event": "stop", "streamId": self._id})

    def _send(self, message: Json) -> None:
        self._give(frame(json.dumps(message).encode()))

    def _give(self, data: bytes) -> None:
        protocol = self._protocol
        if isinstance(protocol, asyncio.BufferedProtocol):
            while data:
                buffer = memoryview(protocol.get_buffer(len(data)))
                size = min(len(buffer), len(data))
                buffer[:size] = data[:size]
                protocol.buffer_updated(size)
                data = data[size:]
        else:
            assert isinstance(protocol, asyncio.Protocol)
            protocol.data_received(data)

    def _acknowledge(self, name: str) -> None:
        self.acknowledged += 1
        played = {"event": "playedStream", "streamId": self._id, "name": name}
        self._send(played)

    # ---------------------------------------------------------- its transport

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Take what the server sends."""
        data = bytes(data)
        self.answers += data.count(b'"playAudio"')
        if data == PING:
            self._give(PONG)
        elif b'"checkpoint"' in data:
            loop = asyncio.get_running_loop()
            for name in NAME.findall(data):
                loop.call_later(PLAYED_AFTER_S, self._acknowledge, name.decode())
        elif not self.is_upgraded:
            self.is_upgraded = data.startswith(b"HTTP/1.1 101 ")

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """After the upgrade there is another."""
        self._protocol = protocol

    def get_extra_info(self, name: str, default: object = None) -> object:
        """Where it comes from."""
        return ("127.0.0.1", 4242) if name == "peername" else default

    def set_write_buffer_limits(
        self, high: int | None = None, low: int | None = None
    ) -> None:
        """Nothing is ever unsent."""

    def get_write_buffer_size(self) -> int:
        """Nothing is ever unsent."""
        return 0

    def is_closing(self) -> bool:
        """Whether the server has hung up."""
        return self._is_closing

    def close(self) -> None:
        """Be hung up on."""
        if not self._is_closing:
            self._is_closing = True
            self._protocol.connection_lost(None)

    abort = close


def frame(text: bytes) -> bytes:
    """A client's frame; its mask is of zeros, the work of unmasking the same."""
    size = len(text)
    length = (
        bytes((0x80 | size,)) if size < 126 else struct.pack("!BH", 0x80 | 126, size)
    )
    return b"\x81" + length + bytes(4) + text


@asynccontextmanager
async def lines(
    count: int, rate_hz: int = 16000, encoding: str = "audio/x-l16"
) -> AsyncIterator[list[Line]]:
    """Open streams to a server with an echo; they are hung up with the block.

    Args:
        count: Of the streams.
        rate_hz: Of the bot.
        encoding: Of the streams.
    """
    bot = Echo(Echo.Options.model_validate({"sample_rate_hz": rate_hz}))
    bots = {"echo": InService.of("echo", bot)}
    async with background() as spawn:
        server = BridgeServer(
            bots, ServerOptions(transport="websockets"), CallOptions(), None, spawn
        )
        server.admission.is_ready = True
        opened = [Line(server, number, encoding) for number in range(count)]
        assert all(line.is_upgraded for line in opened)
        await asyncio.sleep(0)
        yield opened
        for line in opened:
            line.hang_up()
        await asyncio.sleep(1.0)
        assert server.sessions == ()
        assert server.metrics.stream_errors == 0
        assert server.metrics.underruns == 0


async def talk(opened: list[Line], frames: int) -> None:
    """Say frames on every line, 50 a second."""
    now = asyncio.get_running_loop().time
    began_s = now()
    for number in range(frames):
        await asyncio.sleep(began_s + number * FRAME_S - now())
        for line in opened:
            line.say()
    await asyncio.sleep(began_s + frames * FRAME_S - now())
