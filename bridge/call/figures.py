"""What is counted of one call, for those who look on."""

import collections

from bridge.call.inbound import Inbound
from bridge.call.outbound import Outbound
from bridge.metrics import Metrics

__all__ = ["Figures"]

MOST_KEPT = 200
"""Latencies of a stage."""


class Figures:
    """Counts a call, and adds to the process's counts.

    Args:
        inbound: What it heard.
        outbound: What it said.
        sample_rate_hz: The bot's.
        metrics: The process's.
    """

    def __init__(
        self,
        inbound: Inbound,
        outbound: Outbound,
        sample_rate_hz: int,
        metrics: Metrics,
    ) -> None:
        self.latencies_s: dict[str, collections.deque[float]] = {}
        """The last ones of each stage."""
        self._inbound = inbound
        self._outbound = outbound
        self._rate_hz = sample_rate_hz
        self._metrics = metrics
        self._dropped_samples = 0

    @property
    def underruns(self) -> int:
        """How often the far end ran dry in mid-speech."""
        return self._outbound.underruns

    @property
    def dropped_s(self) -> float:
        """How much audio the bot did not read in time."""
        return self._inbound.dropped_samples / self._rate_hz

    def measured(self, stage: str, seconds: float) -> None:
        """Note how long a stage of an answer took."""
        self._metrics.response(stage, seconds)
        kept = self.latencies_s.setdefault(stage, collections.deque(maxlen=MOST_KEPT))
        kept.append(seconds)

    def count_dropped(self) -> bool:
        """Count what was dropped, in frames; whether it is the first time."""
        is_first = not self._dropped_samples
        frame = self._rate_hz // 50
        frames = -((self._dropped_samples - self._inbound.dropped_samples) // frame)
        self._metrics.frames_dropped += frames
        self._dropped_samples += frames * frame
        return is_first
