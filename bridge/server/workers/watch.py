"""Sees which workers answer, and gives up those that hang."""

import asyncio
import logging
from collections.abc import Callable

from bridge.server.workers.hub import Hub
from bridge.server.workers.letters import PARENT, Ping
from bridge.server.workers.seat import Seat

__all__ = ["MOST_WAITING_BYTES", "PING_S", "Watch"]

_LOG = logging.getLogger(__name__)

PING_S = 0.5
"""From one look at the workers to the next."""

MOST_WAITING_BYTES = 64_000_000
"""A worker that lets so many letters wait, beyond what it was told at its start, is
given up whatever its time: they would fill the parent's memory. Calls and callbacks
are less than a kilobyte each, and metrics are not sent to those that do not read."""


class Watch:
    """Asks the workers that take streams whether they answer, again and again.

    Only time in which this process itself ran counts: after a stall of the whole
    machine nobody is given up for it.

    Args:
        hub: With the workers.
        limit_s: So long one may be silent; 0: for ever.
        end: Ends a worker, by its place.
    """

    def __init__(self, hub: Hub, limit_s: float, end: Callable[[int], None]) -> None:
        self._hub = hub
        self._limit_s = limit_s
        self._end = end
        self._silent: dict[int, Seat] = {}

    def __repr__(self) -> str:
        return f"<Watch: silent {sorted(self._silent)}>"

    async def run(self) -> None:
        """Look at them for ever."""
        now = asyncio.get_running_loop().time
        while True:
            began_s = now()
            await asyncio.sleep(PING_S)
            self.look(min(now() - began_s, 2 * PING_S))

    def look(self, passed_s: float) -> None:
        """See who answers.

        Args:
            passed_s: Since the last look.
        """
        before = set(self._silent)
        for place, seat in self._hub.seats.items():
            if seat.is_given_up:
                continue
            if seat.facts is not None:
                self._ask(place, seat, passed_s)
            self._judge(place, seat)
        self._silent = {
            place: seat for place, seat in self._hub.seats.items() if seat.is_silent
        }
        if set(self._silent) != before:
            self._hub.tell_silent(sorted(self._silent))

    def _ask(self, place: int, seat: Seat, passed_s: float) -> None:
        if self._silent.get(place) is seat and not seat.is_silent:
            _LOG.warning("worker %d (pid %d) answers again", place, seat.pid)
        was_silent = seat.is_silent
        seat.silent_s += passed_s
        if seat.is_silent and not was_silent:
            _LOG.warning(
                "worker %d (pid %d), with %d calls, has not answered for %.1f s",
                place,
                seat.pid,
                seat.count,
                seat.silent_s,
            )
        # One at a time: they shall not pile up either.
        if not seat.is_asked:
            seat.is_asked = True
            seat.wire.send(PARENT, Ping())

    def _judge(self, place: int, seat: Seat) -> None:
        waiting_bytes = seat.wire.unsent_bytes - seat.welcome_bytes
        if self._limit_s and seat.silent_s >= self._limit_s:
            why = f"has not answered for {seat.silent_s:.1f} s"
        elif waiting_bytes > MOST_WAITING_BYTES:
            why = f"lets {waiting_bytes} bytes of letters wait"
        else:
            return
        seat.is_given_up = True
        self._hub.hangs += 1
        _LOG.error(
            "worker %d (pid %d) %s: it is ended, and with it %d calls",
            place,
            seat.pid,
            why,
            seat.count,
        )
        self._end(place)
