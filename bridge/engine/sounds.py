"""What a member hears besides the room: beeps, announcements, music."""

import collections
from collections.abc import Sequence

import numpy as np

from bridge.audio import tones
from bridge.audio.mixing import mix
from bridge.audio.pcm import Samples, silence
from bridge.engine.legs import RATE_HZ

__all__ = ["RINGBACK", "Sound", "SoundQueue", "default_music"]


class Sound:
    """Samples being played.

    Args:
        samples: At 8 kHz.
        loops: Whether they begin again at their end.
        mixes: Whether the room is heard below them.
    """

    def __init__(
        self, samples: Samples, *, loops: bool = False, mixes: bool = True
    ) -> None:
        self.mixes = mixes
        self._samples = samples
        self._loops = loops and len(samples) > 0
        self._place = 0
        self._is_stopped = False

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes."""
        if self._is_stopped:
            return True
        return not self._loops and self._place >= len(self._samples)

    def stop(self) -> None:
        """End it where it is."""
        self._is_stopped = True

    def take(self, count: int) -> Samples:
        """Play on; padded with silence at the end."""
        if self._is_stopped:
            return silence(count)
        if self._loops:
            places = np.arange(self._place, self._place + count) % len(self._samples)
            self._place = (self._place + count) % len(self._samples)
            return self._samples[places]
        part = self._samples[self._place : self._place + count]
        self._place += count
        if len(part) == count:
            return part
        padded = silence(count)
        padded[: len(part)] = part
        return padded


class SoundQueue:
    """Sounds that are played over what is heard anyway.

    Short ones, `over`, all at once; long ones, `queue`, one after another.
    """

    def __init__(self) -> None:
        self._over: list[Sound] = []
        self._queue: collections.deque[Sound] = collections.deque()
        self.is_playing = False
        """Whether `take` may give more than silence. It is asked for every member of
        every room at every tick, and so is no property."""

    @property
    def hides_the_room(self) -> bool:
        """Whether what plays now is to be heard alone."""
        return bool(self._queue) and not self._queue[0].mixes

    def over(self, sound: Sound) -> None:
        """Play now."""
        self._over.append(sound)
        self.is_playing = True

    def queue(self, sound: Sound) -> None:
        """Play after what is queued."""
        self._queue.append(sound)
        self.is_playing = True

    def take(self, count: int) -> Samples:
        """Play on."""
        parts = [sound.take(count) for sound in self._over]
        self._over = [sound for sound in self._over if not sound.is_over]
        while self._queue and self._queue[0].is_over:
            self._queue.popleft()
        if self._queue:
            parts.append(self._queue[0].take(count))
            if self._queue[0].is_over:
                self._queue.popleft()
        self.is_playing = bool(self._over or self._queue)
        return mix(parts) if parts else silence(count)


def _chords(chords: Sequence[Sequence[float]], step_s: float) -> Samples:
    """Broken chords, quiet, each note dying away."""
    decay = np.exp(-3.0 * np.arange(round(step_s * RATE_HZ)) / RATE_HZ / step_s)
    notes = [
        tones.tone(hz, step_s, RATE_HZ, -26.0) * decay
        for chord in chords
        for hz in chord
    ]
    return np.concatenate(notes).astype(np.int16)


def default_music() -> Sound:
    """Where no music is given: broken chords without end."""
    return Sound(_MUSIC, loops=True)


_MUSIC = _chords(
    (
        (261.6, 329.6, 392.0, 523.3, 392.0, 329.6),
        (220.0, 261.6, 329.6, 440.0, 329.6, 261.6),
        (174.6, 220.0, 261.6, 349.2, 261.6, 220.0),
        (196.0, 246.9, 293.7, 392.0, 293.7, 246.9),
    ),
    0.35,
)

RINGBACK = np.concatenate(
    [
        mix(
            [tones.tone(440, 2.0, RATE_HZ, -22.0), tones.tone(480, 2.0, RATE_HZ, -22.0)]
        ),
        silence(4 * RATE_HZ),
    ]
)
"""What a caller hears while a phone rings (North American cadence, ITU-T E.180)."""
