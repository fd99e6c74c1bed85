"""A loop whose time passes only when nothing is left to do."""

import asyncio
import selectors
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

__all__ = ["VirtualLoop"]

STUCK_AFTER_S = 5.0


class JumpingSelector(selectors.DefaultSelector):
    """Jumps to the next timer instead of waiting for it."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def select(
        self, timeout: float | None = None
    ) -> list[tuple[selectors.SelectorKey, int]]:
        """Poll; then let the time pass that nobody has to wait for."""
        ready = super().select(0 if timeout is not None else STUCK_AFTER_S)
        if not ready and timeout is None:
            raise AssertionError("every task waits and no timer is set")
        if not ready and timeout is not None:
            self.now_s += max(0.0, timeout)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An hour of it takes as long as what happens in it."""

    def __init__(self) -> None:
        self._jumping = JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """The virtual time, in seconds."""
        return self._jumping.now_s

    def run_in_executor(  # type: ignore[override]
        self, _executor: Executor | None, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """Run at once: no time may pass while a thread works."""
        future: asyncio.Future[Any] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - it is the future's
            future.set_exception(error)
        return future

    def spend(self, seconds: float) -> None:
        """Let time pass while the code that calls this runs: a stall."""
        self._jumping.now_s += seconds
