"""How long a recognizer takes, as it is seen at work: no I/O, no clock."""

import math

__all__ = ["Pace"]

FIXED_S = 1.0
"""A recognizer takes about as long as for so much more audio."""

SLACKENS = 0.05
"""How fast it is believed, per utterance, that a recognizer has become quicker."""


class Pace:
    """How long a recognizer takes, at worst and of late, as it is seen at work."""

    def __init__(self) -> None:
        self._per_s = math.inf

    def learn(self, length_s: float, took_s: float) -> None:
        """Take how long it took for an utterance of some length, waiting and all."""
        per_s = took_s / (length_s + FIXED_S)
        quicker = min(0.0, per_s - self._per_s) * SLACKENS
        is_first = math.isinf(self._per_s)
        self._per_s = per_s if is_first else max(per_s, self._per_s + quicker)

    def expected_s(self, length_s: float) -> float:
        """How long it may take; infinite until it has been seen at work."""
        return self._per_s * (length_s + FIXED_S)
