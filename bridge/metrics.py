"""What is counted, under the names that dashboards depend on.

The hot path adds to plain numbers; they become Prometheus samples when asked for.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from prometheus_client import (
    CollectorRegistry,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

__all__ = ["CONTENT_TYPE", "Metrics"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

RESPONSE_BUCKETS_S = (
    0.1,
    0.2,
    0.3,
    0.4,
    0.5,
    0.6,
    0.7,
    0.8,
    1.0,
    1.25,
    1.5,
    2.0,
    3.0,
    5.0,
    10.0,
)

LATE_BUCKETS_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)


ENDS = (
    *("bot_error", "bot_finished", "broken", "closed", "hangup", "operator"),
    *("replaced", "server", "stop", "unreadable", "wrong_mpc"),
)
"""How streams end."""

REFUSALS = (
    *("account", "address", "again_and_again", "draining", "forbidden", "full"),
    *("handshakes", "head", "not_found", "token", "unauthorized", "url", "waiting"),
)
"""Why upgrades, connections and streams are refused."""


class Metrics(Collector):
    """The counts of one process."""

    def __init__(self) -> None:
        self.streams_active = 0
        self.streams_max = 0
        """So many may be; 0 where nobody says."""
        self.bots: tuple[str, ...] = ()
        """Those in service, so that what they have not done yet is shown as 0."""
        self.streams_ended: Counter[str] = Counter()
        self.streams_refused: Counter[str] = Counter()
        self.streams_resumed = 0
        self.frames_received = 0
        self.frames_sent = 0
        self.frames_dropped = 0
        self.gaps: Counter[str] = Counter()
        self.underruns = 0
        self.stalls = 0
        self.stale_acks = 0
        self.stream_errors = 0
        self.turns_lost = 0
        self.bot_errors: Counter[str] = Counter()
        self.fallbacks: Counter[str] = Counter()
        self.fleet_connected: bool | None = None
        """Whether Redis is there; None where no fleet was asked for."""
        self.fleet_instances = 0
        self.fleet_outages = 0
        self.fleet_calls_lost = 0
        self.fleet_callbacks: Counter[str] = Counter()
        self.fleet_questions: Counter[str] = Counter()
        self.registry = CollectorRegistry()
        self.expose: Callable[[CollectorRegistry], bytes] = generate_latest
        """Makes text of them; of those of other processes too, where there are some."""
        self._late = Histogram(
            "bridge_frames_late_seconds",
            "How long after its deadline a paced frame left",
            buckets=LATE_BUCKETS_S,
            registry=self.registry,
        )
        self._response = Histogram(
            "bridge_response_seconds",
            "From the last sample of the caller's speech to a stage of the answer",
            labelnames=["stage"],
            buckets=RESPONSE_BUCKETS_S,
            registry=self.registry,
        )
        self.registry.register(self)
        # CPU, memory and open files of the process, where /proc has them.
        ProcessCollector(registry=self.registry)

    def frame_late(self, late_s: float) -> None:
        """Note how long after its deadline a frame left; early ones were on time."""
        self._late.observe(max(0.0, late_s))

    def response(self, stage: str, seconds: float) -> None:
        """Note how long after the caller's last sample a stage was reached."""
        self._response.labels(stage).observe(max(0.0, seconds))

    def turn_lost(self) -> None:
        """Note a turn that could not be written down."""
        self.turns_lost += 1

    def exposition(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return self.expose(self.registry)

    def collect(self) -> Iterator[Metric]:
        """Turn the numbers into samples; for Prometheus' registry."""
        yield GaugeMetricFamily(
            "bridge_streams_active", "Streams that carry a call", self.streams_active
        )
        yield GaugeMetricFamily(
            "bridge_streams_max", "As many as may be open at a time", self.streams_max
        )
        yield GaugeMetricFamily(
            "bridge_tasks", "Tasks of the event loop; some for each call", _tasks()
        )
        for name, text, count in (
            ("streams_resumed", "Calls that went on elsewhere", self.streams_resumed),
            ("frames_received", "Frames from the far end", self.frames_received),
            ("frames_sent", "Frames to the far end", self.frames_sent),
            (
                "frames_dropped",
                "Frames a bot did not read in time",
                self.frames_dropped,
            ),
            ("playback_underruns", "Far end ran dry in mid-speech", self.underruns),
            ("stalls", "Times all calls stood still long enough to hear", self.stalls),
            ("stale_acks", "Checkpoints back unexpectedly", self.stale_acks),
            (
                "transcript_turns_lost",
                "Turns that could not be written",
                self.turns_lost,
            ),
            ("stream_errors", "Messages that broke the protocol", self.stream_errors),
        ):
            yield CounterMetricFamily(f"bridge_{name}", text, count)
        yield _labelled(
            "streams", "Streams by how they ended", "end", self.streams_ended, ENDS
        )
        yield _labelled(
            "streams_refused",
            "Refused: upgrades, connections, streams",
            "why",
            self.streams_refused,
            REFUSALS,
        )
        yield _labelled("gaps", "Irregularities of numbering", "kind", self.gaps)
        yield _labelled(
            "bot_errors", "Calls a bot failed in", "bot", self.bot_errors, self.bots
        )
        yield _labelled(
            "fallbacks", "Calls a fallback took over", "bot", self.fallbacks, self.bots
        )
        if self.fleet_connected is not None:
            yield from self._of_fleet(is_connected=self.fleet_connected)

    def _of_fleet(self, *, is_connected: bool) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            "bridge_fleet_connected", "Whether Redis is there", int(is_connected)
        )
        yield GaugeMetricFamily(
            "bridge_fleet_instances",
            "Instances, at the last beat",
            self.fleet_instances,
        )
        for name, text, count in (
            ("outages", "How often Redis went away", self.fleet_outages),
            (
                "calls_lost",
                "Calls of other instances that this one found gone",
                self.fleet_calls_lost,
            ),
        ):
            yield CounterMetricFamily(f"bridge_fleet_{name}", text, count)
        yield _labelled(
            "fleet_callbacks",
            "Callbacks between instances",
            "how",
            self.fleet_callbacks,
        )
        yield _labelled(
            "fleet_questions",
            "Questions to other instances",
            "answer",
            self.fleet_questions,
        )


def _tasks() -> int:
    try:
        return len(asyncio.all_tasks())
    except RuntimeError:  # Asked from outside of a loop.
        return 0


def _labelled(
    name: str, text: str, label: str, counts: Counter[str], known: Sequence[str] = ()
) -> CounterMetricFamily:
    """A counter by label.

    Known values are there from the beginning, as 0: of one that first shows as 1,
    Prometheus does not see that it has grown.
    """
    family = CounterMetricFamily(f"bridge_{name}", text, labels=[label])
    for value in sorted({*known, *counts}):
        family.add_metric([value], counts[value])
    return family
