"""When a bot is heard to speak, in the far end's time."""

import dataclasses

import numpy as np

from bridge.audio.pcm import Samples, frame_samples
from bridge.load.sounds import AUDIBLE

__all__ = ["Audible"]

WORDS_S = 0.3
"""Pauses up to this are inside of speech."""

KEPT = 500
"""Stretches that are remembered."""


@dataclasses.dataclass(slots=True)
class _Stretch:
    begins_s: float
    ends_s: float


class Audible:
    """The stretches of sound in what is played, past and to come.

    Args:
        rate_hz: Of the audio.
    """

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._stretches: list[_Stretch] = []

    def hear(self, samples: Samples, heard_s: float) -> None:
        """Take audio whose first sample is played at a time."""
        loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > AUDIBLE)
        if not len(loud):
            return
        breaks = np.flatnonzero(np.diff(loud) > frame_samples(self._rate_hz)) + 1
        for part in np.split(loud, breaks):
            begins_s = heard_s + float(part[0]) / self._rate_hz
            ends_s = heard_s + float(part[-1] + 1) / self._rate_hz
            last = self._stretches[-1] if self._stretches else None
            if last is not None and begins_s - last.ends_s < 0.02:
                last.ends_s = ends_s
            else:
                self._stretches.append(_Stretch(begins_s, ends_s))
        del self._stretches[:-KEPT]

    def cut(self, at_s: float) -> None:
        """What was to be played from a time on is dropped."""
        kept = [each for each in self._stretches if each.begins_s < at_s]
        for each in kept:
            each.ends_s = min(each.ends_s, at_s)
        self._stretches = kept

    def is_at(self, at_s: float) -> bool:
        """Whether there is sound at a time."""
        return any(each.begins_s <= at_s < each.ends_s for each in self._stretches)

    def first_after(self, at_s: float, now_s: float) -> float | None:
        """When the first sound after a time was heard, if it was by now."""
        for each in self._stretches:
            if each.ends_s > at_s and each.begins_s <= now_s:
                return max(each.begins_s, at_s)
        return None

    def quiet_since(self, now_s: float) -> float | None:
        """Since when nothing is heard; None while something is, or never was."""
        begun = [each for each in self._stretches if each.begins_s <= now_s]
        if not begun or begun[-1].ends_s > now_s:
            return None
        return begun[-1].ends_s

    def speaking_since(self, now_s: float) -> float | None:
        """Since when the bot speaks, pauses between words included."""
        since_s: float | None = None
        ends_s = now_s
        for each in reversed(self._stretches):
            if each.begins_s > now_s:
                continue
            if ends_s - each.ends_s > WORDS_S:
                break
            since_s = ends_s = each.begins_s
        return since_s

    def silent_from(self, at_s: float, quiet_s: float, now_s: float) -> float | None:
        """The end of the sound before the first long silence after a time.

        None if there has been no such silence by now.
        """
        ends_s = at_s
        for each in self._stretches:
            if each.ends_s <= at_s or each.begins_s > now_s:
                continue
            if each.begins_s - ends_s >= quiet_s:
                return ends_s
            ends_s = max(ends_s, each.ends_s)
        return ends_s if now_s - ends_s >= quiet_s else None
