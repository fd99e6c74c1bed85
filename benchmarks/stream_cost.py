"""CPU and added delay of `serve --bot echo`, beside a bare loopback echo.

The driver is a process of its own; on Linux with two cores or more, server and driver
are kept on one core each. Every server is measured several times in turn, and medians
are printed: a shared machine has moods, their ratio has fewer.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
BRIDGE = [sys.executable, "-m", "bridge", "serve", "--port", "0", "--json"]
QUIET = ["--log-level", "warning"]

SERVERS = {
    "bare loopback echo": ([sys.executable, str(HERE / "bare.py")], ["--bare"]),
    "mpc-bridge, 8 kHz bot": (
        [*BRIDGE, *QUIET, "--bot", "echo", "--bot-option", "sample_rate_hz=8000"],
        [],
    ),
    "mpc-bridge, 16 kHz bot": ([*BRIDGE, *QUIET, "--bot", "echo"], []),
    "mpc-bridge, 24 kHz bot": (
        [*BRIDGE, *QUIET, "--bot", "echo", "--bot-option", "sample_rate_hz=24000"],
        [],
    ),
}


def pinned(core: int) -> list[str]:
    """A command that keeps its process on a core, where that can be."""
    enough = (os.cpu_count() or 1) > 1 and Path("/usr/bin/taskset").exists()
    return ["taskset", "-c", str(core)] if enough else []


@contextlib.contextmanager
def running(command: list[str]) -> Iterator[tuple[int, int]]:
    """Start a server; yield its port and process id."""
    process = subprocess.Popen(
        [*pinned(0), *command], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        facts = json.loads(line) if line.startswith("{") else {"port": line.split()[0]}
        yield int(facts["port"]), process.pid
    finally:
        process.terminate()
        process.wait()


def measure(name: str, streams: int, seconds: float) -> dict[str, float]:
    """Drive one server once."""
    command, flags = SERVERS[name]
    with running(command) as (port, pid):
        driver = [sys.executable, str(HERE / "driver.py"), str(port), "--pid", str(pid)]
        settings = ["--streams", str(streams), "--seconds", str(seconds), *flags]
        ran = subprocess.run(
            [*pinned(1), *driver, *settings], check=True, capture_output=True, text=True
        )
    figures: dict[str, float] = json.loads(ran.stdout)
    return figures


def main() -> None:
    """Print a table of medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in SERVERS}
    for number in range(options.rounds):
        print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
        for name in SERVERS:
            runs[name].append(measure(name, options.streams, options.seconds))

    def median(name: str, figure: str) -> float:
        return statistics.median(run[figure] for run in runs[name])

    floor = median("bare loopback echo", "cpu_ms_per_stream_s")
    print(
        f"\n{options.streams} streams, 50 frames/s each way, medians of {options.rounds}"
    )
    print(
        "server                   CPU ms per stream-second  of bare   added p50   p99 ms"
    )
    for name in SERVERS:
        cpu = median(name, "cpu_ms_per_stream_s")
        print(
            f"{name:26} {cpu:15.2f} {cpu / floor:14.1f} x"
            f" {median(name, 'delay_p50_ms'):10.2f} {median(name, 'delay_p99_ms'):8.2f}"
        )
        lost = sum(run["unanswered_frames"] for run in runs[name])
        late = median(name, "driver_late_p99_ms")
        if lost or late > 5:
            print(f"{'':26} {lost:.0f} frames unanswered; driver late by {late:.1f} ms")


if __name__ == "__main__":
    main()
