"""What a worker did, second by second."""

import asyncio
import os
import time
from collections.abc import Callable, Set
from time import perf_counter
from typing import Any

import msgspec
import psutil

from bridge.load.figures import Tally

__all__ = ["Second", "Seconds"]

PARTS = 8
"""Of a second. What was gathered is counted in portions: all at once, it would make
frames late."""

LEAST_S = 0.5
"""A shorter rest at the end of a run is no second."""

SHOWN = {"round_trip_ms", "response_ms", "own_late_ms"}
"""Histograms that are told each second; the others, at the end."""


class Second(msgspec.Struct):
    """What a worker did in a second."""

    number: int
    streams: int
    cpu_cores: float
    memory_mb: float
    tally: dict[str, Any]
    failure: str | None = None
    """Why nobody has reached the server so far."""


class Seconds:
    """Keeps the books of a worker.

    Args:
        origin_s: When the run began, by `perf_counter`.
        on_second: Told of each second.
        living: Counts the streams that are open.
        shown: More histograms that are wanted each second.
    """

    def __init__(
        self,
        origin_s: float,
        on_second: Callable[[Second], None],
        living: Callable[[], int],
        shown: Set[str] = frozenset(),
    ) -> None:
        self.now = Tally()
        """Of the current second."""
        self.whole = Tally()
        """Of the seconds before."""
        self._origin_s = origin_s
        self._on_second = on_second
        self._living = living
        self._shown = SHOWN | shown
        self.failure: str | None = None
        self._process = psutil.Process(os.getpid())
        self._number = 0
        self._spent_s, self._at_s = time.process_time(), origin_s
        self._over: tuple[float, float] | None = None

    async def run(self) -> None:
        """Tell of each second, until cancelled."""
        while True:
            for part in range(1, PARTS + 1):
                due_s = self._origin_s + self._number + part / PARTS
                await asyncio.sleep(max(0.0, due_s - perf_counter()))
                self.now.settle()
            self._tell(self._living())

    def over(self) -> None:
        """Calls are ended from here on: what that costs makes no frame late."""
        self._over = time.process_time(), perf_counter()

    def close(self, streams: int) -> Tally:
        """Count the rest, in which there were so many streams; returns the whole."""
        self.now.settle()
        if perf_counter() - self._at_s >= LEAST_S:
            self._tell(streams)
        self.whole.add(self.now)
        self.now.reset()
        return self.whole

    def _tell(self, streams: int) -> None:
        now_s, spent_s = perf_counter(), time.process_time()
        busy_s, of_s = spent_s - self._spent_s, now_s - self._at_s
        if self._over is not None:
            busy_s, of_s = self._over[0] - self._spent_s, self._over[1] - self._at_s
        shown = Tally()
        shown.counts = self.now.counts
        shown.histograms = {
            name: histogram
            for name, histogram in self.now.histograms.items()
            if name in self._shown
        }
        second = Second(
            number=self._number,
            # Of too little of a second nothing can be said.
            streams=streams if of_s >= LEAST_S else 0,
            cpu_cores=busy_s / of_s if of_s >= LEAST_S else 0.0,
            memory_mb=self._process.memory_info().rss / 1e6,
            tally=shown.packed(),
            failure=self.failure,
        )
        self._number += 1
        self._spent_s, self._at_s = spent_s, now_s
        self._on_second(second)
        self.whole.add(self.now)
        self.now.reset()
