"""Whether a bot still attends to its call."""

import asyncio
from collections.abc import Callable, Hashable

from bridge.errors import BridgeError

__all__ = ["StuckError", "attended"]

LOOKS = 4
"""In the time that a bot has."""


class StuckError(BridgeError):
    """A bot neither listens nor speaks, and has not said that it is done.

    Args:
        seconds: For how long.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds

    def __str__(self) -> str:
        return f"it neither listened nor spoke for {self.seconds:g} s"


async def attended(progress: Callable[[], Hashable | None], limit_s: float) -> None:
    """Watch a bot, for ever.

    Args:
        progress: How far it has come; None while there is nothing to wait for.
        limit_s: How long the same progress is enough; 0: for ever.

    Raises:
        StuckError: If it does not get on.
    """
    now = asyncio.get_running_loop().time
    seen, since_s = progress(), now()
    while limit_s:
        await asyncio.sleep(limit_s / LOOKS)
        found = progress()
        if found is None or found != seen:
            seen, since_s = found, now()
        elif now() - since_s >= limit_s:
            raise StuckError(limit_s)
