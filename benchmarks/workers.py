"""What `serve --workers 2` carries beside one worker, and what it costs.

The callers need cores too, and a machine with few has none to spare. So each worker is
given a fraction of a core, by a control group of its own (Linux, as root): what is
measured is how many streams two such fractions carry, while the callers have the rest.
A level is carried if 99 of 100 echoes are back in time; the levels are multiples of
what the first, easy run says that one worker's fraction is good for.
"""

import argparse
import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from driver import cpu_s

HERE = Path(__file__).parent
SERVE = [sys.executable, "-m", "bridge", "serve", "--port", "0", "--json"]
BOT = ["--log-level", "warning", "--bot", "echo", "--bot-option", "sample_rate_hz=8000"]

PERIOD_US = 10_000
"""A fraction is given out so often: a throttled loop stands still for less than that."""

IN_TIME_MS = 60.0

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
    seconds = 4.0
    words = [str(HERE / "driver.py"), str(port), "--pid", str(carriers[0])]
    more = ["--streams", str(streams), "--seconds", str(seconds)]
    pids = [*([parent] if parent else []), *carriers]
    before = [cpu_s(pid) for pid in pids]
    done = subprocess.run(
        [sys.executable, *words, *more], check=True, capture_output=True, text=True
    )
    figures: dict[str, Any] = json.loads(done.stdout)
    spent = [cpu_s(pid) - was for pid, was in zip(pids, before, strict=True)]
    each = spent[-len(carriers) :]
    figures["cpu_ms"] = sum(spent) * 1000 / streams / seconds
    figures["busiest"] = max(each) / sum(each) * len(each)
    figures["parent_ms"] = sum(spent[: len(pids) - len(carriers)]) * 1000 / seconds
    return figures


def is_carried(figures: dict[str, Any]) -> bool:
    """Whether callers heard nothing of the load."""
    frames = figures["streams"] * 200
    is_late = figures["delay_p99_ms"] > IN_TIME_MS
    return not is_late and figures["unanswered_frames"] < frames / 100


def show(workers: int, figures: dict[str, Any]) -> None:
    """Print a line."""
    print(
        f"{workers} worker{'s' * (workers > 1):1} {figures['streams']:4} streams  "
        f"{figures['cpu_ms']:5.2f} ms CPU a stream-second  "
        f"busiest {figures['busiest']:4.2f} of its share  "
        f"parent {figures['parent_ms']:4.1f} ms/s  "
        f"p50 {figures['delay_p50_ms']:6.1f} ms  p99 {figures['delay_p99_ms']:6.1f} ms  "
        f"unanswered {figures['unanswered_frames']:5}  "
        f"driver late {figures['driver_late_p99_ms']:5.1f} ms  "
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
