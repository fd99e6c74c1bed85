"""What is known of one stream of a run."""

import collections
import dataclasses
import statistics
from array import array
from typing import Any

from bridge.load.figures import Histogram, Tally
from bridge.load.playout import Gap

__all__ = ["Record"]

LEAST_DELAYS = 8
"""Marks that must have come back for a drift to be told."""

MOST_KINDS = 50
"""Of violations; a server that invents events invents many."""

LEAST_STREAM_S = 2.0
"""A shorter call may end before an answer."""

KEPT_RAW = 3000
"""Times between messages that are kept as they are, before they are packed."""

GAPS_KEPT = 1000
"""Gaps whose place is remembered; all are counted."""


@dataclasses.dataclass(slots=True)
class Record:
    """The facts about one call, noted for itself and for the whole.

    Args:
        number: Of the call.
        caller: The kind of caller.
        tally: Of all calls.
        origin_s: The beginning of the run, on the clock of all times here.
    """

    number: int
    caller: str
    tally: Tally
    origin_s: float
    began_s: float = 0.0
    ended_s: float = 0.0
    end: str = ""
    is_failed: bool = False
    counts: collections.Counter[str] = dataclasses.field(
        default_factory=collections.Counter
    )
    times_ms: dict[str, list[float]] = dataclasses.field(default_factory=dict)
    inter_arrival: Histogram = dataclasses.field(default_factory=lambda: Histogram(2))
    underruns_at: list[tuple[float, float]] = dataclasses.field(default_factory=list)
    violations: collections.Counter[str] = dataclasses.field(
        default_factory=collections.Counter
    )
    delays: list[tuple[float, float]] = dataclasses.field(default_factory=list)
    """When a mark was sent, and its round trip; for the drift of the server's clock."""
    has_answer: bool = False
    """Whether the server sent audio, on any of its sockets."""
    # What happens fifty times a second is noted here, and counted by `settle`.
    frames_sent: int = 0
    messages_received: int = 0
    audio_received_s: float = 0.0
    inter_arrivals_s: "array[float]" = dataclasses.field(
        default_factory=lambda: array("d")
    )
    _told: int = 0

    def count(self, name: str, number: float = 1) -> None:
        """Add to a count."""
        self.counts[name] += number  # type: ignore[assignment]
        self.tally.count(name, number)

    def time(self, name: str, seconds: float) -> None:
        """Note a time."""
        self.times_ms.setdefault(name, []).append(seconds * 1000)
        self.tally.record(name, seconds)

    def settle(self) -> None:
        """Count what was noted since the last time; to be done about every second."""
        for name in ("frames_sent", "messages_received", "audio_received_s"):
            if noted := getattr(self, name):
                self.count(name, noted)
                setattr(self, name, 0)
        new = self.inter_arrivals_s[self._told :]
        self.tally.gather("inter_arrival_ms", new)
        self._told += len(new)
        if self._told > KEPT_RAW:
            self._pack()

    def note_answer(self) -> None:
        """Count a call, at its end, in which nothing was heard."""
        is_long = self.counts["stream_s"] >= LEAST_STREAM_S
        self.count("unanswered_calls", int(is_long and not self.has_answer))

    def underran(self, gap: Gap) -> None:
        """Note that nothing was heard for a while."""
        self.count("underruns")
        self.count("underrun_s", gap.length_s)
        self.tally.record("underrun_ms", gap.length_s)
        if len(self.underruns_at) < GAPS_KEPT:
            self.underruns_at.append((gap.start_s - self.origin_s, gap.length_s))

    def violated(self, what: str) -> None:
        """Note that the server broke the protocol."""
        kind = what if len(self.violations) < MOST_KINDS else "others"
        self.violations[kind] += 1
        self.count("violations")

    def _pack(self) -> None:
        self.inter_arrival.record_all(self.inter_arrivals_s)
        del self.inter_arrivals_s[:]
        self._told = 0

    def document(self) -> dict[str, Any]:
        """As JSON; times of the run in seconds, the rest as their names say."""
        self.settle()
        self._pack()
        document: dict[str, Any] = {
            "number": self.number,
            "caller": self.caller,
            "began_s": round(self.began_s, 3),
            "ended_s": round(self.ended_s, 3),
            "end": self.end,
            "is_failed": self.is_failed,
        }
        for name, times in self.times_ms.items():
            stem = name.removesuffix("_ms")
            if stem in ("connect", "first_audio"):
                document[name] = round(times[0], 3)
                continue
            document[f"{stem}_p50_ms"] = round(statistics.median(times), 3)
            document[f"{stem}_max_ms"] = round(max(times), 3)
        if len(self.inter_arrival):
            p99_ms = self.inter_arrival.percentile_ms(99)
            document["inter_arrival_p99_ms"] = round(p99_ms, 3)
            document["inter_arrival_max_ms"] = round(self.inter_arrival.max_ms, 3)
        document |= {name: round(number, 6) for name, number in self.counts.items()}
        document["underruns_at"] = [
            (round(start_s, 3), round(length_s, 4))
            for start_s, length_s in self.underruns_at
        ]
        if (drift := self._drift_percent()) is not None:
            document["drift_percent"] = round(drift, 4)
        if self.violations:
            document["broke"] = dict(self.violations)
        return document

    def _drift_percent(self) -> float | None:
        """How much slower than real time the server answers."""
        half = len(self.delays) // 2
        if len(self.delays) < LEAST_DELAYS:
            return None
        # The median of slopes, each over half the call: a stall bends few of them.
        pairs = zip(self.delays, self.delays[half:], strict=False)
        slopes = [(late - early) / (then - now) for (now, early), (then, late) in pairs]
        return 100 * statistics.median(slopes)
