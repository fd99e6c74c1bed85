"""One thread for what may hang, as a disk does: in order, and no reason to stay.

The threads of `concurrent.futures` are waited for when the process ends, for ever
where they hang in the system. This one is left behind.
"""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, ParamSpec, TypeVar

__all__ = ["PatientThread"]

P = ParamSpec("P")
T = TypeVar("T")

Work = Callable[[], None]


class PatientThread(Executor):
    """Does one thing after the other, in a thread that begins with the first.

    Args:
        name: Of the thread.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._waiting: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def submit(
        self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Future[T]:
        """Do it after everything that was submitted before."""
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._run, name=self._name, daemon=True
            )
            self._thread.start()
        future: Future[T] = Future()

        def work() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(fn(*args, **kwargs))
            except BaseException as error:  # noqa: BLE001 - it is who submitted's
                future.set_exception(error)

        self._waiting.put(work)
        return future

    def shutdown(self, wait: bool = False, **_more: Any) -> None:  # noqa: FBT001, FBT002 - as its base has it
        """Let the thread end after what was submitted.

        Args:
            wait: Whether to wait for that.
        """
        if self._thread is None:
            return
        self._waiting.put(None)
        if wait:
            self._thread.join()

    def _run(self) -> None:
        while (work := self._waiting.get()) is not None:
            work()
