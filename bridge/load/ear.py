"""What comes back of what was said: when, where, and what is missing in it.

A mark is found by normalised cross-correlation, so it may have been resampled, coded
or made louder. From there on, the frames of `tones` are recognized one by one by their
frequencies, and what is lost, repeated or out of order shows.
"""

import bisect
import dataclasses
import functools
import itertools
from array import array
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bridge.audio.codecs import Codec
from bridge.audio.pcm import Floats, Samples, frame_samples, silence
from bridge.load.sounds import LOWEST_BIN, TONE_COUNT, Mark

__all__ = ["ALIKE", "Ear", "Found", "are_tones", "recognize"]

ALIKE = 0.5
"""Of the normalised correlation, 1 at most; what is not our mark stays below 0.3."""

SURE = 0.95
"""Where a mark is so alike and unlike itself when shifted (0.6 at most), it is nowhere
near more so: 0.6 of 0.95, and all of the 0.31 that are not of the mark, are 0.88."""

NEAR_MS = 60
"""How near to the last one the next mark is looked for first."""

BESIDE = 3
"""Samples at each side of a place, to see that it is the top of a peak."""

CLEAR = 0.5
"""The share of a frame's energy in one tone, from which on it is that tone."""

CLEARER = 0.75
"""The same of all its energy, as it is in time: there the highest frequency, which is
in the spectrum but once, counts half, and this is enough whatever it has."""


@dataclasses.dataclass(frozen=True, slots=True)
class Found:
    """A mark that came back."""

    first: float
    """The number of its first sample in the stream; between two where it fell there."""
    came_s: float
    heard_s: float


class Ear:
    """Keeps what came back lately, and decodes of it what is listened to.

    Args:
        codec: Of the stream.
        rate_hz: Of the stream.
        keep_s: How much.
    """

    __slots__ = (
        *("count", "_sample_bytes", "_kept", "_firsts", "_came_s", "_heard_s"),
        *("_codec", "_first", "_keep", "_rate_hz"),
    )

    def __init__(self, codec: Codec, rate_hz: int, keep_s: float) -> None:
        self.count = 0
        """Samples that have come."""
        self._codec = codec
        self._sample_bytes = codec.bytes_per_sample
        self._rate_hz = rate_hz
        self._keep = round(keep_s * rate_hz)
        self._kept: list[bytes] = []
        """Messages, from the one on that has `_first`."""
        self._first = 0
        """The number of the first sample kept."""
        # Of each message. Rows of numbers: an object each would be all over the memory.
        self._firsts = array("q")
        self._came_s = array("d")
        self._heard_s = array("d")

    def hear(
        self,
        payloads: Sequence[bytes],
        came_s: Sequence[float],
        heard_s: Sequence[float],
    ) -> None:
        """Take messages' audio, with when each came and when its first sample plays."""
        sizes = [len(payload) // self._sample_bytes for payload in payloads]
        *firsts, self.count = itertools.accumulate(sizes, initial=self.count)
        self._firsts.extend(firsts)
        self._kept.extend(payloads)
        self._came_s.extend(came_s)
        self._heard_s.extend(heard_s)

    def since(self, first: int, until: int | None = None) -> Samples:
        """What is kept from a sample on; up to another, where one is given."""
        first = max(first, self._first)
        until = self.count if until is None else min(until, self.count)
        if until <= first:
            return silence(0)
        at = bisect.bisect_right(self._firsts, first) - 1
        joined = b"".join(self._kept[at : bisect.bisect_left(self._firsts, until)])
        origin = self._firsts[at]
        begin, end = ((each - origin) * self._sample_bytes for each in (first, until))
        return self._codec.decode(joined[begin:end])

    def find(self, mark: Mark, begin: int, likely: int | None = None) -> Found | None:
        """Look for a mark in what has come, from a sample on.

        Args:
            mark: What to look for.
            begin: The number of the first sample of what may be it.
            likely: So many samples on it should be; there it is looked for first.
        """
        begin = max(begin, self._first)
        if likely is not None:
            sure = self._sure_place(mark, begin, begin + likely)
            if sure is not None:
                return self._found(sure)
            margin = self._rate_hz * NEAR_MS // 1000
            near = begin + max(0, likely - margin)
            until = begin + likely + margin + len(mark.samples)
            place = _place_of(mark, self.since(near, until))
            if place is not None:
                return self._found(near + place)
        place = _place_of(mark, self.since(begin))
        return None if place is None else self._found(begin + place)

    @property
    def forgets_until(self) -> int:
        """The number of the first sample that `forget` would keep."""
        return max(self._first, self.count - self._keep)

    def forget(self) -> None:
        """Drop what is older than is kept."""
        surplus = self.count - self._first - self._keep
        if surplus > 0:
            self._first += surplus
            until = max(0, bisect.bisect_right(self._firsts, self._first) - 1)
            del self._kept[:until]
            del self._firsts[:until], self._came_s[:until], self._heard_s[:until]

    def _sure_place(self, mark: Mark, begin: int, likely: int) -> float | None:
        """Where a mark is beyond doubt: just there, or a frame off.

        Nearly all are; looking there is a tenth of the work of looking all around.
        """
        if not mark.is_unlike_itself:
            return None
        frame = frame_samples(self._rate_hz)
        for place in (likely, likely - frame, likely + frame):
            first = place - BESIDE
            if first < begin:
                continue
            heard = self.since(first, place + BESIDE + len(mark.samples))
            if len(heard) < len(mark.samples) + 2 * BESIDE:
                continue
            signal = heard.astype(np.float32)
            products = np.correlate(signal, mark.samples)
            likeness = products / _loudness_beside(signal, len(mark.samples))
            best = int(likeness.argmax())
            if likeness[best] >= SURE and 0 < best < 2 * BESIDE:
                return first + best + _vertex(likeness, best)
        return None

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
    likeness = products / _loudness(signal, length)
    best = int(likeness.argmax())
    if likeness[best] < ALIKE:
        return None
    return best + _vertex(likeness, best)


def _loudness(signal: Floats, length: int) -> NDArray[np.float64]:
    """The root of the energy of each stretch of a length, 1 at least."""
    energy = np.concatenate([[0.0], np.cumsum(signal**2, dtype=np.float64)])
    loudness: NDArray[np.float64] = np.sqrt(
        np.maximum(energy[length:] - energy[:-length], 1.0)
    )
    return loudness


def _loudness_beside(signal: Floats, length: int) -> NDArray[np.float64]:
    """The same, of a signal that is hardly longer than that."""
    begin, end = signal[:-length].astype(np.float64), signal[length:]
    energy = np.empty(len(begin) + 1)
    energy[0] = signal[:length] @ signal[:length]
    energy[1:] = energy[0] + np.cumsum(end * end - begin * begin)
    loudness: NDArray[np.float64] = np.sqrt(np.maximum(energy, 1.0))
    return loudness


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


def are_tones(samples: Samples, rate_hz: int, numbers: NDArray[np.int64]) -> bool:
    """Whether each frame is clearly the tone that is expected; False where in doubt.

    Where it is True, `recognize` finds the same tones. It looks for one a frame instead
    of all.

    Args:
        samples: As many whole frames as there are numbers.
        rate_hz: Of the samples.
        numbers: Of the tones, one for each frame.
    """
    frame = frame_samples(rate_hz)
    frames = samples.reshape(len(numbers), frame).astype(np.float32)
    waves = _waves(frame)[numbers]
    parts = np.einsum("fs,fps->fp", frames, waves)
    powers = np.einsum("fp,fp->f", parts, parts)
    energies = np.einsum("fs,fs->f", frames, frames)
    # Half of it: the other half of a spectrum is the mirror of this one.
    return bool((powers >= CLEARER * frame / 2 * np.maximum(energies, 1.0)).all())


@functools.cache
def _waves(frame: int) -> Floats:
    """Cosine and sine of each tone over a frame; shape `(TONE_COUNT, 2, frame)`."""
    bins = np.arange(LOWEST_BIN, LOWEST_BIN + TONE_COUNT)
    phases = np.outer(bins, np.arange(frame) / frame * 2 * np.pi)
    return np.stack([np.cos(phases), np.sin(phases)], axis=1).astype(np.float32)
