"""Whether somebody speaks, from the level alone: cheap, for hundreds of members.

A running estimate of the noise makes it deaf to a constant hum; it needs no model.
"""

from bridge.audio.levels import rms_dbfs
from bridge.audio.pcm import FRAME_MS, Samples

__all__ = ["Activity"]

LOUDER_DB = 9.0
"""Speech is so much louder than the noise."""

QUIETEST_SPEECH_DBFS = -45.0

BEGINS_MS = 60
"""So long it must be loud before it counts as speech."""

ENDS_MS = 600
"""So long it must be quiet before speech has ended; words have pauses."""

FALLS = 0.2
RISES = 0.005
"""How fast the estimate follows a quieter and a louder background, per frame: speech
has pauses, in which it falls back; what has none is background after some seconds."""


class Activity:
    """The start and end of one voice's speech, from 20 ms frames.

    Args:
        begins_ms: So long it must be loud before it counts as speech.
        ends_ms: So long it must be quiet before speech has ended.
    """

    def __init__(self, begins_ms: int = BEGINS_MS, ends_ms: int = ENDS_MS) -> None:
        self.is_speaking = False
        self._begins_ms = begins_ms
        self._ends_ms = ends_ms
        self._noise_dbfs = -60.0
        self._run_ms = 0

    def push(self, frame: Samples) -> bool:
        """Take the next frame; True if `is_speaking` is different after it."""
        return self.follow(rms_dbfs(frame))

    def follow(self, level_dbfs: float) -> bool:
        """Take the next frame's level; True if `is_speaking` is different after it."""
        threshold_dbfs = max(QUIETEST_SPEECH_DBFS, self._noise_dbfs + LOUDER_DB)
        is_loud = level_dbfs > threshold_dbfs
        rate = FALLS if level_dbfs < self._noise_dbfs else RISES
        self._noise_dbfs += rate * (level_dbfs - self._noise_dbfs)
        if is_loud == self.is_speaking:
            self._run_ms = 0
            return False
        self._run_ms += FRAME_MS
        if self._run_ms < (self._ends_ms if self.is_speaking else self._begins_ms):
            return False
        self.is_speaking = is_loud
        self._run_ms = 0
        return True
