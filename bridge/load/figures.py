"""Counts and histograms of a run, recorded in workers and merged afterwards.

The histograms are HdrHistogram's (three significant digits, nothing cut off below an
hour), so percentiles of several workers, or of several runs, can be added up.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np
from hdrh.histogram import HdrHistogram

__all__ = ["HISTOGRAMS", "Histogram", "Tally"]

LONGEST_US = 3_600_000_000
DIGITS = 3
KEPT_BITS = 10

HISTOGRAMS: Mapping[str, str] = {
    "connect_ms": "from the first SYN to the end of the upgrade",
    "first_audio_ms": "from the upgrade to the first message of audio",
    "round_trip_ms": "from a mark's frame being sent to the mark being back; "
    "what the far end's queue adds is not in it",
    "mouth_to_ear_ms": "from a mark being said to it being heard: a frame, the round "
    "trip, and all that is queued before it",
    "response_ms": "from the last audible sample of a caller's speech to the first "
    "audible one they hear",
    "barge_in_ms": "from the first audible sample of an interruption to the bot's last",
    "inter_arrival_ms": "between two messages of audio",
    "underrun_ms": "how long nothing was heard where something should have been",
    "own_late_ms": "how late our own frames left",
}
"""Every histogram, and what it measures."""


class Histogram:
    """Times, from a microsecond to an hour.

    Args:
        digits: How many are significant; two take a tenth of the memory of three.
    """

    def __init__(self, digits: int = DIGITS) -> None:
        self._hdr = HdrHistogram(1, LONGEST_US, digits)

    def __del__(self) -> None:
        # It and its encoder know each other, and would wait for the collector, which
        # callers keep from running.
        self._hdr.encoder = None

    def __len__(self) -> int:
        count: int = self._hdr.get_total_count()
        return count

    def record(self, seconds: float, count: int = 1) -> None:
        """Take a time; beyond an hour is an hour."""
        us = min(max(1, round(seconds * 1e6)), LONGEST_US)
        self._hdr.record_value(us, count)

    def record_all(self, seconds: Sequence[float]) -> None:
        """Take many times, each distinct one once: much cheaper than one by one."""
        us = np.clip(np.rint(np.asarray(seconds) * 1e6), 1, LONGEST_US).astype(np.int64)
        # What is alike to a thousandth is one value.
        shift = np.maximum(np.frexp(us)[1] - KEPT_BITS, 0)
        middle = (1 << shift) >> 1
        values, counts = np.unique(
            ((us >> shift) << shift) + middle, return_counts=True
        )
        for value, count in zip(values.tolist(), counts.tolist(), strict=True):
            self._hdr.record_value(value, count)

    def add(self, other: "Histogram") -> None:
        """Take all of another's times."""
        self._hdr.add(other._hdr)

    def percentile_ms(self, percentile: float) -> float:
        """The time that so many percent do not exceed."""
        return float(self._hdr.get_value_at_percentile(percentile)) / 1000

    @property
    def max_ms(self) -> float:
        """The longest."""
        return float(self._hdr.get_max_value()) / 1000 if len(self) else 0.0

    @property
    def mean_ms(self) -> float:
        """The mean."""
        return float(self._hdr.get_mean_value()) / 1000

    def encoded(self) -> str:
        """As HdrHistogram writes it, to be read by its tools in any language."""
        text: bytes = self._hdr.encode()
        return text.decode()

    @classmethod
    def decoded(cls, text: str) -> Self:
        """Read what `encoded` wrote."""
        histogram = cls()
        histogram._hdr.decode_and_add(text.encode())
        return histogram

    def summary(self) -> dict[str, Any]:
        """Percentiles in milliseconds, the curve of all of them, and the whole."""
        curve = [
            (level.percentile_level_iterated_to, level.value_iterated_to / 1000)
            for level in self._hdr.get_percentile_iterator(5)
        ]
        return {
            "count": len(self),
            "min": float(self._hdr.get_min_value()) / 1000 if len(self) else 0.0,
            "mean": self.mean_ms,
            "p50": self.percentile_ms(50),
            "p90": self.percentile_ms(90),
            "p99": self.percentile_ms(99),
            "p999": self.percentile_ms(99.9),
            "max": self.max_ms,
            "curve": curve,
            "encoded": self.encoded(),
        }


class Tally:
    """What was counted and timed, of one second or of a whole run."""

    def __init__(self) -> None:
        self.counts: dict[str, float] = {}
        self.histograms: dict[str, Histogram] = {}
        self._gathered: dict[str, list[float]] = {}

    def count(self, name: str, number: float = 1) -> None:
        """Add to a count."""
        self.counts[name] = self.counts.get(name, 0) + number

    def record(self, name: str, seconds: float, count: int = 1) -> None:
        """Add to a histogram."""
        if name not in self.histograms:
            self.histograms[name] = Histogram()
        self.histograms[name].record(seconds, count)

    def gather(self, name: str, seconds: Iterable[float]) -> None:
        """Add to a histogram when it is `settle`d: for what happens all the time."""
        self._gathered.setdefault(name, []).extend(seconds)

    def settle(self) -> None:
        """Add what was gathered."""
        for name, seconds in self._gathered.items():
            if name not in self.histograms:
                self.histograms[name] = Histogram()
            self.histograms[name].record_all(seconds)
        self._gathered = {}

    def add(self, other: "Tally") -> None:
        """Add another's counts and times."""
        for name, number in other.counts.items():
            self.count(name, number)
        for name, histogram in other.histograms.items():
            if name not in self.histograms:
                self.histograms[name] = Histogram()
            self.histograms[name].add(histogram)

    def reset(self) -> None:
        """Forget all."""
        self.counts = {}
        self.histograms = {}

    def percentile_ms(self, name: str, percentile: float) -> float | None:
        """Of a histogram; None where nothing was timed."""
        histogram = self.histograms.get(name)
        if histogram is None or not len(histogram):
            return None
        return histogram.percentile_ms(percentile)

    def packed(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "counts": self.counts,
            "histograms": {
                name: histogram.encoded()
                for name, histogram in self.histograms.items()
                if len(histogram)
            },
        }

    @classmethod
    def unpacked(cls, document: Mapping[str, Any]) -> Self:
        """Read what `packed` wrote."""
        tally = cls()
        tally.counts = dict(document["counts"])
        tally.histograms = {
            name: Histogram.decoded(text)
            for name, text in document["histograms"].items()
        }
        return tally

    @classmethod
    def sum(cls, tallies: Iterable["Tally"]) -> Self:
        """Add up."""
        whole = cls()
        for tally in tallies:
            whole.add(tally)
        return whole
