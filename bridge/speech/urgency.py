"""Which windows of audio a detector has to look at now: no I/O, no clock.

A detector's model costs several times less when it looks at many windows in a row.
While speech or silence merely goes on, nobody waits for what it says, and windows can
be kept for a moment. Loudness tells when that may change; it decides nothing else.
"""

import math

import numpy as np

from bridge.audio.pcm import Floats

__all__ = ["Urgency"]

LOUDER_DB = 6.0
"""What is so much louder than the line's noise may be speech."""

FAINTEST_DBFS = -60.0
"""Nothing below is."""

FALLS, RISES = 0.2, 0.002
"""How fast the estimate of the noise follows what is quieter and louder, per window:
in pauses at once, in speech hardly."""

VOICE = 0.35
"""A window that is as likely speech as that, may be."""

SETTLED_VOICE, SETTLED_SILENCE = 8, 32
"""After so many windows of the same, it is taken to go on: a quarter of a second, by
when a turn has begun; and a second, by when one has ended."""

FULL_SCALE = 32768.0


class Urgency:
    """Tells of one speaker's windows whether what they hold is awaited."""

    def __init__(self) -> None:
        self._noise_dbfs = FAINTEST_DBFS
        self._is_voice = False
        self._run = SETTLED_SILENCE

    def presses(self, window: Floats) -> bool:
        """Whether somebody may wait to know of this window: something may begin or end.

        Args:
            window: On the int16 scale.
        """
        is_loud = self._is_loud(window)
        if self._is_voice:
            return not is_loud or self._run < SETTLED_VOICE
        return is_loud or self._run < SETTLED_SILENCE

    def learn(self, probability: float) -> None:
        """Take what the detector has said of the next window."""
        is_voice = probability >= VOICE
        self._run = self._run + 1 if is_voice == self._is_voice else 1
        self._is_voice = is_voice

    def _is_loud(self, window: Floats) -> bool:
        # The one more keeps digital silence countable. `np.dot` would let go of the
        # interpreter, and a busy model's thread may keep it for 5 ms.
        power = (float(np.add.reduce(window * window)) + 1.0) / len(window)
        level_dbfs = 10.0 * math.log10(power / FULL_SCALE**2)
        threshold_dbfs = max(FAINTEST_DBFS, self._noise_dbfs + LOUDER_DB)
        rate = FALLS if level_dbfs < self._noise_dbfs else RISES
        self._noise_dbfs += rate * (level_dbfs - self._noise_dbfs)
        return level_dbfs > threshold_dbfs
