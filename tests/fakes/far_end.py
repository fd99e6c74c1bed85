"""Plivo's end of a stream, in virtual time: it plays what it gets, 20 ms at a time."""

import asyncio
import collections
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import numpy as np

from bridge.audio.codecs import CODECS
from bridge.audio.pcm import Samples, silence
from bridge.call.bot import Answer, InService
from bridge.call.options import CallOptions
from bridge.call.pacing import Wheel
from bridge.call.session import Session
from bridge.engine.far_buffer import FarBuffer
from bridge.metrics import Metrics
from bridge.stream import messages
from bridge.stream.content_type import DEFAULT_CONTENT_TYPE, ContentType
from bridge.stream.messages import Message, Side
from bridge.stream.protocol import StreamProtocol
from bridge.tasks import background

__all__ = ["FarEnd", "calling"]

STREAM_ID = "87654321-4321-4321-8321-cba987654321"


class FarEnd:
    """A `Link` that behaves as the platform behind it would.

    Args:
        content_type: Of the stream.
        latency_s: Of the line, each way.
        loses_ack: Whether the ack of a checkpoint, by its number, gets lost.
    """

    def __init__(
        self,
        content_type: ContentType = DEFAULT_CONTENT_TYPE,
        latency_s: float = 0.0,
        loses_ack: Callable[[int], bool] = lambda _number: False,
    ) -> None:
        self.is_writable = True
        self.closed: tuple[int, str] | None = None
        self.received: list[Message] = []
        self.heard: list[Samples] = []
        self.buffer = FarBuffer(60 * content_type.rate_hz)
        self.session: Session
        self.metrics = Metrics()
        self.content_type = content_type
        self._latency_s = latency_s
        self._loses_ack = loses_ack
        self._acks = 0
        self._chunk = 0
        self._protocol = StreamProtocol(Side.PLATFORM)
        self._to_us: collections.deque[Callable[[], None]] = collections.deque()
        self._to_bridge: collections.deque[Callable[[], None]] = collections.deque()

    # ------------------------------------------------------------------ the link

    def send(self, text: bytes) -> None:
        """Take a message, when it has come through the line."""
        self._in_transit(self._to_us, lambda: self._arrive(text))

    @property
    def framer(self) -> "FarEnd":
        """Itself."""
        return self

    def head(self, _size: int) -> bytes:
        """There is no socket between."""
        return b""

    send_framed = send

    def close(self, code: int, reason: str) -> None:
        """Note it."""
        self.closed = self.closed or (code, reason)

    # -------------------------------------------------------------- the far side

    def start(self) -> StreamProtocol:
        """Open the stream; return the bridge's side of it."""
        bridge = StreamProtocol(Side.BRIDGE)
        body = messages.StartBody(
            call_id="12345678-1234-4234-8234-123456789abc",
            stream_id=STREAM_ID,
            account_id="MAXXXXXXXXXXXXXXXXXX",
            tracks=["inbound"],
            media_format=messages.MediaFormat(
                encoding=self.content_type.encoding,
                sample_rate=self.content_type.rate_hz,
            ),
        )
        start = messages.Start(start=body, extra_headers="caller=test")
        bridge.receive(self._protocol.send(start))
        return bridge

    def tell(self, message: Message) -> None:
        """Send a message to the bridge, through the line."""
        text = self._protocol.send(message)
        self._in_transit(self._to_bridge, lambda: self.session.receive(text))

    def say(self, samples: Samples) -> None:
        """Say one frame."""
        self._chunk += 1
        payload = CODECS[self.content_type.encoding].encode(samples)
        body = messages.MediaBody(payload=payload, track="inbound", chunk=self._chunk)
        self.tell(messages.Media(stream_id=STREAM_ID, media=body))

    async def talk(self, samples: Samples) -> None:
        """Say samples frame by frame, in real time."""
        frame = self.content_type.rate_hz // 50
        for begin in range(0, len(samples), frame):
            self.say(samples[begin : begin + frame])
            await asyncio.sleep(0.02)

    async def live(self) -> None:
        """Play, 20 ms at a time, on absolute deadlines."""
        loop = asyncio.get_running_loop()
        frame = self.content_type.rate_hz // 50
        due_s = loop.time()
        while True:
            await asyncio.sleep(max(0.0, due_s - loop.time()))
            heard, reached = self.buffer.take(frame)
            self.heard.append(heard)
            for name in reached:
                self._played(name)
            due_s += 0.02

    def all_heard(self) -> Samples:
        """Everything played, from the first tick on."""
        return np.concatenate(self.heard) if self.heard else silence(0)

    def sent_kinds(self) -> list[str]:
        """What has arrived, by name."""
        return [type(message).__name__ for message in self.received]

    def _in_transit(
        self, line: collections.deque[Callable[[], None]], arrive: Callable[[], None]
    ) -> None:
        # Timers for the same moment fire in any order; a line keeps it.
        line.append(arrive)
        loop = asyncio.get_running_loop()
        loop.call_later(self._latency_s, lambda: line.popleft()())

    def _played(self, name: str) -> None:
        self._acks += 1
        if not self._loses_ack(self._acks):
            self.tell(messages.PlayedStream(stream_id=STREAM_ID, name=name))

    def _arrive(self, text: bytes) -> None:
        message = self._protocol.receive(text)
        assert isinstance(message, Message)
        self.received.append(message)
        match message:
            case messages.PlayAudio():
                decode = CODECS[self.content_type.encoding].decode
                self.buffer.play(decode(message.media.payload))
            case messages.Checkpoint():
                if self.buffer.checkpoint(message.name):
                    self._played(message.name)
            case messages.ClearAudio():
                self.buffer.clear()
                self.tell(messages.ClearedAudio(stream_id=STREAM_ID))


@asynccontextmanager
async def calling(
    bot: Answer,
    far_end: FarEnd | None = None,
    options: CallOptions | None = None,
) -> AsyncIterator[FarEnd]:
    """Let a far end call a bot; the call ends with the block."""
    end = far_end or FarEnd()
    in_service = InService.of(getattr(bot, "__name__", "bot"), bot)
    end.session = Session(
        end.start(), in_service, end, Wheel(), end.metrics, options or CallOptions()
    )
    async with background(far_end=end.live()) as spawn:
        running = spawn("session", end.session.run())
        yield end
        end.session.end("the test is over", "closed")
        await running
