"""A caller whose far end plays at 1x, and who can do what no caller should."""

import asyncio
import base64
import contextlib
import json
import uuid
from time import perf_counter
from typing import Any

import numpy as np

from bridge.audio.pcm import Samples
from bridge.load.playout import Gap, Playout
from bridge.load.socket import Closed, Socket, dial
from bridge.tasks import Change
from tests.patience import PATIENCE_S

__all__ = ["Caller"]

FRAME_S = 0.02
FRAME_BYTES = 320
LOUD = 300


class Caller:
    """Makes one call; to be used inside `async with`.

    Args:
        url: Of the stream.
        is_endless: Whether the bot speaks without end, so that every silence is a hole.
    """

    def __init__(self, url: str, *, is_endless: bool = False) -> None:
        self.stream_id = str(uuid.uuid4())
        self.url = url
        self.socket: Socket
        self.gaps: list[Gap] = []
        """Holes in what was heard."""
        self.heard_s = 0.0
        """How much sound has come."""
        self.loud_at: list[float] = []
        """When frames with sound were heard, by `perf_counter`."""
        self.sent = 0
        self.is_sending = True
        self._says = b""
        self._change = Change()
        self._playout = Playout(perf_counter(), checkpoints_end_speech=not is_endless)
        self._ticking: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Caller":
        """Call."""
        await self.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Hang up, if there is anybody to say goodbye to."""
        if self._ticking is not None:
            self._ticking.cancel()
        self.socket.hang_up()
        with contextlib.suppress(TimeoutError):
            await self.closed(0.5)
        self.socket.drop()

    async def connect(self, *, opens: bool = True) -> None:
        """Dial, again if need be, and stream from then on."""
        self.socket = await dial(self.url, {}, self, PATIENCE_S)
        if opens:
            media = {"encoding": "audio/x-l16", "sampleRate": 8000}
            ids = {"callId": self.stream_id, "streamId": self.stream_id}
            start = {**ids, "accountId": "MA", "mediaFormat": media}
            self.send("start", sequenceNumber=1, start=start)
        if self._ticking is None:
            self._ticking = asyncio.create_task(self._tick())

    def say(self, samples: Samples) -> None:
        """Say something, after what is being said."""
        self._says += samples.astype("<i2").tobytes()

    def send(self, event: str, **body: Any) -> None:
        """Send a message."""
        message = {"event": event, "streamId": self.stream_id, **body}
        self.socket.send(json.dumps(message).encode())

    def holes(self, from_s: float) -> list[Gap]:
        """What was not heard since a time, the hole that is open now included."""
        now_s = perf_counter()
        still = self._playout.silent_since(now_s)
        # Just run dry may be a moment that the next message ends.
        every = [*self.gaps, still] if still and still.length_s > FRAME_S else self.gaps
        return [gap for gap in every if gap.start_s + gap.length_s >= from_s]

    def loud_s(self, from_s: float = 0.0) -> float:
        """How much sound was heard since a time."""
        return sum(at_s >= from_s for at_s in self.loud_at) * FRAME_S

    async def until_loud(self, frames: int = 1, within_s: float = PATIENCE_S) -> None:
        """Wait until so many more frames with sound have come."""
        wanted = len(self.loud_at) + frames
        async with asyncio.timeout(within_s):
            while len(self.loud_at) < wanted:
                await self._change.wait()

    async def closed(self, within_s: float = PATIENCE_S) -> Closed:
        """Wait until the stream is closed."""
        async with asyncio.timeout(within_s):
            return await asyncio.shield(self.socket.closed)

    # ------------------------------------------------------------ the socket's side

    def received(self, text: bytes, now_s: float) -> None:
        """Take a message."""
        message = json.loads(text)
        match message["event"]:
            case "playAudio":
                self._play(base64.b64decode(message["media"]["payload"]), now_s)
            case "checkpoint":
                if self._playout.checkpoint(now_s, message["name"]):
                    self.send("playedStream", name=message["name"])
            case "clearAudio":
                self._playout.clear(now_s)
                self.send("clearedAudio")

    def complain(self, what: str) -> None:
        """Nothing else may come."""
        raise AssertionError(what)

    def _play(self, data: bytes, now_s: float) -> None:
        begins_s, gap = self._playout.play(now_s, len(data) / 16000)
        if gap is not None:
            self.gaps.append(gap)
        self.heard_s += len(data) / 16000
        if np.abs(np.frombuffer(data, "<i2").astype(np.int32)).max() > LOUD:
            self.loud_at.append(begins_s)
        self._change.announce()

    async def _tick(self) -> None:
        due_s = perf_counter()
        while True:
            due_s += FRAME_S
            await asyncio.sleep(max(0.0, due_s - perf_counter()))
            for name in self._playout.reached(perf_counter()):
                self.send("playedStream", name=name)
            if self.is_sending:
                said, self._says = self._says[:FRAME_BYTES], self._says[FRAME_BYTES:]
                payload = base64.b64encode(said.ljust(FRAME_BYTES, b"\0")).decode()
                self.sent += 1
                media = {"track": "inbound", "payload": payload, "chunk": self.sent}
                self.send("media", media=media)
