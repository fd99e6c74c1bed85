"""Speech that comes from elsewhere, faster or slower than it is said."""

import asyncio
import collections
from collections.abc import AsyncIterator

from bridge.audio.pcm import Samples
from bridge.call.call import Call
from bridge.call.events import Heard
from bridge.tasks import Change

__all__ = ["Feed", "Outbox"]


class Feed:
    """One piece of speech, to be played while it comes; bounded.

    Args:
        most_samples: So much is kept; what goes beyond is dropped.
    """

    def __init__(self, most_samples: int) -> None:
        self.samples = 0
        self.dropped_samples = 0
        self._waiting: collections.deque[Samples] = collections.deque()
        self._waiting_samples = 0
        self._most_samples = most_samples
        self._is_over = False
        self._news = asyncio.Event()

    def add(self, samples: Samples) -> None:
        """Add what has come."""
        if self._waiting_samples + len(samples) > self._most_samples:
            self.dropped_samples += len(samples)
            return
        self.samples += len(samples)
        self._waiting_samples += len(samples)
        self._waiting.append(samples)
        self._news.set()

    def close(self) -> None:
        """That was all."""
        self._is_over = True
        self._news.set()

    async def pieces(self) -> AsyncIterator[Samples]:
        """Yield what comes, until that was all; for `Call.play`."""
        while True:
            while self._waiting:
                samples = self._waiting.popleft()
                self._waiting_samples -= len(samples)
                yield samples
            if self._is_over:
                return
            self._news.clear()
            await self._news.wait()


class Outbox:
    """All that a bot elsewhere says in a call: audio and marks, in order; bounded.

    Args:
        call: The call.
        most_s: So much waits to be said; what goes beyond is refused.
    """

    def __init__(self, call: Call, most_s: float) -> None:
        self._call = call
        self._most_samples = round(most_s * call.sample_rate_hz)
        self._waiting: collections.deque[Samples | str] = collections.deque()
        self._waiting_samples = 0
        self._news = asyncio.Event()
        self._said = Change()

    def say(self, samples: Samples) -> bool:
        """Say samples after what waits; False if there is no room for them."""
        if self._waiting_samples + len(samples) > self._most_samples:
            return False
        self._waiting_samples += len(samples)
        self._waiting.append(samples)
        self._news.set()
        return True

    def mark(self, name: str) -> None:
        """Mark this point: `Played(name)` comes when it is reached."""
        self._waiting.append(name)
        self._news.set()

    def clear(self) -> Heard:
        """Say nothing of what waits, and be silent."""
        self._waiting.clear()
        self._waiting_samples = 0
        self._said.announce()
        return self._call.interrupt()

    async def finished(self) -> None:
        """Wait until all was heard."""
        while self._waiting and self._call.is_open:
            await self._said.wait()
        await self._call.checkpoint("").done()

    async def run(self) -> None:
        """Say what comes, as long as it runs."""
        while True:
            while self._waiting:
                item = self._waiting.popleft()
                if isinstance(item, str):
                    self._call.checkpoint(item)
                else:
                    self._waiting_samples -= len(item)
                    await self._call.speak(item)
                self._said.announce()
            self._news.clear()
            await self._news.wait()
