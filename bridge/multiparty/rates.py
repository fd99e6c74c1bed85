"""How many requests there may be in a while."""

import collections

__all__ = ["PLIVO_RATE", "RateWindow"]

PLIVO_RATE = (300, 5.0)
"""Plivo's limit for an account: so many requests in so many seconds."""


class RateWindow:
    """A sliding window: at most `most` in any `per_s` seconds.

    Args:
        most: How many.
        per_s: In how long.
    """

    def __init__(self, most: int, per_s: float) -> None:
        self._most = most
        self._per_s = per_s
        self._taken_s: collections.deque[float] = collections.deque()

    def take(self, now_s: float) -> float:
        """Take a place.

        Returns:
            0 if there was one; else none was taken, and it is worth asking again
            after so many seconds.
        """
        while self._taken_s and now_s - self._taken_s[0] >= self._per_s:
            self._taken_s.popleft()
        if len(self._taken_s) < self._most:
            self._taken_s.append(now_s)
            return 0.0
        return self._per_s - (now_s - self._taken_s[0])
