"""The loop's clock, and what it shows on the wall."""

import asyncio
import datetime

__all__ = ["Clock"]


class Clock:
    """Times of calls are the loop's, which do not jump; people read the wall's."""

    def __init__(self) -> None:
        self._now = asyncio.get_running_loop().time
        wall_s = datetime.datetime.now(datetime.UTC).timestamp()
        self._epoch_s = wall_s - self._now()

    @property
    def now_s(self) -> float:
        """The loop's time."""
        return self._now()

    def epoch_s(self, loop_s: float) -> float:
        """A time of the loop, in seconds since 1970."""
        return self._epoch_s + loop_s

    def when(self, loop_s: float | None = None) -> datetime.datetime:
        """A time of the loop, or now, UTC, in whole seconds."""
        at_s = self._epoch_s + (self._now() if loop_s is None else loop_s)
        whole = datetime.datetime.fromtimestamp(at_s, datetime.UTC)
        return whole.replace(microsecond=0)
