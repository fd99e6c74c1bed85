"""Whether a server that runs for long stays as it was: calls come and go for an hour,
and memory, tasks, sockets, files and threads are watched. Exit code 1 if one leaks."""

import argparse
import asyncio
import contextlib
import dataclasses
import json
import os
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import psutil
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console
from rich.table import Table

from bridge.load import CallerPlan, Constant, Plan, run
from bridge.load.caller_plan import Listen, Press, Reconnect, Say, Trouble, Wait
from bridge.load.report import Report
from bridge.tasks import background

CALLS_S = (5.0, 60.0)
"""How long calls are."""

SETTLE_S = 15.0
"""So long the last calls may take to be gone."""

WARM_UP_SHARE = 0.25
WARM_UP_S = 300.0
"""What is not judged: a quarter of the run, or so long."""

MOST_GROWTH = 0.05
NOISE_MB = 2.0
"""Memory that goes up by a twentieth has a leak; in short runs, less is noise."""

FREE_GROWTH = {"files": 2, "sockets": 0, "tasks": 0, "threads": os.cpu_count() or 1}
"""How much more there may be of what is counted: threads of pools come when needed."""


def callers(calls_s: tuple[float, float]) -> tuple[CallerPlan, ...]:
    """All kinds of people: patient ones, and those whose network is bad."""
    script = (Say(audio="tones"), Press(keys="1#"), Listen(timeout_s=1.0))
    broken = (Wait(s=1.0), Reconnect(after_s=0.1), Wait(s=1.0))
    rough = Trouble(jitter_ms=30, loss_percent=1, malformed_percent=1)
    return (
        CallerPlan(name="steady", weight=6, call_s=calls_s),
        CallerPlan(name="scripted", weight=1, call_s=calls_s, script=script),
        CallerPlan(name="dropped", weight=1, call_s=calls_s, end="drop"),
        CallerPlan(name="reconnecting", weight=1, call_s=calls_s, script=broken),
        CallerPlan(name="rough", weight=1, call_s=calls_s, trouble=rough),
    )


@dataclasses.dataclass(frozen=True, slots=True)
class Sample:
    """What a process holds at one time."""

    at_s: float
    memory_mb: float
    files: int
    sockets: int
    threads: int
    tasks: int
    streams: int


class Served:
    """A server in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self.url = url
        self.samples: list[Sample] = []
        self._process = process
        self._meter = psutil.Process(process.pid)
        self._http = url.replace("ws://", "http://").partition("/stream")[0]
        self._began_s = asyncio.get_running_loop().time()

    @property
    def now_s(self) -> float:
        return asyncio.get_running_loop().time() - self._began_s

    async def sample(self) -> Sample:
        """Look at it now."""
        links = open_files(self._process.pid)
        sockets = sum(link.startswith("socket:") for link in links)
        async with httpx.AsyncClient(timeout=10) as client:
            answer = await client.get(f"{self._http}/metrics")
        values = {
            sample.name: sample.value
            for family in text_string_to_metric_families(answer.text)
            for sample in family.samples
        }
        sample = Sample(
            self.now_s,
            self._meter.memory_info().rss / 1e6,
            len(links) - sockets,
            sockets,
            self._meter.num_threads(),
            int(values["bridge_tasks"]),
            int(values["bridge_streams_active"]),
        )
        self.samples.append(sample)
        return sample

    async def idle(self) -> Sample:
        """Look at it when no call is left; the last to go is waited for."""
        due_s = self.now_s + SETTLE_S
        while (await self.sample()).streams and self.now_s < due_s:
            await asyncio.sleep(0.5)
        # Sockets that have said goodbye are gone a moment later.
        await asyncio.sleep(4.0)
        return await self.sample()

    async def stop(self) -> int:
        """End it as an operator does; returns its exit code."""
        self._process.terminate()
        try:
            async with asyncio.timeout(20):
                return await self._process.wait()
        except TimeoutError:
            self._process.kill()
            return await self._process.wait()


def open_files(pid: int) -> list[str]:
    """What a process has open, as the kernel names it."""
    links = []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):  # Closed in between.
            links.append(os.readlink(link))  # noqa: PTH115 - it is no path
    return links


async def serve(bot: str) -> Served:
    """Start the bridge."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bridge", "serve", "--port", "0", "--json"),
        *("--bot", bot, "--log-level", "error", "--drain-s", "2"),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    line = await process.stdout.readline()
    if not line:
        raise SystemExit("the server did not start")
    return Served(process, json.loads(line)["url"])


async def churn(
    served: Served, streams: int, seconds: float, calls_s: tuple[float, float]
) -> Report:
    """Let calls come and go, and look at the server all the while."""
    plan = Plan(
        url=served.url,
        duration_s=seconds,
        arrivals=Constant(streams=streams),
        callers=callers(calls_s),
    )

    async def watch() -> None:
        every_s = max(0.5, min(10.0, seconds / 120))
        while True:
            # A machine that is full answers late; one look less is no harm.
            with contextlib.suppress(httpx.TransportError):
                show(await served.sample(), seconds)
            await asyncio.sleep(every_s)

    async with background(watch=watch()):
        return await run(plan)


def show(sample: Sample, seconds: float) -> None:
    """A line that is written over."""
    print(
        f"\r{sample.at_s:6.0f} of {seconds:.0f} s  {sample.streams:4} streams  "
        f"{sample.memory_mb:7.1f} MB  {sample.tasks:5} tasks  "
        f"{sample.sockets:4} sockets  {sample.files:3} files",
        end="" if sys.stderr.isatty() else "\n",
        file=sys.stderr,
        flush=True,
    )


def memory_growth(samples: Sequence[Sample]) -> dict[str, float]:
    """Compare the medians of the first and the last third after the warm-up."""
    first_s, last_s = samples[0].at_s, samples[-1].at_s
    warm_s = first_s + min(WARM_UP_S, (last_s - first_s) * WARM_UP_SHARE)
    warm = [sample.memory_mb for sample in samples if sample.at_s >= warm_s]
    third = max(1, len(warm) // 3)
    before_mb = statistics.median(warm[:third])
    after_mb = statistics.median(warm[-third:])
    return {
        "before_mb": before_mb,
        "after_mb": after_mb,
        "growth": after_mb / before_mb - 1,
        "most_mb": max(warm),
    }


async def soak(
    bot: str, streams: int, seconds: float, calls_s: tuple[float, float]
) -> dict[str, Any]:
    """Run it all; returns what was found."""
    served = await serve(bot)
    try:
        # What is made once, on first use, is no leak.
        await churn(served, min(10, streams), 5.0, (1.0, 3.0))
        start = await served.idle()
        begun = len(served.samples)
        report = await churn(served, streams, seconds, calls_s)
        # The run's own end, when all hang up at once, is not as its middle.
        loaded = [s for s in served.samples[begun:] if s.streams >= streams * 0.5]
        end = await served.idle()
    finally:
        code = await served.stop()
    memory = memory_growth(loaded)
    found = {
        "seconds": seconds,
        "streams": streams,
        "calls": report.figures.get("calls", 0),
        "calls_failed": report.figures.get("calls_failed", 0),
        "closes": dict(report.closes),
        "memory": memory,
        "start": dataclasses.asdict(start),
        "end": dataclasses.asdict(end),
        "exit_code": code,
        "samples": [dataclasses.asdict(sample) for sample in loaded],
    }
    leaks = []
    grown_mb = memory["after_mb"] - memory["before_mb"]
    if memory["growth"] > MOST_GROWTH and grown_mb > NOISE_MB:
        leaks.append("memory")
    for what, free in FREE_GROWTH.items():
        if getattr(end, what) > getattr(start, what) + free:
            leaks.append(what)
    if end.streams:
        leaks.append("calls")
    if code != 0:
        leaks.append(f"exit code {code}")
    if found["calls_failed"]:
        leaks.append("failed calls")
    return found | {"leaks": leaks}


def table(found: dict[str, Any]) -> Table:
    """What was found, for people."""
    shown = Table(
        title=f"{found['calls']:.0f} calls in {found['seconds']:.0f} s, "
        f"{found['streams']} at once, {found['calls_failed']:.0f} failed"
    )
    for name in ("", "before", "after", "verdict"):
        shown.add_column(name, justify="left" if not name else "right")
    memory = found["memory"]
    before, after = f"{memory['before_mb']:.1f} MB", f"{memory['after_mb']:.1f} MB"
    rows = [("memory under load", before, after, f"{memory['growth']:+.1%}")]
    rows += [
        (what, found["start"][what], found["end"][what], "") for what in FREE_GROWTH
    ]
    for name, before, after, note in rows:
        is_leak = name.split()[0] in found["leaks"]
        verdict = "[red]LEAKS[/]" if is_leak else "[green]flat[/]"
        shown.add_row(name, str(before), str(after), f"{note} {verdict}".strip())
    return shown


def main() -> None:
    """Print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument("--streams", type=int, default=100, help="calls at once")
    parser.add_argument("--bot", default="echo", help="as serve's")
    parser.add_argument("--call-s", type=float, nargs=2, default=CALLS_S)
    parser.add_argument("--json", action="store_true", help="print JSON, not a table")
    options = parser.parse_args()
    shortest_s, longest_s = options.call_s
    found = asyncio.run(
        soak(options.bot, options.streams, options.seconds, (shortest_s, longest_s))
    )
    if options.json:
        print(json.dumps(found))
    else:
        print(file=sys.stderr)
        Console().print(table(found))
    if found["calls_failed"]:
        print(f"calls ended: {found['closes']}", file=sys.stderr)
    leaks = ", ".join(found["leaks"])
    print(f"leaks: {leaks}" if leaks else "nothing leaks", file=sys.stderr)
    sys.exit(1 if leaks else 0)


if __name__ == "__main__":
    main()
