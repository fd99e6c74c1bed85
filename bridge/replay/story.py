"""What a capture tells: who spoke when, what the far end heard, and what was late.

What was heard is found by playing what we sent as the far end does, 20 ms at a time,
as if it arrived the moment it was sent.
"""

import collections
import dataclasses
import functools
from collections.abc import Iterable, Iterator

import numpy as np

from bridge.audio.activity import BEGINS_MS, Activity
from bridge.audio.codecs import CODECS
from bridge.audio.pcm import FRAME_MS, Samples, frame_samples, silence
from bridge.capture.format import Capture, Record, SocketEvent
from bridge.engine.far_buffer import DEFAULT_LIMIT_S, FarBuffer
from bridge.errors import ConfigError, StreamError
from bridge.stream import codec, messages
from bridge.stream.content_type import DEFAULT_CONTENT_TYPE, ContentType
from bridge.stream.messages import Message, Side, Start, Unknown

__all__ = ["Ack", "End", "Span", "Story"]

FRAME_S = FRAME_MS / 1000

ENDS_MS = 300
"""So much quiet parts two stretches of speech."""


@dataclasses.dataclass(frozen=True, slots=True)
class Span:
    """A stretch of speech, in seconds since the capture began."""

    begins_s: float
    ends_s: float


@dataclasses.dataclass(frozen=True, slots=True)
class Ack:
    """A checkpoint, and what became of it."""

    name: str
    sent_s: float
    due_s: float | None = None
    """When the far end had played all before it, were there no line between; None:
    it never did."""
    came_s: float | None = None
    """When it was acknowledged; None: it never was."""

    @property
    def late_s(self) -> float | None:
        """How long the acknowledgement took: the line, both ways, and the far end."""
        if self.due_s is None or self.came_s is None:
            return None
        return self.came_s - self.due_s


@dataclasses.dataclass(frozen=True, slots=True)
class End:
    """How the call ended."""

    at_s: float
    code: int | None
    """Of our close frame; None: it was not us."""
    text: str

    @property
    def who(self) -> str:
        """Who ended it, and how."""
        return "the far end" if self.code is None else f"we, with {self.code}"


class Story:
    """One capture, understood.

    Args:
        capture: As it was read.

    Raises:
        ConfigError: If it has no `start`.
    """

    def __init__(self, capture: Capture) -> None:
        self.capture = capture
        self.content_type: ContentType = DEFAULT_CONTENT_TYPE
        self.start: Start
        self.start_s = 0.0
        self.end_s = capture.records[-1].t if capture.records else 0.0
        self.received: list[tuple[float, Message]] = []
        self.sent: list[tuple[float, Message]] = []
        self.received_errors = 0
        self.sent_errors = 0
        self._read(capture.records)
        self._decode = CODECS[self.content_type.encoding].decode
        self.buffer = FarBuffer(round(DEFAULT_LIMIT_S * self.content_type.rate_hz))
        self.cleared: list[tuple[float, float]] = []
        """When we cleared, and how many seconds of audio that dropped."""
        self.leads_s: list[float] = []
        """What the far end had queued, at each of its ticks in our speech."""
        self._due_s: dict[str, float] = {}
        self.heard = self._play()
        """What the far end heard of us, from `start_s` on."""

    # ------------------------------------------------------------------- what it is

    @property
    def rate_hz(self) -> int:
        """Of the stream's audio."""
        return self.content_type.rate_hz

    @property
    def sent_kinds(self) -> collections.Counter[str]:
        """How many messages of each kind we sent."""
        return collections.Counter(event_of(message) for _t, message in self.sent)

    @property
    def sent_digits(self) -> str:
        """The keys that we pressed."""
        pressed = (m.dtmf for _t, m in self.sent if isinstance(m, messages.SendDtmf))
        return "".join(pressed)

    @functools.cached_property
    def sent_audio(self) -> bytes:
        """All audio that we sent, as it was coded."""
        return b"".join(
            m.media.payload for _t, m in self.sent if isinstance(m, messages.PlayAudio)
        )

    @functools.cached_property
    def caller_spans(self) -> list[Span]:
        """When the far end spoke."""
        frames = (
            (t, self._samples(message.media.payload))
            for t, message in self.received
            if isinstance(message, messages.Media)
            and message.media.track in (None, "inbound")
        )
        return list(spans(frames, self.rate_hz))

    @functools.cached_property
    def our_spans(self) -> list[Span]:
        """When we were heard."""
        frame = frame_samples(self.rate_hz)
        frames = (
            (self.start_s + at / self.rate_hz, self.heard[at : at + frame])
            for at in range(0, len(self.heard), frame)
        )
        return list(spans(frames, self.rate_hz))

    @functools.cached_property
    def acks(self) -> list[Ack]:
        """Our checkpoints."""
        came_s: dict[str, float] = {}
        for t, message in self.received:
            if isinstance(message, messages.PlayedStream) and message.name:
                came_s.setdefault(message.name, t)
        return [
            Ack(m.name, t, self._due_s.get(m.name), came_s.get(m.name))
            for t, m in self.sent
            if isinstance(m, messages.Checkpoint)
        ]

    @functools.cached_property
    def line_s(self) -> float:
        """What acknowledgements take on their way, by the median of those that came."""
        late = [ack.late_s for ack in self.acks if ack.late_s is not None]
        return max(0.0, float(np.median(late))) if late else 0.0

    @property
    def end(self) -> End | None:
        """How the call ended, where the capture goes so far."""
        for record in self.capture.records:
            if record.event is SocketEvent.ENDED:
                return End(record.t, record.code, record.text)
        return None

    # ------------------------------------------------------------------- reading it

    def _read(self, records: Iterable[Record]) -> None:
        has_started = False
        for record in records:
            text = record.message
            if text is None:
                continue
            side = Side.PLATFORM if record.is_received else Side.BRIDGE
            try:
                message = codec.parse(text, side)
                if isinstance(message, Start) and not has_started:
                    self._begin(record.t, message)
                    has_started = True
            except StreamError:
                if record.is_received:
                    self.received_errors += 1
                else:
                    self.sent_errors += 1
                continue
            if not isinstance(message, Unknown):
                told = self.received if record.is_received else self.sent
                told.append((record.t, message))
        if not has_started:
            raise ConfigError("a capture without a start: there is no call in it")

    def _begin(self, t: float, message: Start) -> None:
        media_format = message.start.media_format
        if media_format is not None:
            self.content_type = ContentType.parse(
                media_format.encoding, media_format.sample_rate
            )
        self.start, self.start_s = message, t

    def _samples(self, payload: bytes) -> Samples:
        whole = len(payload) - len(payload) % self.content_type.bytes_per_sample
        return self._decode(payload[:whole])

    def _play(self) -> Samples:
        """Play what we sent, tick by tick."""
        frame = frame_samples(self.rate_hz)
        pending = collections.deque(self.sent)
        heard: list[Samples] = []
        ticks = int((self.end_s - self.start_s) / FRAME_S) + 1
        for tick in range(ticks):
            now_s = self.start_s + tick * FRAME_S
            while pending and pending[0][0] <= now_s:
                self._take(*pending.popleft())
            if self.buffer.queued_samples:
                self.leads_s.append(self.buffer.queued_samples / self.rate_hz)
            samples, reached = self.buffer.take(frame)
            heard.append(samples)
            self._due_s.update(dict.fromkeys(reached, now_s))
        return np.concatenate(heard) if heard else silence(0)

    def _take(self, t: float, message: Message) -> None:
        match message:
            case messages.PlayAudio():
                self.buffer.play(self._samples(message.media.payload))
            case messages.Checkpoint():
                if self.buffer.checkpoint(message.name):
                    self._due_s[message.name] = t
            case messages.ClearAudio():
                self.cleared.append((t, self.buffer.queued_samples / self.rate_hz))
                self.buffer.clear()


def event_of(message: Message) -> str:
    """The name of a message on the wire."""
    return str(type(message).__struct_config__.tag)


def spans(frames: Iterable[tuple[float, Samples]], rate_hz: int) -> Iterator[Span]:
    """Find stretches of speech.

    Args:
        frames: When each began, and its samples, of any length.
        rate_hz: Of the samples.
    """
    activity = Activity(ends_ms=ENDS_MS)
    size = frame_samples(rate_hz)
    rest = silence(0)
    begins_s = t = 0.0
    for at_s, samples in frames:
        t = at_s - len(rest) / rate_hz
        rest = np.concatenate([rest, samples]) if len(rest) else samples
        while len(rest) >= size:
            frame, rest = rest[:size], rest[size:]
            t += FRAME_S
            if not activity.push(frame):
                continue
            if activity.is_speaking:
                begins_s = t - BEGINS_MS / 1000
            else:
                yield Span(begins_s, t - ENDS_MS / 1000)
    if activity.is_speaking:
        yield Span(begins_s, t)
