"""How many streams one core carries: trials with more and more, until something breaks."""

import asyncio
import dataclasses
import math

import uvloop

from benchmarks.servers.contestants import Contestant
from benchmarks.servers.process import running
from benchmarks.servers.results import Part
from bridge.load import Constant, Plan, run
from bridge.load.capacity import Capacity, Trial, find_capacity
from bridge.load.plan import Limits
from bridge.load.report import Report

__all__ = ["carried"]

MOST_P99_MS = 20.0
"""Of the round trip; beyond the median of the first trial, where a server is later by
design."""

SOON_MS = 10.0
"""Who answers later than this, alone, is later by design."""

UNDERRUNS_PER_MINUTE = 0.5
"""Of a stream; fewer may be the machine's."""

SURE = 1.645

MOST_LATE_MS = 10.0
"""Of the callers. Round trips begin when a frame has left, however late that was."""

MOST_TRIALS = 12

FIRST = 20


@dataclasses.dataclass
class _Judge:
    """Says what a trial broke; remembers what the first took."""

    allowed_ms: float | None = None
    broke: str = ""
    late_ms: float = 0.0
    callers_cores: float = 0.0

    def broken(self, report: Report) -> tuple[str, ...]:
        figures = report.figures
        if self.allowed_ms is None:
            alone_ms = figures.get("round_trip_p50_ms", 0.0)
            by_design_ms = alone_ms if alone_ms > SOON_MS else 0.0
            self.allowed_ms = by_design_ms + MOST_P99_MS
        found = []
        if figures["calls_failed"]:
            found.append("calls failed")
        least = figures["underruns"] - SURE * math.sqrt(figures["underruns"])
        if least * 60 > UNDERRUNS_PER_MINUTE * figures["stream_s"]:
            found.append("underruns")
        if figures.get("round_trip_p99_ms", math.inf) > self.allowed_ms:
            found.append(f"p99 > {self.allowed_ms:.0f} ms")
        if found and report.is_reliable:
            self.broke = " and ".join(found)
        self.late_ms = max(self.late_ms, figures["own_late_p99_ms"])
        self.callers_cores = max(self.callers_cores, figures["own_cpu_cores"])
        return tuple(found)


def _unbroken(found: Capacity) -> str:
    if all(trial.is_reliable for trial in found.trials):
        return "nothing"
    return "nothing; callers were late"


def carried(contestant: Contestant, most: int, seconds: float) -> Part:
    """Look for the most streams that a server carries on its core.

    Args:
        contestant: Who; not the bare echo, which knows no calls.
        most: Streams of the largest trial.
        seconds: Of each trial.
    """
    judge = _Judge()
    with (
        running(contestant) as server,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):

        async def attempt(streams: int) -> Trial:
            plan = Plan(
                url=server.url,
                duration_s=seconds,
                content_type=contestant.content_type,
                arrivals=Constant(streams=streams, per_s=max(50.0, streams / 2)),
                limits=Limits(late_p99_ms=MOST_LATE_MS),
            )
            report = await run(plan, server_pid=server.pid)
            broken = judge.broken(report)
            cores = report.figures.get("server_cpu_cores")
            return Trial(streams, broken, report.is_reliable, cores)

        found = runner.run(find_capacity(attempt, FIRST, most, MOST_TRIALS))
    return {
        "name": contestant.name,
        "likely": found.likely,
        "lowest": found.lowest,
        "highest": found.highest,
        "broke": judge.broke or _unbroken(found),
        "late_ms": judge.late_ms,
        "callers_cores": judge.callers_cores,
        "trials": [[trial.streams, *trial.broken] for trial in found.trials],
    }
