"""What the workers carry, told to each other, so that limits are for all together.

A stream that begins is known to the others a moment later: two that begin at the same
time in two workers may both be let in where only one more fits.
"""

from bridge.server.elsewhere import Elsewhere
from bridge.server.workers.letters import OTHERS, Counted, Left
from bridge.server.workers.spoke import Spoke

__all__ = ["Counts"]


class Counts(Elsewhere):
    """The counts of the other workers."""

    def __init__(self, spoke: Spoke) -> None:
        self._spoke = spoke
        self._here: dict[str, int] = {}
        self._there: dict[int, dict[str, int]] = {}
        spoke.hear(Counted, self._take)
        spoke.hear(Left, self._forget)

    def count(self, key: str) -> int:
        """How many there are in all other workers together."""
        return sum(counts.get(key, 0) for counts in self._there.values())

    def tell(self, key: str, number: int) -> None:
        """So many are here now."""
        if self._here.get(key, 0) == number:
            return
        if number:
            self._here[key] = number
        else:
            del self._here[key]
        self._spoke.send(Counted(key, number), OTHERS)

    def _take(self, worker: int, letter: Counted) -> None:
        counts = self._there.setdefault(worker, {})
        counts[letter.key] = letter.number
        if not letter.number:
            del counts[letter.key]

    def _forget(self, _parent: int, letter: Left) -> None:
        self._there.pop(letter.worker, None)
