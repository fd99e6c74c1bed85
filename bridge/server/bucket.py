"""A rate, and how much of it may be saved up: the token bucket."""

__all__ = ["Bucket"]


class Bucket:
    """So many a second, and a burst of some seconds' worth at once.

    Args:
        per_s: How many in the long run.
        burst_s: For how many seconds they may be saved up.
    """

    def __init__(self, per_s: float, burst_s: float) -> None:
        self._per_s = per_s
        self._most = max(1.0, per_s * burst_s)
        self._left = self._most
        self._at_s = 0.0

    def takes(self, count: int, now_s: float) -> bool:
        """Take so many, if there are as many; else none."""
        self._left = min(self._most, self._left + (now_s - self._at_s) * self._per_s)
        self._at_s = now_s
        if self._left < count:
            return False
        self._left -= count
        return True
