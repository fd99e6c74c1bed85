"""How tests bear a machine that is slow, or stands still for a while.

What is to happen is waited for, with a deadline that only a fault misses. What is about
time itself (a call without a gap, a hole as long as it was made) cannot be true while
the machine stands still: such a test is tried anew if it failed then, and only then.
"""

import asyncio
import functools
import inspect
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from time import perf_counter, sleep
from typing import Any, TypeVar, cast

__all__ = ["PATIENCE_S", "in_real_time", "lateness", "until"]

PATIENCE_S = 30.0
"""Whatever has not happened by then never will."""

STOOD_STILL_S = 0.05
"""A thread that wakes so late was not let run, and neither were calls."""

ATTEMPTS = 4

Test = TypeVar("Test", bound=Callable[..., Any])


async def until(
    is_so: Callable[[], object | Awaitable[object]], within_s: float = PATIENCE_S
) -> None:
    """Wait for something to be so; the question may be a coroutine.

    Raises:
        TimeoutError: If it is not, in time.
    """
    async with asyncio.timeout(within_s):
        while True:
            answer = is_so()
            if await answer if inspect.isawaitable(answer) else answer:
                return
            await asyncio.sleep(0.01)


def in_real_time(test: Test) -> Test:
    """Try a test anew if it fails while this process is not let run.

    That is seen by a thread that does nothing else, so that code of ours that blocks
    the event loop is no excuse.
    """
    if inspect.iscoroutinefunction(test):

        @functools.wraps(test)
        async def awaited(*args: Any, **kwargs: Any) -> None:
            for _ in range(ATTEMPTS - 1):
                with lateness() as longest_s:
                    try:
                        await test(*args, **kwargs)
                    except (AssertionError, TimeoutError):
                        if longest_s() < STOOD_STILL_S:
                            raise
                    else:
                        return
            await test(*args, **kwargs)

        return cast("Test", awaited)

    @functools.wraps(test)
    def called(*args: Any, **kwargs: Any) -> None:
        for _ in range(ATTEMPTS - 1):
            with lateness() as longest_s:
                try:
                    test(*args, **kwargs)
                except (AssertionError, TimeoutError):
                    if longest_s() < STOOD_STILL_S:
                        raise
                else:
                    return
        test(*args, **kwargs)

    return cast("Test", called)


@contextmanager
def lateness() -> Iterator[Callable[[], float]]:
    """Gives how late a thread that does nothing else woke at most, so far."""
    late_s = [0.0]
    is_over = threading.Event()

    def watch() -> None:
        while not is_over.is_set():
            began_s = perf_counter()
            sleep(0.01)
            late_s.append(perf_counter() - began_s - 0.01)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield lambda: max(late_s)
    finally:
        is_over.set()
        thread.join()
