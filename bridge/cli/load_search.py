"""`mpc-bridge load --find-capacity`: trials, and what each of them has to hold."""

import asyncio
import math
from typing import Any

from bridge.cli import load_show
from bridge.errors import UnavailableError
from bridge.load.capacity import Capacity, Trial, find_capacity
from bridge.load.plan import Constant, Plan
from bridge.load.report import Report
from bridge.load.runner import run

__all__ = ["search"]

FIRST_STREAMS = 10

RISE_MS = 20.0
"""The 99th percentile of the round trip may be so much over that of the first trial."""

MOST_UNDERRUNS_PER_MINUTE = 0.5

SURE = 1.645
"""Standard deviations: beyond them a count is by chance one time in twenty."""

MEASURES = {"round_trip_p99_ms", "response_p99_ms"}

MUST_BE_ZERO = ("calls_failed", "unanswered_calls")


async def search(
    plan: Plan,
    most: int,
    setting: dict[str, Any],
    until: asyncio.Event,
    *,
    quiet: bool,
) -> tuple[Capacity, bool]:
    """Look for the capacity of a server; and whether delays were measured.

    Args:
        plan: Of each trial, but for its arrivals.
        most: Streams of the largest trial.
        setting: Where it runs, and whose CPU is measured.
        until: Ends the search when it is set; the trials made so far count.
        quiet: Whether trials are not shown.
    """
    bounds = _Bounds()

    async def attempt(streams: int) -> Trial:
        arrivals = Constant(streams=streams, per_s=max(50.0, streams / 2))
        trial_plan = plan.model_copy(update={"arrivals": arrivals})
        try:
            report = await run(trial_plan, **setting, until=until)
        except UnavailableError as error:
            if not bounds.has_passed:
                raise
            trial = Trial(streams, (f"gone: {error.detail}",), True, None)  # noqa: FBT003
            load_show.show_trial(trial, None, quiet=quiet)
            return trial
        cores = report.figures.get("server_cpu_cores")
        broken = bounds.broken(report)
        # A trial that was cut short says nothing, and ends the search.
        is_reliable = report.is_reliable and not until.is_set()
        trial = Trial(streams, broken, is_reliable, cores)
        load_show.show_trial(trial, report, quiet=quiet)
        return trial

    capacity = await find_capacity(attempt, min(FIRST_STREAMS, most), most)
    return capacity, bounds.has_measured


class _Bounds:
    """The plan's thresholds, or what any server has to hold."""

    def __init__(self) -> None:
        self.has_passed = False
        self.has_measured = False
        self.unloaded_ms: float | None = None

    def broken(self, report: Report) -> tuple[str, ...]:
        """Those that a trial broke."""
        broken = self._broken(report)
        self.has_measured |= not MEASURES.isdisjoint(report.figures)
        if not broken and report.is_reliable:
            self.has_passed = True
            if self.unloaded_ms is None:
                self.unloaded_ms = report.figures.get("round_trip_p99_ms")
        return tuple(broken)

    def _broken(self, report: Report) -> list[str]:
        if report.thresholds:
            return [each.text for each in report.thresholds if each.failed]
        figures = report.figures
        broken = [f"{name} > 0" for name in MUST_BE_ZERO if figures.get(name)]
        if "round_trip_p99_ms" in figures and figures.get("marks_lost"):
            broken.append("marks_lost > 0")
        least = figures["underruns"] - SURE * math.sqrt(figures["underruns"])
        if least * 60 > MOST_UNDERRUNS_PER_MINUTE * figures["stream_s"]:
            broken.append(f"underruns_per_minute > {MOST_UNDERRUNS_PER_MINUTE}")
        p99_ms = figures.get("round_trip_p99_ms", 0.0)
        most_ms = (self.unloaded_ms or math.inf) + RISE_MS
        if p99_ms > most_ms:
            broken.append(f"round_trip_p99_ms > {most_ms:.0f}")
        return broken
