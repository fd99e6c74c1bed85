"""One run of one server."""

import asyncio
import dataclasses
import resource
import time
from typing import Any

import uvloop

from benchmarks.servers import bare_callers
from benchmarks.servers.contestants import Contestant
from benchmarks.servers.process import Server, cpu_s, running
from bridge.load import Constant, Plan, run

__all__ = ["Run", "measure"]

SETTLING_S = 2
"""Connecting, and the first second of all streams, are not what a stream costs."""


@dataclasses.dataclass(frozen=True)
class Run:
    """What one came to."""

    streams: int
    cpu_ms: float
    """Of the server, for a second of a stream."""
    server_cores: float
    p50_ms: float
    """Of the round trip: what the far end's queue adds is not in it."""
    p99_ms: float
    lost_frames: int
    mouth_to_ear_ms: float | None
    underruns: int | None
    memory_mb: float
    """Of the server, at the end."""
    late_ms: float
    """Of the callers' own frames, p99."""
    callers_cores: float


def measure(contestant: Contestant, streams: int, seconds: float) -> Run:
    """Start a server, load it, stop it.

    Raises:
        RuntimeError: If it does not come up.
        UnavailableError: If nobody can call it.
    """
    loaded = _bare if contestant.is_bare else _loaded
    with (
        running(contestant) as server,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        return runner.run(loaded(server, contestant, streams, seconds))


async def _bare(server: Server, _: Contestant, streams: int, seconds: float) -> Run:
    own_s, began_s = _own_cpu_s(), time.perf_counter()
    tally, cores, lost = await bare_callers.call(
        server.port, streams, seconds, lambda: cpu_s(server.pid)
    )
    own_s, lasted_s = _own_cpu_s() - own_s, time.perf_counter() - began_s
    trips = tally.histograms["round_trip_ms"]
    return Run(
        streams=streams,
        cpu_ms=cores * 1000 / streams,
        server_cores=cores,
        p50_ms=trips.percentile_ms(50),
        p99_ms=trips.percentile_ms(99),
        lost_frames=lost,
        mouth_to_ear_ms=None,
        underruns=None,
        memory_mb=server.memory_mb,
        late_ms=tally.histograms["own_late_ms"].percentile_ms(99),
        callers_cores=own_s / lasted_s,
    )


async def _loaded(
    server: Server, contestant: Contestant, streams: int, seconds: float
) -> Run:
    readings: list[tuple[float, float]] = []

    def told(second: dict[str, Any]) -> None:
        # Not after the calls: those who don't hang up have none of the work then.
        is_within = SETTLING_S <= second["at_s"] <= SETTLING_S + seconds
        if second["streams"] >= streams and is_within:
            readings.append((time.perf_counter(), cpu_s(server.pid)))

    plan = Plan(
        url=server.url,
        duration_s=seconds + SETTLING_S,
        content_type=contestant.content_type,
        arrivals=Constant(streams=streams, per_s=max(50.0, streams * 1.1)),
    )
    report = await run(plan, on_second=told)
    if len(readings) < 2:
        failed = report.figures["calls_failed"]
        raise RuntimeError(f"{contestant.name}: {failed:.0f} of {streams} calls failed")
    lasted_s = readings[-1][0] - readings[0][0]
    cores = (readings[-1][1] - readings[0][1]) / lasted_s
    figures = report.figures
    return Run(
        streams=streams,
        cpu_ms=cores * 1000 / streams,
        server_cores=cores,
        p50_ms=figures["round_trip_p50_ms"],
        p99_ms=figures["round_trip_p99_ms"],
        lost_frames=int(figures["lost_frames"]),
        mouth_to_ear_ms=figures["mouth_to_ear_p50_ms"],
        underruns=int(figures["underruns"]),
        memory_mb=server.memory_mb,
        late_ms=figures["own_late_p99_ms"],
        callers_cores=figures["own_cpu_cores"],
    )


def _own_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
