"""What the far end says, and what it is told to play."""

import dataclasses
from collections.abc import Callable, Iterable

import numpy as np

from bridge.audio.codecs import CODECS
from bridge.audio.pcm import Samples
from bridge.audio.tones import tone
from bridge.errors import StreamError
from bridge.stream.content_type import ContentType
from bridge.stream.messages import PlayAudioBody

__all__ = ["FRAME_S", "Chunk", "PlayQueue", "decoded", "has_tone", "tone_frame"]

FRAME_S = 0.02

TONES_HZ = range(400, 1601, 100)
"""Whole numbers of periods in 20 ms, so that they do not leak into each other."""

ENOUGH_WINDOWS = 2
CLEAR_SHARE = 0.5
"""How much of a window's energy is the tone's where there is nothing else."""
QUIET_RMS = 100.0


@dataclasses.dataclass(frozen=True, slots=True)
class Chunk:
    """Audio of one `playAudio`."""

    samples: Samples
    rate_hz: int

    @property
    def duration_s(self) -> float:
        """How long it plays."""
        return len(self.samples) / self.rate_hz


def decoded(body: PlayAudioBody, stream_type: ContentType) -> Chunk:
    """Read a `playAudio` as what it says it is, or else as the stream's type."""
    try:
        rate_hz = body.sample_rate or stream_type.rate_hz
        declared = ContentType.parse(body.content_type or "", rate_hz)
    except StreamError:
        declared = stream_type
    whole = len(body.payload) // declared.bytes_per_sample * declared.bytes_per_sample
    samples = CODECS[declared.encoding].decode(body.payload[:whole])
    return Chunk(samples, declared.rate_hz)


def tone_frame(hz: int, content_type: ContentType) -> bytes:
    """One frame of a tone; of silence where `hz` is 0."""
    samples = tone(hz, FRAME_S, content_type.rate_hz)
    return CODECS[content_type.encoding].encode(samples)


def has_tone(chunks: Iterable[Chunk], hz: int) -> bool:
    """Whether a tone is clearly to be heard for two frames at least."""
    windows = 0
    by_rate: dict[int, list[Samples]] = {}
    for chunk in chunks:
        by_rate.setdefault(chunk.rate_hz, []).append(chunk.samples)
    for rate_hz, pieces in by_rate.items():
        size = round(FRAME_S * rate_hz)
        samples = np.concatenate(pieces).astype(np.float64)
        rows = samples[: len(samples) // size * size].reshape(-1, size)
        wave = np.exp(-2j * np.pi * hz / rate_hz * np.arange(size))
        power = np.mean(rows**2, axis=1)
        share = 2 * np.abs(rows @ wave / size) ** 2 / np.maximum(power, 1.0)
        windows += int(np.sum((share > CLEAR_SHARE) & (power > QUIET_RMS**2)))
    return windows >= ENOUGH_WINDOWS


class PlayQueue:
    """Plivo's playback queue, as far as its times go: played at 1x, never full.

    Args:
        now: The loop's clock.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self.most_ahead_s = 0.0
        self.dropped_acks = 0
        self._now = now
        self._played_by_s = 0.0
        self._pending: list[tuple[float, str]] = []

    def play(self, duration_s: float) -> None:
        """Queue audio."""
        self._played_by_s = max(self._played_by_s, self._now()) + duration_s
        self.most_ahead_s = max(self.most_ahead_s, self._played_by_s - self._now())

    def checkpoint(self, name: str) -> None:
        """Remember to acknowledge once all of the above is played."""
        self._pending.append((self._played_by_s, name))

    def clear(self) -> None:
        """Drop everything; acknowledgements still pending never come."""
        self.dropped_acks += len(self._pending)
        self._played_by_s = 0.0
        self._pending = []

    def reached(self) -> list[str]:
        """Take the checkpoints whose audio has been played by now."""
        reached = [name for due_s, name in self._pending if due_s <= self._now()]
        self._pending = self._pending[len(reached) :]
        return reached
