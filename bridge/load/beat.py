"""The clock of all callers of a worker: who sends when, and how late that was.

Deadlines are absolute, counted from one origin: a late frame makes no other late, and
a slow server cannot slow its callers down. Callers are spread over the twenty
milliseconds of a frame, as calls are that know nothing of each other.
"""

import asyncio
from time import perf_counter
from typing import Protocol

from bridge.audio.pcm import FRAME_MS
from bridge.load.figures import Tally
from bridge.load.outgoing import Outgoing, due, outgoing

__all__ = ["Beat", "Ticked"]

SLOT_S = 0.001
SLOTS = FRAME_MS

SLOTS_WITHOUT_PAUSE = 5
"""When late, so many slots are caught up with before sockets are read again."""


class Ticked(Protocol):
    """Who is called every 20 ms."""

    def tick(self, due_s: float) -> None:
        """Do what is due at a time."""


class Beat:
    """Ticks callers.

    Args:
        origin_s: Where deadlines are counted from, by `perf_counter`.
        tally: Where lateness is noted.
    """

    def __init__(self, origin_s: float, tally: Tally) -> None:
        self.origin_s = origin_s
        self._tally = tally
        self._slots: list[list[Outgoing]] = [[] for _ in range(SLOTS)]
        self._number = 0

    def add(self, caller: Ticked, line: "Outgoing | None" = None) -> float:
        """Tick a caller from now on; returns the time of one of its ticks.

        Args:
            caller: Told of each tick, but of those at which its line needs nobody.
            line: The caller's, where it has one.
        """
        line = line or outgoing()
        line.owner = caller
        slot = min(range(SLOTS), key=lambda number: len(self._slots[number]))
        self._slots[slot].append(line)
        return self.origin_s + slot * SLOT_S

    def remove(self, caller: Ticked) -> None:
        """Tick it no more."""
        for slot in self._slots:
            slot[:] = [line for line in slot if line.owner is not caller]

    async def run(self) -> None:
        """Tick, until cancelled."""
        while True:
            due_s = self.origin_s + self._number * SLOT_S
            wait_s = due_s - perf_counter()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            elif self._number % SLOTS_WITHOUT_PAUSE == 0:
                await asyncio.sleep(0)
            self._turn(due_s)
            self._number += 1

    def _turn(self, due_s: float) -> None:
        slot = self._slots[self._number % SLOTS]
        if not slot:
            return
        # These are few; most frames have left by then.
        for caller, rest in due(slot, perf_counter()):
            if rest is None:
                caller.tick(due_s)
            else:
                caller.resend(rest)
        # Of all in the slot the last is the latest; it stands for them all.
        self._tally.record("own_late_ms", perf_counter() - due_s, len(slot))
