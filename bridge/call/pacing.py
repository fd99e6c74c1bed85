"""One clockwork for all calls: wake-ups in slots of a millisecond."""

import asyncio
import collections
import contextvars
import heapq
import math
from collections.abc import Callable

__all__ = ["Wheel"]

SLOT_S = 0.001


class Wheel:
    """Calls back at absolute times, many callers sharing one timer.

    A timer per call and frame costs several microseconds each, and relative sleeps
    drift. Here everything that is due in the same millisecond runs in one go, never
    early, and never more than a slot late by itself.
    """

    def __init__(self) -> None:
        self.now = asyncio.get_running_loop().time
        """The loop's clock: one object for all, as each costs memory to look at."""
        self._slots: dict[int, collections.deque[Callable[[], None]]] = {}
        self._order: list[int] = []
        self._context = contextvars.Context()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_slot = 0
        self._turning_slot = -1
        """The last slot of the turn that runs now."""

    def at(self, when_s: float, wake: Callable[[], None]) -> None:
        """Call `wake` at a time of the running loop's clock.

        There is no way to take it back: who may not want to be woken any more
        looks whether it does.
        """
        slot = math.ceil(when_s / SLOT_S - 1e-6)
        if slot <= self._turning_slot and when_s > asyncio.get_running_loop().time():
            # Rounding puts it into the slot that runs now. Woken there, before its
            # time, one would ask again and again until the clock ticks.
            slot = self._turning_slot + 1
        if slot in self._slots:
            self._slots[slot].append(wake)
            return
        self._slots[slot] = collections.deque([wake])
        heapq.heappush(self._order, slot)
        if self._timer is None or slot < self._timer_slot:
            self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        if self._order:
            self._timer_slot = self._order[0]
            loop = asyncio.get_running_loop()
            # Not in the context of whichever call happens to arm it.
            self._timer = loop.call_at(
                self._timer_slot * SLOT_S, self._turn, context=self._context
            )

    def _turn(self) -> None:
        due = math.floor(asyncio.get_running_loop().time() / SLOT_S + 1e-6)
        due = max(due, self._timer_slot)
        # No slot is before this one: what is added meanwhile does not re-arm.
        self._timer_slot = -1
        self._turning_slot = due
        try:
            while self._order and self._order[0] <= due:
                wakes = self._slots[self._order[0]]
                while wakes:
                    wakes.popleft()()
                del self._slots[heapq.heappop(self._order)]
        finally:
            # Also when one failed: the rest of its slot is not lost, but next.
            self._timer = None
            self._turning_slot = -1
            self._arm()
