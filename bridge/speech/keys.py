"""Keys that a caller presses, gathered into entries."""

import asyncio
from collections.abc import Callable

__all__ = ["KeyPad"]


class KeyPad:
    """Gathers keys until the end key, the most, or a time-out.

    Args:
        end: The key that ends an entry, and is no part of it; empty: none does.
        most: So many are an entry.
        timeout_s: An entry is over so long after its last key.
        on_entry: Told of each; an end key alone is an empty one.
    """

    def __init__(
        self, end: str, most: int, timeout_s: float, on_entry: Callable[[str], None]
    ) -> None:
        self._end = end
        self._most = most
        self._timeout_s = timeout_s
        self._on_entry = on_entry
        self._pressed = ""
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_open(self) -> bool:
        """Whether an entry has begun."""
        return bool(self._pressed)

    def press(self, key: str) -> None:
        """Take a key."""
        self._stop()
        if key == self._end:
            self._over()
            return
        self._pressed += key
        if len(self._pressed) >= self._most:
            self._over()
            return
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._timeout_s, self._over)

    def close(self) -> None:
        """Forget what was pressed, and wait for no more."""
        self._stop()
        self._pressed = ""

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _over(self) -> None:
        self._stop()
        entry, self._pressed = self._pressed, ""
        self._on_entry(entry)
