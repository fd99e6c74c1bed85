"""Tasks that live inside a block, and end with it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager
from typing import Protocol

__all__ = ["Change", "Spawn", "background", "expendable", "failures_in"]

_LOG = logging.getLogger(__name__)


class Change:
    """Wakes everybody who waits for something to be different."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def announce(self) -> None:
        """Something is different now."""
        self._event.set()
        self._event = asyncio.Event()

    async def wait(self) -> None:
        """Wait for the next announcement."""
        await self._event.wait()


class Spawn(Protocol):
    """Starts one more task in a `background` block."""

    def __call__(
        self, name: str, coroutine: Coroutine[None, None, None]
    ) -> asyncio.Task[None]:
        """Run a coroutine until it ends or the block does."""


def expendable(spawn: Spawn) -> Spawn:
    """Make tasks of a block that may fail without ending it.

    For work whose failure is nobody else's matter, as a sound that cannot be fetched:
    what it raises is logged.
    """

    def spawned(
        name: str, coroutine: Coroutine[None, None, None]
    ) -> asyncio.Task[None]:
        task = spawn(name, _logged(name, coroutine))
        # Cancelled before its first step, it would be left behind unawaited.
        task.add_done_callback(lambda _task: coroutine.close())
        return task

    return spawned


async def _logged(name: str, coroutine: Coroutine[None, None, None]) -> None:
    try:
        await coroutine
    # The edge of a task that others must survive.
    except Exception:  # noqa: BLE001
        _LOG.exception("%s failed", name)


def failures_in(failures: ExceptionGroup[Exception]) -> Iterator[Exception]:
    """What failed, however many task groups it came through."""
    for failure in failures.exceptions:
        if isinstance(failure, ExceptionGroup):
            yield from failures_in(failure)
        else:
            yield failure


async def _to_its_end(name: str, coroutine: Coroutine[None, None, None]) -> None:
    """Run a coroutine; if it ends as cancelled and nobody cancelled it, it failed.

    A TaskGroup takes a cancelled task for one that was meant to end.
    """
    try:
        await coroutine
    except asyncio.CancelledError as error:
        # A task named here would hold itself: by its exception, and that by its frame.
        if _is_being_cancelled():
            raise
        raise RuntimeError(f"{name} was cancelled from within") from error
    except (Exception, GeneratorExit, KeyboardInterrupt):
        raise
    # `sys.exit()`, or the panic of an extension, would be the end of the loop.
    except BaseException as error:
        raise RuntimeError(f"{type(error).__name__}: {error}") from error


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


@asynccontextmanager
async def background(**work: Coroutine[None, None, None]) -> AsyncIterator[Spawn]:
    """Run coroutines while the block runs, and cancel them when it ends.

    The keywords name the tasks; more can be spawned in the block. If one fails, the
    block is cancelled and the failure comes out in an ExceptionGroup; what the block
    itself raises comes out as it is.
    """
    failure: Exception | None = None
    async with asyncio.TaskGroup() as group:
        tasks: set[asyncio.Task[None]] = set()

        def spawn(
            name: str, coroutine: Coroutine[None, None, None]
        ) -> asyncio.Task[None]:
            task = group.create_task(_to_its_end(name, coroutine), name=name)
            # Cancelled before its first step, it would be left behind unawaited.
            task.add_done_callback(lambda _task: coroutine.close())
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            return task

        for name, coroutine in work.items():
            spawn(name, coroutine)
        try:
            yield spawn
        # Kept from the group, which would wrap it, and raised again below.
        except Exception as error:  # noqa: BLE001
            failure = error
        finally:
            for task in list(tasks):
                task.cancel()
    if failure is not None:
        raise failure
