"""The keys an AI agent presses, as they are heard: one after another."""

import numpy as np

from bridge.audio import tones
from bridge.audio.pcm import Samples, silence
from bridge.errors import StreamError

__all__ = ["MOST_KEYS", "KeyTones"]

MOST_KEYS = 300
"""Keys that wait to be heard: a minute, as much audio as the playback queue takes.
What they sound like is worked out at once, and every call waits meanwhile."""

KEYS_PER_S = 5
"""A tone of a tenth of a second, and as long a gap."""


class KeyTones:
    """Keys that wait to be heard.

    Args:
        rate_hz: Of the audio.
    """

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._waiting = silence(0)

    @property
    def is_playing(self) -> bool:
        """Whether there is anything to be heard."""
        return len(self._waiting) > 0

    def press(self, keys: str) -> None:
        """Let keys be heard after those that wait.

        Raises:
            StreamError: If those are too many; none of these is heard then.
        """
        waiting = -(-len(self._waiting) * KEYS_PER_S // self._rate_hz)
        if waiting + len(keys) > MOST_KEYS:
            raise StreamError(
                f"sendDTMF with {len(keys)} keys while {waiting} wait to be heard: "
                f"allowed are {MOST_KEYS}"
            )
        sound = tones.dtmf(keys, self._rate_hz)
        self._waiting = np.concatenate([self._waiting, sound])

    def take(self, count: int) -> Samples:
        """Play on; shorter at the end."""
        sound, self._waiting = self._waiting[:count], self._waiting[count:]
        return sound
