"""What one instance has still to tell the others, kept until Redis has it."""

import asyncio
import collections
import itertools
from collections.abc import Mapping

from bridge.metrics import Metrics
from bridge.server.fleet import FleetCall
from bridge.server.redis_post import MOST_AT_ONCE, Post, written
from bridge.server.redis_registry import Registry

__all__ = ["Backlog"]

MOST_WAITING = 10_000
"""Callbacks that wait for Redis to be back; of more the oldest are dropped."""


class Backlog:
    """Calls that changed, and callbacks that came.

    Calls are written as they are then, so however many changes wait, it is one entry
    for each call.

    Args:
        calls: Those of this instance, by stream id, as somebody else keeps them.
        metrics: The process's counts.
    """

    def __init__(self, calls: Mapping[str, FleetCall], metrics: Metrics) -> None:
        self._calls = calls
        self._metrics = metrics
        self._changed: set[str] = set()
        self._is_all_changed = True
        self._callbacks: collections.deque[tuple[int, bytes]] = collections.deque()
        self._numbers = itertools.count()
        self._filled = asyncio.Event()

    def changed(self, stream_id: str) -> None:
        """A call began, changed or ended."""
        # Without Redis there would be ever more of them; and all are written anyway.
        if not self._is_all_changed:
            self._changed.add(stream_id)
            self._filled.set()

    def all_changed(self) -> None:
        """What Redis has of our calls may be anything: have all written anew."""
        self._is_all_changed = True
        self._changed.clear()
        self._filled.set()

    def add_callback(self, params: Mapping[str, str]) -> None:
        """Keep a callback for the others; with too many, the oldest is dropped."""
        # What cannot be written fails for whoever brings it, and holds nothing up.
        text = written(params)
        if len(self._callbacks) >= MOST_WAITING:
            self._callbacks.popleft()
            self._metrics.fleet_callbacks["dropped"] += 1
        self._callbacks.append((next(self._numbers), text))
        self._filled.set()

    async def write(self, registry: Registry, post: Post) -> None:
        """Write what there is, then what comes; ends only by what Redis raises."""
        while True:
            self._filled.clear()
            await self._write_calls(registry)
            await self.write_callbacks(post)
            await self._filled.wait()

    async def _write_calls(self, registry: Registry) -> None:
        if self._is_all_changed:
            self._is_all_changed = False
            await registry.rewrite(self._calls.values())
        elif self._changed:
            changed = {each: self._calls.get(each) for each in self._changed}
            self._changed.clear()
            await registry.write(changed)

    async def write_callbacks(self, post: Post) -> None:
        """Write the callbacks that wait; one that may be there is written again."""
        while self._callbacks:
            batch = list(itertools.islice(self._callbacks, MOST_AT_ONCE))
            await post.tell([text for _number, text in batch])
            self._metrics.fleet_callbacks["sent"] += len(batch)
            # Those in front may meanwhile have been dropped for newer ones.
            while self._callbacks and self._callbacks[0][0] <= batch[-1][0]:
                self._callbacks.popleft()
