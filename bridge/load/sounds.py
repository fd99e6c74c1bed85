"""What callers say, ready to send, and the stretches of it that are found again.

`tones` is made for measuring: each 20 ms frame is one tone, the tones hop without
repeating themselves for ten seconds, and each begins and ends at a zero. A stretch of
it has a sharp peak in correlation, also after resampling or mu-law, and each frame can
be told from its neighbours by its frequency.
"""

import base64
import dataclasses
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from bridge.audio import files
from bridge.audio.codecs import CODECS
from bridge.audio.levels import rms_dbfs
from bridge.audio.pcm import FRAME_MS, Samples, frame_samples, saturate, silence
from bridge.load.caller_plan import SILENCE, TONES
from bridge.load.plan import Plan
from bridge.stream.content_type import ContentType

__all__ = [
    "AUDIBLE",
    "MARK_FRAMES",
    "Frame",
    "Mark",
    "Sound",
    "make_sounds",
    "read_files",
    "tone_numbers",
]

LOWEST_BIN, TONE_COUNT = 7, 60
"""Tones stand 50 Hz apart, from 350 to 3300 Hz: whole periods in 20 ms."""

HOPS = 8
"""Orders of all tones that follow each other before the first comes again."""

TONE_AMPLITUDE = 8000

MARK_FRAMES = 12
"""A mark is 240 ms long."""

MARKS_EVERY_S = 1.0

LEAST_HORIZON_S = 1.0
"""Shorter sounds have no marks: what comes back of them is never sure."""

LEAST_MARK_DBFS = -35.0

UNLIKE = 0.6
"""Of the normalised correlation of a mark with itself, shifted."""

AUDIBLE = 328
"""A sample beyond this is heard: -40 dBFS."""


class Mark:
    """A stretch of a sound that is looked for in what comes back.

    Args:
        frame: Its first.
        samples: Without their mean, of unit energy.
    """

    def __init__(self, frame: int, samples: NDArray[np.float32]) -> None:
        self.frame = frame
        self.samples = samples
        self._spectra: dict[int, NDArray[np.complexfloating[Any, Any]]] = {}

    @functools.cached_property
    def is_unlike_itself(self) -> bool:
        """Whether it is when it is shifted, beyond the width of its peak.

        A stretch of speech is not: a period of the voice later it is nearly the same.
        """
        size = 2 * len(self.samples)
        spectrum = np.fft.rfft(self.samples, size)
        shifted = np.fft.irfft(np.abs(spectrum) ** 2, size)[: len(self.samples)]
        beyond_peak = shifted[int((shifted < UNLIKE).argmax()) :]
        return bool(beyond_peak.max() < UNLIKE)

    def spectrum(self, size: int) -> NDArray[np.complexfloating[Any, Any]]:
        """Conjugate, of so many points; all streams look for the same marks."""
        if size not in self._spectra:
            self._spectra[size] = np.conj(np.fft.rfft(self.samples, size))
        return self._spectra[size]


@dataclasses.dataclass(frozen=True, slots=True)
class Frame:
    """What is said in 20 ms."""

    payload: bytes
    text: bytes
    """The payload as it stands in a message."""
    mark: Mark | None = None
    """One that begins here."""


class Sound:
    """Audio as frames on the wire.

    Args:
        samples: At the stream's rate.
        content_type: Of the stream.
        is_tones: Whether it is ours, and each frame of it can be recognized.
    """

    def __init__(
        self, samples: Samples, content_type: ContentType, *, is_tones: bool = False
    ) -> None:
        frame = frame_samples(content_type.rate_hz)
        count = max(1, -(-len(samples) // frame))
        padded = silence(count * frame)
        padded[: len(samples)] = samples
        encode = CODECS[content_type.encoding].encode
        self.is_tones = is_tones
        loud = np.flatnonzero(np.abs(padded.astype(np.int32)) > AUDIBLE)
        first, last = (int(loud[0]), int(loud[-1]) + 1) if len(loud) else (0, 0)
        self.first_audible_s = first / content_type.rate_hz
        self.last_audible_s = last / content_type.rate_hz
        self.horizon_s = count * FRAME_MS / 1000 - MARKS_EVERY_S
        """A mark that comes back later may be the next round's."""
        is_long = self.horizon_s >= LEAST_HORIZON_S
        marks = {mark.frame: mark for mark in _marks(padded, frame) if is_long}
        payloads = [encode(each) for each in padded.reshape(count, frame)]
        self.unmarked = [Frame(each, base64.b64encode(each)) for each in payloads]
        self.frames = [
            Frame(each.payload, each.text, marks.get(at))
            for at, each in enumerate(self.unmarked)
        ]

    @functools.cached_property
    def texts(self) -> tuple[bytes, ...]:
        """Of all frames."""
        return tuple(frame.text for frame in self.frames)

    @functools.cached_property
    def unmarked_from(self) -> list[int]:
        """For each frame, how many there are from it on before one with a mark.

        The sound goes on for ever; without any mark it is the sound's length.
        """
        counts, count = [0] * len(self), len(self)
        # Twice: behind the last comes the first.
        for at in reversed(range(2 * len(self))):
            is_marked = self.frames[at % len(self)].mark is not None
            count = 0 if is_marked else min(count + 1, len(self))
            counts[at % len(self)] = count
        return counts

    def __len__(self) -> int:
        """In frames."""
        return len(self.frames)

    @property
    def lasts_s(self) -> float:
        """Of its frames."""
        return len(self) * FRAME_MS / 1000

    @classmethod
    def tones(cls, content_type: ContentType) -> Self:
        """The measuring sound."""
        frame = frame_samples(content_type.rate_hz)
        phases = np.arange(frame) / frame * 2 * np.pi
        waves = np.sin(np.outer(tone_numbers() + LOWEST_BIN, phases))
        samples = saturate(waves.ravel() * TONE_AMPLITUDE)
        return cls(samples, content_type, is_tones=True)

    @classmethod
    def silent(cls, content_type: ContentType) -> Self:
        """One frame of nothing."""
        return cls(silence(frame_samples(content_type.rate_hz)), content_type)


@functools.cache
def tone_numbers() -> NDArray[np.int64]:
    """The number of each frame's tone, in the order of `tones`; shape `(480,)`."""
    rng = np.random.default_rng(20)
    orders: list[NDArray[np.int64]] = []
    while len(orders) < HOPS:
        order = rng.permutation(TONE_COUNT)
        # Where two orders meet, no tone may follow itself.
        if not orders or order[0] != orders[-1][-1]:
            orders.append(order)
    return np.concatenate(orders)


def read_files(plan: Plan) -> Mapping[str, Samples]:
    """Read the files of a plan.

    Raises:
        ConfigError: If one cannot be read.
    """
    names = plan.sounds - {TONES, SILENCE}
    return {name: files.read(Path(name), plan.stream_type.rate_hz) for name in names}


def make_sounds(plan: Plan, read: Mapping[str, Samples]) -> Mapping[str, Sound]:
    """Make the sounds of a plan, from what was read of its files."""
    content_type = plan.stream_type
    sounds = {name: Sound(samples, content_type) for name, samples in read.items()}
    sounds[TONES] = Sound.tones(content_type)
    sounds[SILENCE] = Sound.silent(content_type)
    return sounds


def _marks(samples: Samples, frame: int) -> list[Mark]:
    """One loud stretch a second, where there is one."""
    marks = []
    second = round(MARKS_EVERY_S * 1000 / FRAME_MS)
    count = len(samples) // frame
    for begin in range(0, count - MARK_FRAMES + 1, second):
        ends = min(begin + second - MARK_FRAMES, count - MARK_FRAMES)
        loudest = max(
            range(begin, ends + 1),
            key=lambda at: rms_dbfs(samples[at * frame : (at + MARK_FRAMES) * frame]),
        )
        stretch = samples[loudest * frame : (loudest + MARK_FRAMES) * frame]
        if rms_dbfs(stretch) > LEAST_MARK_DBFS:
            centred = stretch - stretch.mean(dtype=np.float64)
            scaled = centred / np.sqrt((centred**2).sum())
            marks.append(Mark(loudest, scaled.astype(np.float32)))
    return marks
