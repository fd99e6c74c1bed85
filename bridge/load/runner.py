"""A plan, carried out: shares to workers, seconds together, a report at the end."""

import asyncio
import datetime
import importlib
import os
import platform
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from importlib.metadata import version
from typing import Any, Protocol

from bridge.errors import ConfigError, UnavailableError
from bridge.load.arrivals import step_of
from bridge.load.catalogue import check_name, figures_of
from bridge.load.figures import Tally
from bridge.load.plan import Plan, Steps
from bridge.load.processes import Processes
from bridge.load.report import Report, report_of, second_of
from bridge.load.seconds import Second
from bridge.load.sounds import read_files
from bridge.load.thresholds import Threshold
from bridge.load.watch import Meter, watching
from bridge.load.worker import Share
from bridge.tasks import background

__all__ = ["Crew", "run"]

STEP_BOUNDS = ("underruns_per_minute > 0.5", "calls_failed > 0")
"""What ends `steps` where the plan names nothing."""

HOPELESS_AFTER_S = 4
"""A server that nobody could reach until then is not there."""

Told = Callable[[dict[str, Any]], None]


class Crew(Protocol):
    """Workers, wherever they are."""

    async def run(self) -> list[dict[str, Any]]:
        """Run all shares; returns their outcomes."""
        ...

    def stop(self) -> None:
        """Ask all to end now."""


Hire = Callable[
    [Sequence[Share], Callable[[int, Second], None]], AbstractAsyncContextManager[Crew]
]


async def run(  # noqa: PLR0913 - a plan, and where it is run
    plan: Plan,
    *,
    processes: int = 1,
    engine: str = "processes",
    server_pid: int | None = None,
    server_metrics: str | None = None,
    on_second: Told = lambda _second: None,
    until: asyncio.Event | None = None,
) -> Report:
    """Carry out a plan.

    Args:
        plan: Who calls, when, and what they do.
        processes: How many workers share the calls.
        engine: `processes` of this machine, or `ray`.
        server_pid: The server's process, where it is on this machine.
        server_metrics: The URL of its Prometheus metrics, elsewhere.
        on_second: Told of each second, as it will stand in the report's timeline.
        until: Ends the run early when it is set; what was measured is reported.

    Raises:
        ConfigError: If a file, a figure or a process is not there.
        UnavailableError: If nobody could reach the server.
    """
    if isinstance(plan.arrivals, Steps) and not plan.fail_if:
        bounds = tuple(Threshold.parse(each) for each in STEP_BOUNDS)
        plan = plan.model_copy(update={"fail_if": bounds})
    for threshold in plan.fail_if:
        check_name(threshold.figure)
    read = read_files(plan)
    watch = watching(server_pid, server_metrics)
    shares = [Share.of(plan, place, processes, read) for place in range(processes)]
    began_at = datetime.datetime.now(datetime.UTC)
    timeline = _Timeline(plan, processes, Meter(watch), on_second)
    async with _hire(engine)(shares, timeline.take) as crew:
        timeline.stop = crew.stop
        async with background(timeline=timeline.run()) as spawn:
            if until is not None:
                spawn("until", _stop_when(until, crew))
            outcomes = await crew.run()
            await timeline.is_complete()
    if timeline.failure is not None:
        raise UnavailableError("open a stream", None, timeline.failure)
    report = report_of(
        plan,
        Tally.sum(Tally.unpacked(outcome["tally"]) for outcome in outcomes),
        [stream for outcome in outcomes for stream in outcome["streams"]],
        timeline.seconds,
    )
    report.tool = f"mpc-bridge {version('mpc-bridge')}"
    report.began_at = began_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    report.machine = {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "processes": processes,
        "engine": engine,
    }
    if "connect_ms" not in report.histograms:
        reason = next(iter(report.closes), "no call was made")
        raise UnavailableError("open a stream", None, reason)
    if watch is not None and "server_cpu_cores" not in report.figures:
        report.notes.append("the server's CPU and memory could not be read")
    if until is not None and until.is_set():
        report.is_cut_short = True
        lasted, planned = len(timeline.seconds), plan.lasts_s
        report.notes.append(f"ended early, after {lasted} of {planned:g} s")
    elif isinstance(plan.arrivals, Steps):
        timeline.conclude(report)
    return report


async def _stop_when(until: asyncio.Event, crew: Crew) -> None:
    await until.wait()
    crew.stop()


def _hire(engine: str) -> Hire:
    if engine == "processes":
        return Processes
    if engine == "ray":
        hire: Hire = importlib.import_module("bridge.load.on_ray").OnRay
        return hire
    raise ConfigError(f"engine: {engine!r}, allowed are processes and ray")


class _Timeline:
    """Puts the workers' seconds together."""

    def __init__(self, plan: Plan, places: int, meter: Meter, on_second: Told) -> None:
        self.seconds: list[dict[str, Any]] = []
        self.stop: Callable[[], None] = lambda: None
        self._plan = plan
        self._places = places
        self._meter = meter
        self._on_second = on_second
        self._waiting: dict[int, list[Second]] = defaultdict(list)
        self._whole: asyncio.Queue[list[Second]] = asyncio.Queue()
        self._step = Tally()
        self._judged: list[dict[str, Any]] = []
        self._carried = 0
        self._broken: list[str] = []
        self.failure: str | None = None
        """Why nobody could reach the server, if nobody could."""

    def take(self, _place: int, second: Second) -> None:
        """Take a second of a worker."""
        waiting = self._waiting[second.number]
        waiting.append(second)
        if len(waiting) == self._places:
            self._whole.put_nowait(self._waiting.pop(second.number))

    async def run(self) -> None:
        """Make the timeline, until cancelled."""
        await self._meter.second()
        while True:
            parts = await self._whole.get()
            tally = Tally.sum(Tally.unpacked(part.tally) for part in parts)
            streams = sum(part.streams for part in parts)
            second = second_of(parts[0].number, streams, tally)
            second["own_cpu_cores"] = sum(part.cpu_cores for part in parts)
            second["busiest_cores"] = max(part.cpu_cores for part in parts)
            second["own_memory_mb"] = sum(part.memory_mb for part in parts)
            second |= await self._meter.second()
            self.seconds.append(second)
            self._give_up(parts)
            self._on_second(second)
            if isinstance(self._plan.arrivals, Steps):
                self._judge_step(self._plan.arrivals, parts[0].number, tally)
            self._whole.task_done()

    def _give_up(self, parts: list[Second]) -> None:
        """End a run whose server none of the workers could reach in good time."""
        failures = [part.failure for part in parts if part.failure is not None]
        if len(failures) == len(parts) and len(self.seconds) >= HOPELESS_AFTER_S:
            self.failure = failures[0]
            self.stop()

    async def is_complete(self) -> None:
        """Wait until every second that has come is in it."""
        await self._whole.join()

    def _judge_step(self, steps: Steps, number: int, tally: Tally) -> None:
        """End the run at the first step that breaks a threshold of the plan."""
        into_s = number % steps.hold_s
        if into_s >= steps.hold_s / 4:
            self._step.add(tally)
            self._judged.append(self.seconds[-1])
        if step_of(steps, number + 1) == step_of(steps, number):
            return
        figures = figures_of(self._step, [], self._judged)
        streams = self.seconds[-1]["streams"]
        broken = [
            f"{each} at {streams} streams"
            for each in self._plan.fail_if
            if each.figure in figures and each.is_met_by(figures[each.figure])
        ]
        if not (broken or self._broken):
            self._carried = streams
        elif not self._broken:
            self._broken = broken
            self.stop()
        self._step, self._judged = Tally(), []

    def conclude(self, report: Report) -> None:
        """Say how far the steps went; that they broke something is no failure."""
        report.thresholds = []
        report.figures["streams_carried"] = self._carried
        report.notes += self._broken or ["no step broke a threshold"]
