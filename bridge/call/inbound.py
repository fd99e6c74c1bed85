"""The bounded queue between what the caller says and the bot that listens."""

import asyncio
import collections

from bridge.call.events import Audio, Ended, Event, Gap
from bridge.errors import MisuseError

__all__ = ["Inbound"]

LATE = "not read in time"

MOST_OTHER_EVENTS = 256
"""Keys and the like that wait for a bot; beyond that the oldest go."""

BEFORE_LISTENING_S = 0.2
"""How much audio is kept for a bot that has not begun to listen."""


class Inbound:
    """Keeps events until the bot takes them.

    When more than `limit_s` of audio waits, the oldest audio is dropped and a `Gap`
    stands in its place. Other events are kept, all but a flood of them.

    Args:
        sample_rate_hz: Of the audio.
        limit_s: How much of it may wait.
    """

    __slots__ = (
        *(
            "_early_samples",
            "_handed",
            "_limit_samples",
            "_loop",
            "_most_events",
            "_queue",
            "_rate_hz",
        ),
        *("_waiter", "_waiting_samples", "dropped_samples", "is_read", "taken"),
    )

    def __init__(self, sample_rate_hz: int, limit_s: float) -> None:
        self.dropped_samples = 0
        self.is_read = False
        self.taken = 0
        """So many events were read."""
        self._queue: collections.deque[Event] = collections.deque()
        self._handed: Audio | None = None
        """What came for a reader who waited for it: it is before all that is queued."""
        self._limit_samples = round(limit_s * sample_rate_hz)
        self._early_samples = round(BEFORE_LISTENING_S * sample_rate_hz)
        # As many frames as fit, and so many other events beside them.
        self._most_events = round(limit_s * 50) + MOST_OTHER_EVENTS
        self._rate_hz = sample_rate_hz
        self._waiting_samples = 0
        self._waiter: asyncio.Future[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def push_audio(self, audio: Audio) -> bool:
        """Add audio, and wake the reader; True if older audio was dropped for it."""
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            # Who waits has taken all that came before.
            self._handed = audio
            waiter.set_result(None)
            return False
        self._queue.append(audio)
        self._waiting_samples += len(audio.samples)
        limit = self._limit_samples if self.is_read else self._early_samples
        is_over = self._waiting_samples > limit
        while self._waiting_samples > limit:
            self._drop_oldest()
        return is_over and self.is_read

    def push(self, event: Event) -> None:
        """Add an event, and wake the reader."""
        if isinstance(event, Audio):
            self.push_audio(event)
            return
        self._queue.append(event)
        # A flood of keys at a bot that takes none: the oldest are stale by now.
        while len(self._queue) > self._most_events and self._drop_event():
            pass
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def take(self) -> Event | None:
        """Take the next event, if there is one; `Ended` stays, and comes again."""
        handed = self._handed
        if handed is not None:
            self._handed = None
            self.taken += 1
            return handed
        self.is_read = True
        if not self._queue:
            return None
        event = self._queue[0]
        if type(event) is Audio:
            self._waiting_samples -= len(event.samples)
        elif type(event) is Ended:
            return event
        self.taken += 1
        return self._queue.popleft()

    def begin_anew(self) -> None:
        """Let somebody else listen: what waited is stale, and who waited is gone."""
        self._queue = collections.deque(
            event for event in self._queue if not isinstance(event, Audio | Gap)
        )
        self._waiting_samples = 0
        self._handed = None
        if self._waiter is not None and not self._waiter.done():
            self._waiter.cancel()

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits to be read."""
        return not self._queue and self._handed is None

    def filled(self) -> asyncio.Future[None] | None:
        """To be awaited until there may be an event to take; None: there is one.

        Raises:
            MisuseError: If somebody else waits: they would rob each other.
        """
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            raise MisuseError("this call's events are already being read")
        self.is_read = True
        if self._queue or self._handed is not None:
            return None
        if self._loop is None:
            # Once: to ask which loop runs is a system call, until Python 3.12.
            self._loop = asyncio.get_running_loop()
        self._waiter = waiter = asyncio.Future(loop=self._loop)
        return waiter

    def _drop_event(self) -> bool:
        for place, event in enumerate(self._queue):
            if not isinstance(event, Audio | Ended):
                del self._queue[place]
                return True
        return False

    def _drop_oldest(self) -> None:
        place, oldest = next(
            (place, event)
            for place, event in enumerate(self._queue)
            if isinstance(event, Audio)
        )
        self._waiting_samples -= len(oldest.samples)
        del self._queue[place]
        if not self.is_read:
            return
        self.dropped_samples += len(oldest.samples)
        lost_s = len(oldest.samples) / self._rate_hz
        before = self._queue[place - 1] if place else None
        if isinstance(before, Gap) and before.reason == LATE:
            self._queue[place - 1] = Gap(before.duration_s + lost_s, LATE)
        else:
            self._queue.insert(place, Gap(lost_s, LATE))
