"""Which frames of a known sequence came, and in which order."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

__all__ = ["Order"]

AHEAD = 40
"""A frame is looked for so far ahead of where it should be; further is a new place."""

NEAR = 4
"""So far ahead it is looked for before it is taken for a late one."""

BEHIND = 12
"""And so far behind: frames that overtook each other."""

UNCLEAR_IN_A_ROW = 25
"""After so many that are no tone nothing is known any more."""


@dataclasses.dataclass(slots=True)
class Order:
    """Follows the frames of an endless loop of numbers.

    Args:
        loop: The numbers, as they were sent.
    """

    loop: NDArray[np.int64]
    lost: int = 0
    repeated: int = 0
    out_of_order: int = 0
    unclear: int = 0
    """Frames that are none of the loop's."""
    followed: int = 0
    """Frames of which it is known whether they came."""
    is_following: bool = False
    """Whether it is known which frame should come next."""
    _at: int = 0
    """The place of that frame, counted on round after round."""
    _has_begun: bool = False
    _missing: list[int] = dataclasses.field(default_factory=list)
    _unclear_run: int = 0

    def stand_at(self, place: int) -> None:
        """Say which frame comes next; what was skipped on the way is lost."""
        ahead = (place - self._at) % len(self.loop)
        if not self._has_begun:
            self._at = place
        elif ahead < len(self.loop) // 2:
            self.lost += ahead
            self._pass(ahead)
        else:
            # It is behind: what was skipped has been counted as it was.
            self._at -= len(self.loop) - ahead
        self.is_following = self._has_begun = True
        self._unclear_run = 0

    def expected(self, count: int) -> NDArray[np.int64]:
        """The frames that should come next."""
        return self.loop.take(range(self._at, self._at + count), mode="wrap")

    def follow(self, numbers: NDArray[np.int64]) -> None:
        """Take the next frames."""
        if self.is_following and np.array_equal(numbers, self.expected(len(numbers))):
            self._pass(len(numbers))
            self._unclear_run = 0
            return
        for number in numbers.tolist():
            if self.is_following:
                self._take(number)

    def _take(self, number: int) -> None:
        if number < 0:
            self._pass_unclear()
            return
        self._unclear_run = 0
        if number == self._number(self._at):
            self._pass(1)
        elif number == self._number(self._at - 1):
            self.repeated += 1
        # A frame or two lost is likelier than one that comes late, and that is likelier
        # than many lost: there are only so many tones, and each comes again.
        elif not (
            self._skips_to(number, range(1, NEAR))
            or self._is_late(number)
            or self._skips_to(number, range(NEAR, AHEAD))
            or self._is_old(number)
        ):
            self._pass_unclear()

    def _skips_to(self, number: int, distances: range) -> bool:
        for skipped in distances:
            if self._number(self._at + skipped) == number:
                self._missing += range(self._at, self._at + skipped)
                self.lost += skipped
                self._pass(skipped + 1)
                return True
        return False

    def _is_late(self, number: int) -> bool:
        self._missing = [each for each in self._missing if self._at - each <= BEHIND]
        for place in self._missing:
            if self._number(place) == number:
                self._missing.remove(place)
                self.lost -= 1
                self.out_of_order += 1
                return True
        return False

    def _is_old(self, number: int) -> bool:
        is_old = any(
            self._number(self._at - back) == number for back in range(2, BEHIND)
        )
        self.repeated += is_old
        return is_old

    def _pass_unclear(self) -> None:
        """Count a frame of something else.

        Whether it took the place of one of ours, the next of ours will tell.
        """
        self.unclear += 1
        self._unclear_run += 1
        self.is_following = self._unclear_run <= UNCLEAR_IN_A_ROW

    def _pass(self, count: int) -> None:
        self._at += count
        self.followed += count

    def _number(self, place: int) -> int:
        return int(self.loop[place % len(self.loop)])
