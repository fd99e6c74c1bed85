"""A server on a core of its own, and what it uses."""

import contextlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator

import psutil

from benchmarks.servers.contestants import ROOT, Contestant

__all__ = ["Server", "cpu_s", "pin_callers", "running"]

STOP_S = 10.0


class Server:
    """One that runs.

    Args:
        pid: Its process.
        port: Where it listens.
    """

    def __init__(self, pid: int, port: int) -> None:
        self.pid = pid
        self.port = port
        self.url = f"ws://127.0.0.1:{port}/stream"
        self._process = psutil.Process(pid)

    @property
    def memory_mb(self) -> float:
        """What it holds."""
        return float(self._process.memory_info().rss) / 1e6


def cpu_s(pid: int) -> float:
    """CPU that a process has used, all its threads, in seconds.

    By its own clock, where there is one: the tables of `/proc` count in hundredths.
    """
    with contextlib.suppress(OSError, AttributeError):
        # As `clock_getcpuclockid` of Linux makes it.
        return time.clock_gettime((~pid << 3) | 2)
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def _cores() -> list[int]:
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


CORES = _cores()
"""Those we may use: servers have the first, callers the last."""


def pin_callers() -> None:
    """Keep this process, and those that it starts, off the servers' core."""
    if len(CORES) > 1:
        os.sched_setaffinity(0, {CORES[-1]})


@contextlib.contextmanager
def running(contestant: Contestant) -> Iterator[Server]:
    """Start a server, and stop it with the block.

    Raises:
        RuntimeError: If it does not come up.
    """
    pinned = ["taskset", "-c", str(CORES[0])] if len(CORES) > 1 else []
    if pinned and shutil.which("taskset") is None:
        raise RuntimeError("needs taskset: apt-get install util-linux")
    process = subprocess.Popen(
        [*pinned, *contestant.command],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
        text=True,
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        try:
            port = int(json.loads(line)["port"])
        except (ValueError, KeyError, TypeError) as error:
            raise RuntimeError(
                f"{contestant.name}: did not come up: {line!r}"
            ) from error
        yield Server(process.pid, port)
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
