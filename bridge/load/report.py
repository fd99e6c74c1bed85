"""What a run showed: a document that is kept, compared and drawn."""

from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

from bridge.errors import ConfigError
from bridge.load.caller_plan import Trouble
from bridge.load.catalogue import figures_of
from bridge.load.figures import Histogram, Tally
from bridge.load.plan import Constant, Limits, Plan
from bridge.load.thresholds import Threshold

__all__ = ["Checked", "Report", "read", "report_of", "reservations"]

VERSION = 1

BUSY_SHARE = 0.05
"""So many of its seconds a worker may be too busy."""

SECRET = {"token", "auth_token", "headers", "extra_headers"}

COUNTED_OVER_TIME = ("underruns", "underrun_s", "calls_failed", "violations")


class Checked(msgspec.Struct):
    """A threshold, and whether the run failed it."""

    text: str
    value: float | None
    """None where it was not measured: that is a failure, too."""
    failed: bool


class Report(msgspec.Struct):
    """One run.

    Its figures are explained by `bridge.load.catalogue.FIGURES`.
    """

    tool: str
    url: str
    began_at: str
    lasted_s: float
    plan: dict[str, Any]
    machine: dict[str, Any]
    figures: dict[str, float]
    histograms: dict[str, dict[str, Any]]
    """Percentiles in ms, the curve, and HdrHistogram's own encoding."""
    timeline: list[dict[str, Any]]
    """Second by second."""
    streams: list[dict[str, Any]]
    """One by one."""
    violations: dict[str, int]
    closes: dict[str, int]
    unreliable_because: list[str] = []
    thresholds: list[Checked] = []
    notes: list[str] = []
    """What a reader should know."""
    is_cut_short: bool = False
    """Whether it was ended before its time."""
    version: int = VERSION

    @property
    def is_reliable(self) -> bool:
        """Whether the run measured the server, not its own machine."""
        return not self.unreliable_because

    @property
    def has_failed(self) -> bool:
        """Whether a threshold was broken."""
        return any(each.failed for each in self.thresholds)

    def encoded(self) -> bytes:
        """As JSON."""
        return msgspec.json.encode(self)

    def histogram(self, name: str) -> Histogram:
        """One of the histograms, whole."""
        return Histogram.decoded(self.histograms[name]["encoded"])


def read(path: Path) -> Report:
    """Read a report that was saved.

    Raises:
        ConfigError: If it cannot be read, or is none.
    """
    try:
        report = msgspec.json.decode(path.read_bytes(), type=Report)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise ConfigError(f"{path}: no report of a load run: {error}") from error
    if report.version != VERSION:
        raise ConfigError(
            f"{path}: a report of version {report.version}, allowed is {VERSION}"
        )
    return report


def report_of(
    plan: Plan,
    tally: Tally,
    streams: list[dict[str, Any]],
    timeline: list[dict[str, Any]],
) -> Report:
    """Make a report of what the workers brought; who and where is the caller's."""
    figures = figures_of(tally, streams, timeline)
    return Report(
        tool="",
        url=plan.shown_url,
        began_at="",
        lasted_s=float(len(timeline)),
        plan=plan.model_dump(mode="json", exclude=SECRET) | {"url": plan.shown_url},
        machine={},
        figures=figures,
        histograms={
            name: histogram.summary() for name, histogram in tally.histograms.items()
        },
        timeline=timeline,
        streams=sorted(streams, key=lambda each: int(each["number"])),
        violations=_sum_of(streams, "broke"),
        closes=dict(Counter(str(each["end"]) for each in streams)),
        unreliable_because=reservations(figures, timeline, plan.limits),
        thresholds=[_checked(each, figures) for each in plan.fail_if],
        notes=_notes(plan, figures),
    )


def reservations(
    figures: dict[str, float], timeline: list[dict[str, Any]], limits: Limits
) -> list[str]:
    """Why a run is not to be believed."""
    reasons = []
    late_ms = figures.get("own_late_p99_ms", 0.0)
    if late_ms > limits.late_p99_ms:
        reasons.append(
            f"own frames left {late_ms:.1f} ms late (p99), allowed are "
            f"{limits.late_p99_ms:g}: give the callers more processes or cores"
        )
    busy = [each for each in timeline if each["busiest_cores"] > limits.cpu_cores]
    if len(busy) > BUSY_SHARE * len(timeline):
        reasons.append(
            f"in {len(busy)} of {len(timeline)} seconds a process of callers used "
            f"more than {limits.cpu_cores:g} of its core"
        )
    if not figures.get("frames_sent"):
        reasons.append("no frame was sent")
    return reasons


def second_of(number: int, streams: int, tally: Tally) -> dict[str, Any]:
    """A second of the timeline."""
    second: dict[str, Any] = {"at_s": number + 1, "streams": streams}
    for name in COUNTED_OVER_TIME:
        second[name] = tally.counts.get(name, 0)
    for name in ("round_trip", "response"):
        for percentile in (50, 99):
            value_ms = tally.percentile_ms(f"{name}_ms", percentile)
            if value_ms is not None:
                second[f"{name}_p{percentile}_ms"] = value_ms
    second["own_late_p99_ms"] = tally.percentile_ms("own_late_ms", 99) or 0.0
    return second


def _checked(threshold: Threshold, figures: dict[str, float]) -> Checked:
    value = figures.get(threshold.figure)
    failed = value is None or threshold.is_met_by(value)
    return Checked(str(threshold), value, failed)


def _sum_of(streams: list[dict[str, Any]], name: str) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for each in streams:
        counts.update(each.get(name, {}))
    return dict(counts.most_common())


def _notes(plan: Plan, figures: dict[str, float]) -> list[str]:
    notes = []
    if figures.get("marks_lost") and "round_trip_p50_ms" not in figures:
        notes.append(
            "nothing of what was sent came back: the server is no echo, so there is no "
            "round trip; a caller's script measures response times instead"
        )
    echoing = [each for each in plan.callers if not each.script]
    if echoing and not figures.get("marks_sent") and figures.get("frames_sent"):
        notes.append(
            "what callers sent is too short, too quiet or no sound: there was nothing "
            "to be looked for in the answers, so there is no round trip"
        )
    if isinstance(plan.arrivals, Constant):
        streams, peak = plan.arrivals.streams, figures["streams_peak"]
        if peak < streams:
            notes.append(f"at most {peak:.0f} of {streams} streams were open")
    troubles = [caller.trouble for caller in plan.callers]
    if any(trouble != Trouble() for trouble in troubles):
        notes.append(
            "callers were given trouble on purpose: frames they lost or spoiled are "
            "among those lost, and some underruns are their own"
        )
    return notes
