"""Plivo's playback queue in continuous time: when each sample is heard, and when none.

The engine's `FarBuffer` hands out audio tick by tick; hundreds of streams need only
the times, which follow from arithmetic at each arrival. Both are held to the same
behaviour by a test.
"""

import collections
import dataclasses
import math
from array import array
from collections.abc import Iterable
from math import ceil

from bridge.audio.pcm import FRAME_MS

__all__ = ["Gap", "Playout"]

TICK_S = FRAME_MS / 1000

LIMIT_S = 60.0
"""How much fits; what does not is dropped, as Plivo says (`buffer_overflow`)."""

ROUNDING_S = 1e-6


@dataclasses.dataclass(frozen=True, slots=True)
class Gap:
    """Nothing to play, between two stretches of audio or after the last."""

    start_s: float
    length_s: float


class Playout:
    """What is heard of a stream, and when.

    The far end takes 20 ms from its queue at each tick of its clock: audio that comes
    after a tick is heard from the next one on.

    Args:
        origin_s: A tick of the far end's clock.
        checkpoints_end_speech: Whether silence after a queue that ends with a
            checkpoint is meant; of an echo, silence never is.
    """

    __slots__ = (
        *("ends_s", "_origin_s", "_is_pause", "_is_speaking", "_is_turn"),
        *("_checkpoints", "_ends_speech", "dropped_s"),
    )

    def __init__(self, origin_s: float, *, checkpoints_end_speech: bool = True) -> None:
        self._ends_speech = checkpoints_end_speech
        self.ends_s = -math.inf
        """When the last sample that has come will have been heard."""
        self.dropped_s = 0.0
        """Audio that did not fit."""
        self._origin_s = origin_s
        self._checkpoints: collections.deque[tuple[float, str]] = collections.deque()
        self._is_speaking = False
        self._is_pause = False
        self._is_turn = False

    def play(self, now_s: float, length_s: float) -> tuple[float, Gap | None]:
        """Queue audio.

        Returns:
            When its first sample is heard, and the gap before it, if one was heard
            that no checkpoint announced.
        """
        (begins_s,), gaps = self.play_all((now_s,), (length_s,))
        return begins_s, gaps[0] if gaps else None

    def play_all(
        self, came_s: Iterable[float], lengths_s: Iterable[float]
    ) -> tuple["array[float]", list[Gap]]:
        """Queue audio that came in pieces.

        In many calls fifty times a second, so it is one loop, which calls nothing.

        Returns:
            When the first sample of each piece is heard, and the gaps before them.
        """
        begin_s, gaps = array("d"), []
        origin_s, ends_s = self._origin_s, self.ends_s
        for now_s, length_s in zip(came_s, lengths_s, strict=True):
            ticks = ceil((now_s - origin_s) / TICK_S - ROUNDING_S)
            begins_s = origin_s + ticks * TICK_S
            # Comparing is cheaper than min() and max().
            if begins_s <= ends_s:
                begins_s = ends_s
            elif self._is_speaking and begins_s - ends_s > ROUNDING_S:
                if not (self._is_pause or self._is_turn):
                    gaps.append(Gap(ends_s, begins_s - ends_s))
                self._is_turn = False
            ends_s = begins_s + length_s
            if ends_s - now_s > LIMIT_S:
                fits_s = min(length_s, max(0.0, LIMIT_S - (begins_s - now_s)))
                self.dropped_s += length_s - fits_s
                ends_s = begins_s + fits_s
            self._is_speaking, self._is_pause = True, False
            begin_s.append(begins_s)
        self.ends_s = ends_s
        return begin_s, gaps

    def checkpoint(self, now_s: float, name: str) -> bool:
        """Queue a checkpoint; True if all before it has been heard already."""
        if self._is_over(now_s) and not self._checkpoints:
            return True
        self._is_pause = self._ends_speech
        self._checkpoints.append((self.ends_s, name))
        return False

    def clear(self, now_s: float) -> None:
        """Drop what has not been taken by the last tick, and all checkpoints."""
        self._checkpoints.clear()
        self.ends_s = min(self.ends_s, self._tick_after(now_s))
        self._is_speaking = False

    def pause(self) -> None:
        """The next silence is no hole: somebody else speaks, and it is their turn."""
        self._is_turn = True

    @property
    def next_checkpoint_s(self) -> float:
        """When one is reached; infinity where none is queued."""
        return self._checkpoints[0][0] - ROUNDING_S if self._checkpoints else math.inf

    def reached(self, now_s: float) -> list[str]:
        """Checkpoints whose audio has been heard by now, each told once."""
        names = []
        while self._checkpoints and self._checkpoints[0][0] <= now_s + ROUNDING_S:
            names.append(self._checkpoints.popleft()[1])
        return names

    def silent_since(self, now_s: float) -> Gap | None:
        """The gap that is open now, if nothing is heard that should be."""
        is_meant = self._is_pause or self._is_turn or not self._is_speaking
        if is_meant or not self._is_over(now_s):
            return None
        return Gap(self.ends_s, now_s - self.ends_s)

    def _is_over(self, now_s: float) -> bool:
        return self.ends_s <= now_s + ROUNDING_S

    def _tick_after(self, now_s: float) -> float:
        ticks = math.ceil((now_s - self._origin_s) / TICK_S - ROUNDING_S)
        return self._origin_s + ticks * TICK_S
