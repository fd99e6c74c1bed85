"""Plivo's side of one raw stream, able to misbehave at every level.

Messages are dictionaries that a scenario can spoil before `send`; `send_frames` sends
any text, fragments and binary. What the server sends is kept as it came.
"""

import asyncio
import collections
import contextlib
import json
import socket
import struct
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import cycle

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from bridge.conformance.messages import Fields, Messages
from bridge.conformance.opening import CLOSE_S, Manners, connected
from bridge.conformance.sound import (
    FRAME_S,
    TONES_HZ,
    Chunk,
    PlayQueue,
    decoded,
    has_tone,
)
from bridge.errors import StreamError
from bridge.stream import codec
from bridge.stream.content_type import ContentType
from bridge.stream.messages import Checkpoint, ClearAudio, PlayAudio, Side
from bridge.tasks import background

__all__ = ["FarEnd", "StuckError", "calling"]

MOST_KEPT = 5000
"""Messages kept of one stream; a server that sends more is read slowly from there."""
SLOW_READ_S = 0.01

LATEST_S = 0.1
"""Later than this, a new schedule begins: our own stalls are not to make bursts."""

RECENT_CHUNKS = 400
"""So many are searched for a tone; a flood would take all our time."""


class StuckError(Exception):
    """The server does not read what we send."""


class FarEnd:
    """One call; made by `calling`."""

    def __init__(
        self, connection: ClientConnection, manners: Manners, content_type: ContentType
    ) -> None:
        self.make = Messages(manners.stream_id or str(uuid.uuid4()), content_type)
        self.connection = connection
        self.received: list[str | bytes] = []
        self.heard: list[Chunk] = []
        self.counts: collections.Counter[str] = collections.Counter()
        """What the server sent, by event."""
        self.over = asyncio.Event()
        self.end: ConnectionClosed | None = None
        self.is_ours = False
        """Whether it was us who ended it."""
        self._now = asyncio.get_running_loop().time
        self.queue = PlayQueue(self._now)
        self._manners = manners
        self._reading = asyncio.Event()
        self._reading.set()
        self._tones: Iterator[int] = cycle(TONES_HZ)
        self._due_s = 0.0
        self._owes_cleared = 0

    # ------------------------------------------------------------------ sending

    async def send(self, message: Fields) -> None:
        """Send a message, dressed as this stream's manners say."""
        await self.send_frames(json.dumps(self._manners.dress(message)))

    async def send_frames(self, data: str | bytes | list[str]) -> None:
        """Send a text message, a binary one, or a text message in fragments.

        Raises:
            StuckError: If the server does not read.
        """
        try:
            async with asyncio.timeout(CLOSE_S):
                await self.connection.send(data)
        except TimeoutError:
            raise StuckError(f"read nothing for {CLOSE_S:g} s") from None
        except ConnectionClosed:
            # Whoever reads notes how it ended.
            self.read_on()
            await self.over.wait()

    async def talk(self, seconds: float, hz: int = 0) -> None:
        """Say a tone, or silence, at the pace of a call."""
        for _ in range(round(seconds / FRAME_S)):
            now_s = self._now()
            if now_s - self._due_s > LATEST_S:
                self._due_s = now_s
            await asyncio.sleep(max(0.0, self._due_s - now_s))
            self._due_s += FRAME_S
            if self.over.is_set():
                return
            await self.send(self.make.tone(hz))

    async def echoes(self, within_s: float) -> bool:
        """Say a new tone until it comes back; whether it does in time."""
        hz, since = next(self._tones), len(self.heard)
        until_s = self._now() + within_s
        while self._now() < until_s and not self.over.is_set():
            await self.talk(FRAME_S, hz)
            if has_tone(self.heard[since:][-RECENT_CHUNKS:], hz):
                return True
        return False

    async def plays(self, within_s: float) -> bool:
        """Say silence until the server has played anything; whether it does."""
        until_s = self._now() + within_s
        while not self.heard and self._now() < until_s and not self.over.is_set():
            await self.talk(FRAME_S)
        return bool(self.heard)

    # ---------------------------------------------------------------- the socket

    async def pings(self) -> bool:
        """Ping, and say whether a pong came."""
        with contextlib.suppress(TimeoutError, ConnectionClosed):
            async with asyncio.timeout(CLOSE_S):
                await (await self.connection.ping())
                return True
        return False

    def stop_reading(self) -> None:
        """Read no more."""
        self._reading.clear()

    def read_on(self) -> None:
        """Read again."""
        self._reading.set()

    async def is_over_within(self, seconds: float) -> bool:
        """Wait for the server to end the stream; whether it did."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.over.wait()
        return self.over.is_set()

    async def hang_up(self) -> None:
        """Close with 1000, and wait for the answer."""
        self.is_ours = not self.over.is_set()
        self.read_on()
        await self.connection.close()
        await self.over.wait()

    async def drop(self) -> None:
        """Break the TCP connection with a reset."""
        self.is_ours = not self.over.is_set()
        self.read_on()
        sender = self.connection.transport.get_extra_info("socket")
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.transport.abort()
        await self.over.wait()

    async def read(self) -> None:
        """Take what the server sends, until the stream ends."""
        try:
            while True:
                await self._reading.wait()
                self._take(await self.connection.recv())
                if len(self.received) >= MOST_KEPT and not self.is_ours:
                    await asyncio.sleep(SLOW_READ_S)
        except ConnectionClosed as end:
            self.end = end
            self.over.set()

    async def play(self) -> None:
        """Acknowledge what has been played and cleared, until the stream ends."""
        # A server that does not read is for whoever talks to notice.
        with contextlib.suppress(StuckError):
            while not self.over.is_set():
                await self._acknowledge()
                await asyncio.sleep(FRAME_S)

    async def _acknowledge(self) -> None:
        for name in self.queue.reached():
            if self._manners.acks:
                await self.send(self.make.any("playedStream", name=name))
        while self._owes_cleared:
            self._owes_cleared -= 1
            await self.send(self.make.any("clearedAudio"))

    def _take(self, data: str | bytes) -> None:
        if len(self.received) < MOST_KEPT:
            self.received.append(data)
        try:
            message = codec.parse(data, Side.BRIDGE)
        except StreamError:
            return
        self.counts[type(message).__name__] += 1
        match message:
            case PlayAudio():
                chunk = decoded(message.media, self.make.content_type)
                self.queue.play(chunk.duration_s)
                if len(self.heard) < MOST_KEPT:
                    self.heard.append(chunk)
            case Checkpoint():
                self.queue.checkpoint(message.name)
            case ClearAudio():
                self.queue.clear()
                self._owes_cleared += 1


@asynccontextmanager
async def calling(
    url: str, manners: Manners, content_type: ContentType
) -> AsyncIterator[FarEnd]:
    """Be connected while the block runs; `start` is for the block to send.

    Raises:
        NoCallError: If the server does not take the connection.
    """
    far = FarEnd(await connected(url, manners), manners, content_type)
    async with background(reading=far.read(), playing=far.play()):
        try:
            yield far
        finally:
            await far.hang_up()
