"""How much somebody may do: so much at once, and so much a second."""

__all__ = ["Allowance"]


class Allowance:
    """Fills up steadily, and is used up by what is done.

    Args:
        per_s: How much is added each second.
        at_once: How much it holds; it begins full.
        now_s: The time.
    """

    def __init__(self, per_s: float, at_once: float, now_s: float) -> None:
        self._per_s = per_s
        self._at_once = at_once
        self._left = at_once
        self._at_s = now_s

    def use(self, count: int, now_s: float) -> float:
        """Note that something was done.

        Returns:
            For how long nothing more should be done, in seconds; 0 if there is some
            left.
        """
        added = (now_s - self._at_s) * self._per_s
        self._left = min(self._at_once, self._left + added) - count
        self._at_s = now_s
        return max(0.0, -self._left / self._per_s)

    def takes(self, now_s: float) -> bool:
        """Use one, if there is one left."""
        is_there = self.use(0, now_s) == 0 and self._left >= 1
        self._left -= is_there
        return is_there
