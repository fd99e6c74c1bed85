"""`serve` as a process, looked at from outside: its log, its metrics, its appetite."""

import asyncio
import json
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
from prometheus_client.parser import text_string_to_metric_families

from tests import unmeasured
from tests.patience import PATIENCE_S
from tests.ports import free_port

__all__ = ["BOTS", "Stage", "staged"]

ROOT = Path(__file__).parents[2]
BOTS = Path(__file__).with_name("bots.py")


class Stage:
    """A bridge that serves some of `bots.py`.

    Args:
        process: Of `serve`, with JSON on both its outputs.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.lines: list[dict[str, Any]] = []
        """Of the log."""
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, self.lines
        facts = json.loads(line)
        self.port: int = facts["port"]
        self._url: str = facts["url"]

    @property
    def pid(self) -> int:
        """Of the process."""
        return self.process.pid

    def url(self, bot: str, port: int | None = None) -> str:
        """Where a bot is reached, or is through another port."""
        url = f"{self._url}/{bot}"
        return url.replace(f":{self.port}/", f":{port}/") if port else url

    # ------------------------------------------------------------------- looking

    def said(self, text: str) -> list[dict[str, Any]]:
        """The lines of the log with a text in them."""
        return [line for line in self.lines if text in line["message"]]

    def is_over(self, stream_id: str) -> bool:
        """Whether a call has ended."""
        ends = self.said("call ended: ")
        return any(line.get("stream_id") == stream_id for line in ends)

    async def end_of(self, stream_id: str, within_s: float = PATIENCE_S) -> str:
        """Wait until a call has ended; how it did, in the log's words."""
        await self.until(lambda: self.is_over(stream_id), within_s)
        for line in self.said("call ended: "):
            if line.get("stream_id") == stream_id:
                return str(line["message"]).removeprefix("call ended: ")
        raise AssertionError

    async def metrics(self) -> dict[str, float]:
        """All metrics now; labels are part of the names, as `streams{end=closed}`."""
        async with httpx.AsyncClient(timeout=PATIENCE_S) as client:
            answer = await client.get(f"http://127.0.0.1:{self.port}/metrics")
        found = {}
        for family in text_string_to_metric_families(answer.text):
            for sample in family.samples:
                labels = ",".join(f"{k}={v}" for k, v in sample.labels.items())
                name = sample.name.removeprefix("bridge_").removesuffix("_total")
                found[f"{name}{{{labels}}}" if labels else name] = sample.value
        return found

    async def grown(self, before: Mapping[str, float]) -> dict[str, float]:
        """The metrics that have changed, and by how much."""
        now = await self.metrics()
        changes = {name: now[name] - before.get(name, 0.0) for name in now}
        return {name: change for name, change in changes.items() if change}

    async def until(
        self, is_so: Callable[[], object], within_s: float = PATIENCE_S
    ) -> None:
        """Wait for something to be so."""
        async with asyncio.timeout(within_s):
            while not is_so():
                await asyncio.sleep(0.02)

    async def until_metric(
        self, name: str, least: float = 1, within_s: float = PATIENCE_S
    ) -> None:
        """Wait until a metric is at least so much."""
        async with asyncio.timeout(within_s):
            while (await self.metrics()).get(name, 0) < least:
                await asyncio.sleep(0.05)

    @property
    def cpu_s(self) -> float:
        """What it has used of a processor."""
        times = psutil.Process(self.pid).cpu_times()
        return float(times.user + times.system)

    @property
    def memory_mb(self) -> float:
        """What it has of the machine's."""
        return float(psutil.Process(self.pid).memory_info().rss) / 1e6

    # -------------------------------------------------------------------- acting

    @contextmanager
    def limited(self, what: int, most: int) -> Iterator[None]:
        """Let it have less of a resource (`resource.RLIMIT_...`) for a while."""
        before = resource.prlimit(self.pid, what)
        resource.prlimit(self.pid, what, (most, before[1]))
        try:
            yield
        finally:
            resource.prlimit(self.pid, what, before)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    async def ended(self, within_s: float = PATIENCE_S) -> int:
        """Wait until it has ended; returns its exit code, with the log complete."""
        await self.until(lambda: self.process.poll() is not None, within_s)
        await asyncio.to_thread(self._reading.join, PATIENCE_S)
        return self.process.returncode

    def close(self) -> None:
        """End it, if it has not ended."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()
        self._reading.join(5)
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()

    def _read(self) -> None:
        if self.process.stderr is None:
            return
        for line in self.process.stderr:
            try:
                self.lines.append(json.loads(line))
            except ValueError:
                self.lines.append({"message": line.decode(), "level": "none"})


@contextmanager
def staged(
    *options: str,
    bots: str = "radio",
    environment: Mapping[str, str] | None = None,
    log: int = subprocess.PIPE,
) -> Iterator[Stage]:
    """Serve some bots while the block runs.

    Args:
        options: Of `serve`.
        bots: Names of functions in `bots.py`, apart by spaces.
        environment: Added to ours.
        log: Where the log goes; by default it can be read.
    """
    words = [sys.executable, "-m", "bridge", "serve", "--json", "--log-format", "json"]
    # Another takes its place in some tests.
    words += ["--port", str(free_port())]
    for name in bots.split():
        words += ["--bot", f"{name}={BOTS}:{name}"]
    process = subprocess.Popen(
        [*words, *options],
        stdout=subprocess.PIPE,
        stderr=log,
        env=unmeasured.environment(environment),
        cwd=ROOT,
    )
    try:
        stage = Stage(process)
    except BaseException:
        process.kill()
        process.wait()
        raise
    try:
        yield stage
    finally:
        stage.close()
