"""The same load at our server and at others: a table for the docs.

Every server is an echo, on one core where the machine has two, the callers on the
other. mu-law, since pipecat's serializer speaks nothing else. Servers that need
packages of their own run in venvs of their own, which `make bench-peers` makes.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent / "peers"
VENVS = Path(".venv-peers")
BRIDGE = [*(sys.executable, "-m", "bridge", "serve", "--port", "0", "--json")]
BRIDGE += ["--log-level", "error", "--max-streams", "2000", "--bot", "echo"]

SERVERS = {
    "bare websockets + json (uvloop)": [sys.executable, str(HERE / "bare_echo.py")],
    "mpc-bridge, 8 kHz bot": [*BRIDGE, "--bot-option", "sample_rate_hz=8000"],
    "mpc-bridge, 16 kHz bot": BRIDGE,
    "plivo-stream-sdk (uvloop)": [
        str(VENVS / "sdk/bin/python"),
        str(HERE / "plivo_sdk_echo.py"),
    ],
    "pipecat, 8 kHz pipeline": [
        str(VENVS / "pipecat/bin/python"),
        str(HERE / "pipecat_echo.py"),
    ],
    "pipecat, 16 kHz pipeline": [
        str(VENVS / "pipecat/bin/python"),
        str(HERE / "pipecat_echo.py"),
        "--rate",
        "16000",
    ],
}

COLUMNS = {
    "streams_peak": ("streams", 0),
    "round_trip_p50_ms": ("round trip p50", 1),
    "round_trip_p99_ms": ("p99", 1),
    "mouth_to_ear_p50_ms": ("mouth to ear p50", 0),
    "underruns_per_minute": ("underruns / min", 2),
    "underrun_percent": ("silent %", 2),
    "lost_percent": ("lost %", 2),
    "server_cpu_ms_per_stream_s": ("CPU ms / stream-s", 1),
    "server_memory_mb": ("MB", 0),
    "own_late_p99_ms": ("callers late p99", 1),
}


def pinned(core: int) -> list[str]:
    """A command that keeps its process on a core, where that can be."""
    enough = (os.cpu_count() or 1) > 1 and Path("/usr/bin/taskset").exists()
    return ["taskset", "-c", str(core)] if enough else []


@contextlib.contextmanager
def running(command: list[str]) -> Iterator[tuple[int, int]]:
    """Start a server; yield its port and process id."""
    process = subprocess.Popen(
        [*pinned(0), *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["port"], process.pid
    finally:
        process.terminate()
        process.wait()


def measure(name: str, streams: int, seconds: float) -> dict[str, Any]:
    """Load one server; returns the report."""
    with running(SERVERS[name]) as (port, pid), tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.json"
        load = [sys.executable, "-m", "bridge", "load", f"ws://127.0.0.1:{port}/stream"]
        load += ["--content-type", "audio/x-mulaw;rate=8000", "--streams", str(streams)]
        load += ["--duration", str(seconds), "--server-pid", str(pid)]
        load += ["--out", str(path), "--quiet"]
        subprocess.run([*pinned(1), *load], check=False, stdout=subprocess.DEVNULL)
        report: dict[str, Any] = json.loads(path.read_bytes())
    return report


def main() -> None:
    """Print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, nargs="+", default=[10, 50])
    parser.add_argument("--seconds", type=float, default=30.0)
    options = parser.parse_args()
    print(f"mpc-bridge {version('mpc-bridge')}, Python {sys.version.split()[0]}\n")
    print("| server | " + " | ".join(text for text, _ in COLUMNS.values()) + " |")
    print("|---" * (len(COLUMNS) + 1) + "|")
    for name, command in SERVERS.items():
        if not Path(command[0]).exists():
            print(f"{name}: not installed; make bench-peers", file=sys.stderr)
            continue
        for streams in options.streams:
            report = measure(name, streams, options.seconds)
            figures = report["figures"]
            cells = [
                f"{figures[figure]:.{digits}f}" if figure in figures else "-"
                for figure, (_, digits) in COLUMNS.items()
            ]
            mark = "" if not report["unreliable_because"] else " (not reliable)"
            print(f"| {name}{mark} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
