"""What comes back of what was said: when, where, and what is missing in it.

A mark is found by normalised cross-correlation, so it may have been resampled, coded
or made louder. From there on, the frames of `tones` are recognized one by one by their
frequencies, and what is lost, repeated or out of order shows.
"""

import bisect
import dataclasses

import numpy as np
from numpy.typing import NDArray

from bridge.audio.codecs import Codec
from bridge.audio.pcm import Samples, frame_samples, silence
from bridge.load.sounds import LOWEST_BIN, TONE_COUNT, Mark

__all__ = ["ALIKE", "Ear", "Found"]

ALIKE = 0.5
"""Of the normalised correlation, 1 at most; what is not our mark stays below 0.3."""

NEAR_MS = 60
"""How near to the last one the next mark is looked for first."""

CLEAR = 0.5
"""The share of a frame's energy in one tone, from which on it is that tone."""


@dataclasses.dataclass(frozen=True, slots=True)
class Found:
    """A mark that came back."""

    first: float
    """The number of its first sample in the stream; between two where it fell there."""
    came_s: float
    heard_s: float


class Ear:
    """Keeps what came back lately, and decodes it when it is listened to.

    Args:
        codec: Of the stream.
        rate_hz: Of the stream.
        keep_s: How much.
    """

    def __init__(self, codec: Codec, rate_hz: int, keep_s: float) -> None:
        self.count = 0
        """Samples that have come."""
        self._codec = codec
        self._rate_hz = rate_hz
        self._keep = round(keep_s * rate_hz)
        self._kept = silence(0)
        self._first = 0
        """The number of the first sample kept."""
        self._new: list[bytes] = []
        # Of each message. Three lists of numbers: tuples would keep the collector busy.
        self._firsts: list[int] = []
        self._came_s: list[float] = []
        self._heard_s: list[float] = []

    def hear(self, payload: bytes, came_s: float, heard_s: float) -> None:
        """Take a message's audio."""
        self._firsts.append(self.count)
        self._came_s.append(came_s)
        self._heard_s.append(heard_s)
        self._new.append(payload)
        self.count += len(payload) // self._codec.bytes_per_sample

    def since(self, first: int) -> Samples:
        """What is kept from a sample on."""
        if self._new:
            new = self._codec.decode(b"".join(self._new))
            self._kept = np.concatenate([self._kept, new])
            self._new.clear()
        return self._kept[max(0, first - self._first) :]

    def find(self, mark: Mark, begin: int, likely: int | None = None) -> Found | None:
        """Look for a mark in what has come, from a sample on.

        Args:
            mark: What to look for.
            begin: The number of the first sample of what may be it.
            likely: So many samples on it should be; there it is looked for first.
        """
        begin = max(begin, self._first)
        if likely is not None:
            margin = self._rate_hz * NEAR_MS // 1000
            near = begin + max(0, likely - margin)
            until = likely + 2 * margin + len(mark.samples)
            place = _place_of(mark, self.since(near)[:until])
            if place is not None:
                return self._found(near + place)
        place = _place_of(mark, self.since(begin))
        return None if place is None else self._found(begin + place)

    def forget(self) -> None:
        """Drop what is older than is kept."""
        surplus = self.count - self._first - self._keep
        if surplus > 0:
            self._kept = self.since(self._first + surplus).copy()
            self._first += surplus
            until = max(0, bisect.bisect_right(self._firsts, self._first) - 1)
            for numbers in (self._firsts, self._came_s, self._heard_s):
                del numbers[:until]

    def _found(self, first: float) -> Found:
        at = max(0, bisect.bisect_right(self._firsts, first) - 1)
        into_s = (first - self._firsts[at]) / self._rate_hz
        return Found(first, self._came_s[at] + into_s, self._heard_s[at] + into_s)


def _place_of(mark: Mark, heard: Samples) -> float | None:
    """Where a mark begins, to a fraction of a sample; None if it is nowhere."""
    length = len(mark.samples)
    places = len(heard) - length + 1
    if places < 1:
        return None
    signal = heard.astype(np.float32)
    size = 1 << (len(heard) - 1).bit_length()
    spectrum = np.fft.rfft(signal, size) * mark.spectrum(size)
    products = np.fft.irfft(spectrum, size)[:places]
    energy = np.concatenate([[0.0], np.cumsum(signal**2, dtype=np.float64)])
    local = np.sqrt(np.maximum(energy[length:] - energy[:-length], 1.0))
    likeness = products / local
    best = int(likeness.argmax())
    if likeness[best] < ALIKE:
        return None
    return best + _vertex(likeness, best)


def _vertex(values: NDArray[np.float64], at: int) -> float:
    """Where the parabola through a peak and its neighbours has its top."""
    if not 0 < at < len(values) - 1:
        return 0.0
    before, peak, after = (float(value) for value in values[at - 1 : at + 2])
    bend = before - 2 * peak + after
    return 0.5 * (before - after) / bend if bend else 0.0


def recognize(samples: Samples, rate_hz: int) -> NDArray[np.int64]:
    """The tone of each whole frame; -1 where it is none."""
    frame = frame_samples(rate_hz)
    count = len(samples) // frame
    frames = samples[: count * frame].reshape(count, frame).astype(np.float32)
    power = np.abs(np.fft.rfft(frames, axis=1)[:, 1:]) ** 2
    tones = power[:, LOWEST_BIN - 1 : LOWEST_BIN - 1 + TONE_COUNT]
    numbers: NDArray[np.int64] = tones.argmax(axis=1)
    total = np.maximum(power.sum(axis=1), 1.0)
    numbers[tones.max(axis=1) / total < CLEAR] = -1
    return numbers
