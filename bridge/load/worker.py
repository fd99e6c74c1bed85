"""One process's share of a run: its callers, and a report of each second."""

import asyncio
import gc
import logging
import math
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any

import msgspec
import numpy as np

from bridge.audio.pcm import Samples
from bridge.load.arrivals import arriving
from bridge.load.beat import Beat
from bridge.load.caller import Caller, Setting
from bridge.load.caller_plan import CallerPlan
from bridge.load.catalogue import name_of
from bridge.load.incoming import Reader
from bridge.load.plan import Plan
from bridge.load.seconds import Second, Seconds
from bridge.load.sounds import make_sounds
from bridge.tasks import Spawn, background

__all__ = ["Share", "Worker"]

_LOG = logging.getLogger(__name__)

LOOK_S = 0.02
"""How often new calls are looked for."""

FAREWELL_S = 5.0
"""For all calls to end."""

AFTER_FAILURE_S = 1.0
"""Before a call that could not be made is replaced."""

MARKS_PER_S = 200
"""A worker looks for so many at most, each taking a quarter of a millisecond."""


class Share(msgspec.Struct):
    """What one worker has to do: calls `place`, `place + places`, ..."""

    plan: dict[str, Any]
    """With its secrets."""
    place: int
    places: int
    files: dict[str, bytes]
    """Samples of the plan's files, int16."""

    @classmethod
    def of(
        cls, plan: Plan, place: int, places: int, read: Mapping[str, Samples]
    ) -> "Share":
        """Cut a plan into shares."""
        document = plan.model_dump(mode="json")
        document["token"] = plan.token.get_secret_value()
        document["auth_token"] = plan.auth_token.get_secret_value()
        files = {name: samples.tobytes() for name, samples in read.items()}
        return cls(document, place, places, files)


class Worker:
    """Runs a share.

    Args:
        share: Of the plan.
        on_second: Told of each second.
    """

    def __init__(self, share: Share, on_second: Callable[[Second], None]) -> None:
        self._plan = Plan.model_validate(share.plan)
        self._share = share
        self._on_second = on_second
        read = {
            name: np.frombuffer(samples, np.int16)
            for name, samples in share.files.items()
        }
        self._sounds = make_sounds(self._plan, read)
        self._living: set[Caller] = set()
        self._calls: set[asyncio.Task[None]] = set()
        self._records: list[dict[str, Any]] = []
        self._begun = 0
        self._is_stopped = False
        self._was_reached = False

    def stop(self) -> None:
        """End the run now."""
        self._is_stopped = True

    async def run(self) -> dict[str, Any]:
        """Make the calls.

        Returns:
            `tally`, and the `streams` one by one.
        """
        # Frames make no cycles; a collection in the middle makes them late.
        gc.collect()
        gc.freeze()
        gc.set_threshold(5_000, 2_000, 100)
        with Reader() as reader:
            return await self._make_calls(reader)

    # ------------------------------------------------------------------- inside

    async def _make_calls(self, reader: Reader) -> dict[str, Any]:
        origin_s = perf_counter()
        shown = {name_of(each.figure) for each in self._plan.fail_if}
        seconds = Seconds(origin_s, self._on_second, self._open_streams, shown)
        beat = Beat(origin_s, seconds.now)
        setting = Setting(
            plan=self._plan,
            sounds=self._sounds,
            beat=beat,
            tally=seconds.now,
            origin_s=origin_s,
            reader=reader,
        )
        arrivals = arriving(self._plan, self._share.place, self._share.places)
        async with background(seconds=seconds.run()) as spawn:
            ticking = spawn("beat", beat.run())
            while not self._is_over(at_s := perf_counter() - origin_s):
                for _ in range(arrivals.due(at_s, len(self._living))):
                    self._begin(setting, spawn)
                setting.marks_apart = math.ceil((len(self._living) + 1) / MARKS_PER_S)
                seconds.failure = self._failure()
                await asyncio.sleep(LOOK_S)
            streams = self._open_streams()
            seconds.over()
            await self._end_all(ticking)
        seconds.now.count("calls_turned_away", arrivals.turned_away)
        return {"tally": seconds.close(streams).packed(), "streams": self._records}

    def _open_streams(self) -> int:
        return sum(caller.is_open for caller in self._living)

    def _is_over(self, at_s: float) -> bool:
        return self._is_stopped or at_s >= self._plan.lasts_s

    def _failure(self) -> str | None:
        """Why nobody has reached the server; None once somebody has."""
        self._was_reached = self._was_reached or self._open_streams() > 0
        if self._was_reached or not self._records:
            return None
        self._was_reached = any("connect_ms" in each for each in self._records)
        return None if self._was_reached else str(self._records[-1]["end"])

    def _begin(self, setting: Setting, spawn: Spawn) -> None:
        number = self._share.place + self._share.places * self._begun
        self._begun += 1
        caller = Caller(number, self._kind(number), setting)
        self._living.add(caller)
        task = spawn(f"call {number}", self._call(caller))
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    def _kind(self, number: int) -> CallerPlan:
        callers = self._plan.callers
        weights = np.array([caller.weight for caller in callers])
        rng = np.random.default_rng([self._plan.seed, 3, number])
        return callers[rng.choice(len(callers), p=weights / weights.sum())]

    async def _call(self, caller: Caller) -> None:
        try:
            await caller.run()
        # The edge of a call: what no caller expected must not end the others.
        except Exception:  # noqa: BLE001
            _LOG.exception("call %d", caller.record.number)
        finally:
            self._records.append(caller.record.document())
        if caller.record.is_failed and not self._is_stopped:
            await asyncio.sleep(AFTER_FAILURE_S)
        self._living.discard(caller)

    async def _end_all(self, ticking: asyncio.Task[None]) -> None:
        for caller in tuple(self._living):
            caller.leave()
        # From here on nothing is sent, and lateness says nothing.
        ticking.cancel()
        if self._calls:
            await asyncio.wait(self._calls, timeout=FAREWELL_S)
