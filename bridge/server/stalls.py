"""Says when something blocks the event loop, and with it every call, and where."""

import asyncio
import logging
import sys
import threading
import traceback

from bridge.metrics import Metrics

__all__ = ["watch_stalls"]

_LOG = logging.getLogger(__name__)

CHECK_S = 0.05
"""A stall is seen if it is at least this longer than what is looked for."""

LONG_STALL_S = 0.15
"""Longer than this and callers hear it: the usual lead is hardly longer."""

WARNING_S = 10.0
"""From one warning to the next: one tells enough."""

LOOK_S = 0.4
"""A loop that did not come round in so long stands still right now."""

DEEPEST = 12
"""Frames of a stack that are told."""


async def watch_stalls(metrics: Metrics) -> None:
    """Watch the loop that runs this, for ever.

    A stall is told when it is over, with its length; one that goes on is told by a
    thread, with the line that holds everything up: it may never be over.
    """
    now = asyncio.get_running_loop().time
    silent_until_s = now()
    watcher = _Watcher(threading.get_ident())
    watcher.start()
    try:
        while True:
            due_s = now() + CHECK_S
            await asyncio.sleep(CHECK_S)
            watcher.rounds += 1
            stall_s = now() - due_s
            if stall_s <= LONG_STALL_S:
                continue
            metrics.stalls += 1
            if now() >= silent_until_s:
                silent_until_s = now() + WARNING_S
                _LOG.warning(
                    "everything stood still for %.1f s (%d times by now): a bot blocks "
                    "the event loop (await, or use asyncio.to_thread), or the machine "
                    "is too busy",
                    stall_s,
                    metrics.stalls,
                )
    finally:
        watcher.over.set()


class _Watcher(threading.Thread):
    """Looks on from outside.

    Args:
        thread: The one that runs the loop.
    """

    def __init__(self, thread: int) -> None:
        super().__init__(name="stalls", daemon=True)
        self.rounds = 0
        self.over = threading.Event()
        self._thread = thread

    def run(self) -> None:
        """Look whether the loop came round; tell of each stall once."""
        seen = told = -1
        while not self.over.wait(LOOK_S):
            if self.rounds == seen != told:
                told = seen
                _LOG.error(
                    "everything stands still, for %g s or more; at:\n%s",
                    LOOK_S,
                    self._stack(),
                )
            seen = self.rounds

    def _stack(self) -> str:
        # The only way to see where another thread is.
        frame = sys._current_frames().get(self._thread)
        return "".join(traceback.format_stack(frame)[-DEEPEST:]) if frame else "?"
