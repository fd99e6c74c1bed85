"""CPU and memory of the server, from its process id or from its `/metrics`."""

import contextlib
from time import perf_counter
from typing import Protocol

import httpx
import psutil
from prometheus_client.parser import text_string_to_metric_families

from bridge.errors import ConfigError

__all__ = ["Watch", "watching"]

CPU = "process_cpu_seconds_total"
MEMORY = "process_resident_memory_bytes"
TIMEOUT_S = 0.8

LOOK_FOR_CHILDREN_EVERY = 10


class Watch(Protocol):
    """Reads a process's meters."""

    async def read(self) -> tuple[float, float] | None:
        """CPU used so far in seconds, and memory in bytes; None if it cannot tell."""
        ...


def watching(pid: int | None, metrics_url: str | None) -> Watch | None:
    """Watch a server, where one is named.

    Raises:
        ConfigError: If there is no such process.
    """
    if pid is not None:
        return ByProcess(pid)
    return ByMetrics(metrics_url) if metrics_url else None


class ByProcess:
    """A process on this machine, and its children.

    Args:
        pid: Its id.
    """

    def __init__(self, pid: int) -> None:
        try:
            self._process = psutil.Process(pid)
        except psutil.Error as error:
            raise ConfigError(f"server's process {pid}: {error}") from error
        self._family = [self._process]
        self._readings = 0

    async def read(self) -> tuple[float, float] | None:
        """Add up what all of them used."""
        cpu_s = memory = 0.0
        with contextlib.suppress(psutil.Error):
            if self._readings % LOOK_FOR_CHILDREN_EVERY == 0:
                # It reads the whole process table.
                children = self._process.children(recursive=True)
                self._family = [self._process, *children]
            self._readings += 1
            for process in self._family:
                with contextlib.suppress(psutil.Error):
                    times = process.cpu_times()
                    cpu_s += times.user + times.system
                    memory += process.memory_info().rss
        return (cpu_s, memory) if memory else None


class ByMetrics:
    """A process anywhere that tells Prometheus.

    Args:
        url: Of its metrics.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    async def read(self) -> tuple[float, float] | None:
        """Ask it."""
        try:
            async with httpx.AsyncClient(timeout=TIMEOUT_S) as client:
                answer = await client.get(self._url)
            families = list(text_string_to_metric_families(answer.text))
        except (httpx.HTTPError, httpx.InvalidURL, ValueError):
            return None
        values = {
            sample.name: sample.value
            for family in families
            for sample in family.samples
        }
        if CPU not in values:
            return None
        return values[CPU], values.get(MEMORY, 0.0)


class Meter:
    """Turns readings into figures of each second.

    Args:
        watch: Of the server; None watches nothing.
    """

    def __init__(self, watch: Watch | None) -> None:
        self._watch = watch
        self._last: tuple[float, float] | None = None

    async def second(self) -> dict[str, float]:
        """What was used since it was last asked."""
        reading = None if self._watch is None else await self._watch.read()
        if reading is None:
            return {}
        now_s, (cpu_s, memory) = perf_counter(), reading
        last, self._last = self._last, (now_s, cpu_s)
        if last is None:
            return {}
        return {
            "server_cpu_cores": max(0.0, cpu_s - last[1]) / (now_s - last[0]),
            "server_memory_mb": memory / 1e6,
        }
