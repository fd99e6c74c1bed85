"""Plivo's playback queue: what an AI agent sends, played at 1x.

Documented: about 60 s fit; a checkpoint is acknowledged when all audio before it has
been played; clearing drops everything. Not documented, and so ours: a checkpoint on
an empty queue is acknowledged at once, checkpoints pending at a clear never are, and
audio that does not fit is dropped.
"""

import collections
import dataclasses

from bridge.audio.pcm import Samples, quiet, silence

__all__ = ["DEFAULT_LIMIT_S", "DrySpell", "FarBuffer"]

DEFAULT_LIMIT_S = 60.0


@dataclasses.dataclass(frozen=True, slots=True)
class DrySpell:
    """The queue ran dry and was filled again."""

    start_samples: int
    """When, in samples played since the stream began."""
    samples: int
    """For how long."""
    was_announced: bool
    """Whether a checkpoint was the last in the queue: a pause, no hole, most likely."""


class FarBuffer:
    """A bounded queue of audio and checkpoints.

    Args:
        limit_samples: How much audio fits.
    """

    def __init__(self, limit_samples: int) -> None:
        self.queued_samples = 0
        self.played_samples = 0
        self.dropped_samples = 0
        self.dry_spells: list[DrySpell] = []
        self._limit_samples = limit_samples
        self._queue: collections.deque[Samples | str] = collections.deque()
        self._clock_samples = 0
        self._is_speaking = False
        self._dry_since: int | None = None
        self._is_announced = False

    def play(self, samples: Samples) -> bool:
        """Queue audio; False if some of it did not fit and was dropped."""
        room = self._limit_samples - self.queued_samples
        fitting = samples[:room]
        if len(fitting):
            self._queue.append(fitting)
            self.queued_samples += len(fitting)
        self.dropped_samples += len(samples) - len(fitting)
        return len(fitting) == len(samples)

    def checkpoint(self, name: str) -> bool:
        """Queue a checkpoint; True if it is reached at once."""
        if not self._queue:
            return True
        self._queue.append(name)
        return False

    def clear(self) -> None:
        """Drop all audio, and checkpoints with it."""
        self._queue.clear()
        self.queued_samples = 0
        # Silence after a clear is wanted, not a hole.
        self._is_speaking = False
        self._dry_since = None

    def take(self, count: int) -> tuple[Samples, list[str]]:
        """Play for `count` samples.

        Returns:
            What is heard, padded with silence, which is not to be written to; and
            the checkpoints reached.
        """
        heard: Samples | None = None
        reached: list[str] = []
        filled = 0
        while self._queue and (filled < count or isinstance(self._queue[0], str)):
            item = self._queue.popleft()
            if isinstance(item, str):
                reached.append(item)
                self._is_announced = True
                continue
            self._end_dry_spell(self._clock_samples + filled)
            self._is_announced = False
            part = item[: count - filled]
            if len(part) == count:
                heard = part
            else:
                heard = silence(count) if heard is None else heard
                heard[filled : filled + len(part)] = part
            filled += len(part)
            if len(part) < len(item):
                self._queue.appendleft(item[len(part) :])
        self.queued_samples -= filled
        self.played_samples += filled
        if filled < count and self._is_speaking and self._dry_since is None:
            self._dry_since = self._clock_samples + filled
        self._clock_samples += count
        return quiet(count) if heard is None else heard, reached

    def _end_dry_spell(self, now_samples: int) -> None:
        if self._dry_since is not None:
            length = now_samples - self._dry_since
            self.dry_spells.append(
                DrySpell(self._dry_since, length, self._is_announced)
            )
        self._dry_since = None
        self._is_speaking = True
