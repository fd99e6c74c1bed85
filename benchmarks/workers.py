"""What `serve --workers 2` carries beside one worker, and what it costs.

The callers need cores too, and a machine with few has none to spare. So each worker is
given a fraction of a core, by a control group of its own (Linux, as root): what is
measured is how many streams two such fractions carry, while the callers have the rest.
A level is carried if 99 of 100 echoes are back in time; the levels are multiples of
what the first, easy run says that one worker's fraction is good for.
"""

import argparse
import asyncio
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.servers.process import cpu_s
from bridge.load import Constant, Plan, run

SERVE = [sys.executable, "-m", "bridge", "serve", "--port", "0", "--json"]
BOT = ["--log-level", "warning", "--bot", "echo", "--bot-option", "sample_rate_hz=8000"]

PERIOD_US = 10_000
"""A fraction is given out so often: a throttled loop stands still for less than that."""

IN_TIME_MS = 60.0

SECONDS, SETTLING_S = 5.0, 2.0
"""Of a run; connecting is not what a stream costs."""

LEVELS = (0.7, 0.8, 0.9, 1.0, 1.1)

V1 = Path("/sys/fs/cgroup/cpu")
V2 = Path("/sys/fs/cgroup")


@contextlib.contextmanager
def fraction(pid: int, cores: float) -> Iterator[None]:
    """Let a process have so much of a core while the block runs."""
    is_v2 = (V2 / "cgroup.controllers").exists()
    group = (V2 if is_v2 else V1) / f"mpc-bridge-{pid}"
    quota_us = round(cores * PERIOD_US)
    group.mkdir()
    try:
        if is_v2:
            (group / "cpu.max").write_text(f"{quota_us} {PERIOD_US}")
        else:
            (group / "cpu.cfs_period_us").write_text(str(PERIOD_US))
            (group / "cpu.cfs_quota_us").write_text(str(quota_us))
        (group / "cgroup.procs").write_text(str(pid))
        yield
    finally:
        # An empty group alone can be removed.
        home = V2 if is_v2 else V1
        with contextlib.suppress(OSError):
            (home / "cgroup.procs").write_text(str(pid))
        group.rmdir()


@contextlib.contextmanager
def serving(workers: int, cores: float) -> Iterator[tuple[int, int, list[int]]]:
    """Serve; yield the port, the parent's pid (0 without one) and the workers'."""
    command = [*SERVE, *BOT, "--workers", str(workers)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        port = json.loads(process.stdout.readline())["port"]
        task = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        children = [int(pid) for pid in task.read_text().split()]
        carriers = children or [process.pid]
        with contextlib.ExitStack() as stack:
            for pid in carriers:
                stack.enter_context(fraction(pid, cores))
            yield port, process.pid if children else 0, carriers
    finally:
        process.terminate()
        process.wait()


def drive(port: int, parent: int, carriers: list[int], streams: int) -> dict[str, Any]:
    """Have calls; what came back, and the CPU of each process a stream-second."""
    pids = [*([parent] if parent else []), *carriers]
    readings: list[tuple[float, list[float]]] = []

    def told(second: dict[str, Any]) -> None:
        if second["streams"] >= streams and second["at_s"] >= SETTLING_S:
            readings.append((time.perf_counter(), [cpu_s(pid) for pid in pids]))

    plan = Plan(
        url=f"ws://127.0.0.1:{port}/stream",
        duration_s=SECONDS + SETTLING_S,
        arrivals=Constant(streams=streams, per_s=max(50.0, streams * 1.1)),
    )
    report = asyncio.run(run(plan, on_second=told))
    (begin_s, before), (end_s, after) = readings[0], readings[-1]
    seconds = end_s - begin_s
    spent = [now - then for then, now in zip(before, after, strict=True)]
    each = spent[-len(carriers) :]
    return {
        "streams": streams,
        "cpu_ms": sum(spent) * 1000 / streams / seconds,
        "busiest": max(each) / sum(each) * len(each),
        "parent_ms": sum(spent[: len(pids) - len(carriers)]) * 1000 / seconds,
        "p50_ms": report.figures["round_trip_p50_ms"],
        "p99_ms": report.figures["round_trip_p99_ms"],
        "lost_percent": report.figures["lost_percent"],
        "late_ms": report.figures["own_late_p99_ms"],
    }


def is_carried(figures: dict[str, Any]) -> bool:
    """Whether callers heard nothing of the load."""
    is_late: bool = figures["p99_ms"] > IN_TIME_MS
    is_lost: bool = figures["lost_percent"] >= 1
    return not is_late and not is_lost


def show(workers: int, figures: dict[str, Any]) -> None:
    """Print a line."""
    print(
        f"{workers} worker{'s' * (workers > 1):1} {figures['streams']:4} streams  "
        f"{figures['cpu_ms']:5.2f} ms CPU a stream-second  "
        f"busiest {figures['busiest']:4.2f} of its share  "
        f"parent {figures['parent_ms']:4.1f} ms/s  "
        f"p50 {figures['p50_ms']:6.1f} ms  p99 {figures['p99_ms']:6.1f} ms  "
        f"lost {figures['lost_percent']:4.1f} %  "
        f"callers late {figures['late_ms']:5.1f} ms  "
        f"{'carried' if is_carried(figures) else 'too much'}",
        flush=True,
    )


def capacity(workers: int, cores: float, guess: int) -> int:
    """The highest level that is carried, and all below it."""
    carried = 0
    with serving(workers, cores) as (port, parent, carriers):
        for level in LEVELS:
            figures = drive(port, parent, carriers, round(level * guess * workers))
            show(workers, figures)
            if not is_carried(figures):
                break
            carried = figures["streams"]
    return carried


def main() -> None:
    """Print a line for each run, and the ratio of what was carried."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cores", type=float, default=0.25, help="of each worker")
    parser.add_argument("--easy", type=int, default=30, help="streams of the first run")
    options = parser.parse_args()
    for workers in (1, 2):
        with serving(workers, 1.0) as (port, parent, carriers):
            figures = drive(port, parent, carriers, options.easy * workers)
            show(workers, figures)
        if workers == 1:
            guess = round(options.cores * 1000 / figures["cpu_ms"])
    print(f"\neach worker has {options.cores:g} of a core, good for about {guess}")
    one, two = (capacity(workers, options.cores, guess) for workers in (1, 2))
    print(f"\n1 worker carries {one}, 2 carry {two}: {two / max(1, one):.2f} times")


if __name__ == "__main__":
    main()
