"""Workers as processes of this machine, told and heard by lines of JSON."""

import asyncio
import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Self

import msgspec

from bridge.errors import BridgeError
from bridge.load.seconds import Second
from bridge.load.worker import Share, Worker

__all__ = ["Processes", "child"]

LONGEST_LINE_BYTES = 256 * 1024 * 1024
"""The outcome of thousands of streams is one line."""

READY_TIMEOUT_S = 60.0

ORPHAN_LIVES_S = 10.0
"""A worker without a parent ends its calls; after so long it ends, whatever it does."""

STOP_TIMEOUT_S = 15.0
"""For workers that were asked to end."""

CHILD = "from bridge.load.processes import child; child()"


class Line(msgspec.Struct, omit_defaults=True):
    """What a worker says; one of these."""

    ready: bool = False
    second: Second | None = None
    outcome: dict[str, Any] | None = None


class Processes:
    """One process a share.

    Args:
        shares: Of the plan.
        on_second: Told of each second of each worker, with the worker's place.
    """

    def __init__(
        self, shares: Sequence[Share], on_second: Callable[[int, Second], None]
    ) -> None:
        self._shares = shares
        self._on_second = on_second
        self._workers: list[asyncio.subprocess.Process] = []

    async def __aenter__(self) -> Self:
        """Start them, and wait until all are ready."""
        try:
            for share in self._shares:
                worker = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-c", CHILD),
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    limit=LONGEST_LINE_BYTES,
                    # Ctrl-C is the parent's to hear.
                    start_new_session=True,
                )
                self._workers.append(worker)
                await _tell(worker, msgspec.json.encode(share))
            async with asyncio.timeout(READY_TIMEOUT_S):
                for worker in self._workers:
                    await _hear(worker)
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """End those that have not ended."""
        self._kill()
        for worker in self._workers:
            await worker.wait()

    def _kill(self) -> None:
        for worker in self._workers:
            if worker.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    worker.kill()

    async def run(self) -> list[dict[str, Any]]:
        """Run all shares at once; returns their outcomes."""
        for worker in self._workers:
            await _tell(worker, b"go")
        return await asyncio.gather(
            *(self._outcome(place, each) for place, each in enumerate(self._workers))
        )

    def stop(self) -> None:
        """Ask all to end now; who has not when the time is up, is ended."""
        asyncio.get_running_loop().call_later(STOP_TIMEOUT_S, self._kill)
        for worker in self._workers:
            if worker.stdin is not None and worker.returncode is None:
                worker.stdin.write(b"stop\n")

    async def _outcome(
        self, place: int, worker: asyncio.subprocess.Process
    ) -> dict[str, Any]:
        while True:
            line = await _hear(worker)
            if line.second is not None:
                self._on_second(place, line.second)
            if line.outcome is not None:
                return line.outcome


async def _tell(worker: asyncio.subprocess.Process, text: bytes) -> None:
    assert worker.stdin is not None
    worker.stdin.write(text + b"\n")
    with contextlib.suppress(ConnectionError):
        await worker.stdin.drain()


async def _hear(worker: asyncio.subprocess.Process) -> Line:
    assert worker.stdout is not None
    text = await worker.stdout.readline()
    if not text:
        raise BridgeError(f"a process of callers ended with {await worker.wait()}")
    return msgspec.json.decode(text, type=Line)


# ------------------------------------------------------------------------ the child


def child() -> None:
    """Be a worker: a share comes in, seconds and an outcome go out."""
    share = msgspec.json.decode(sys.stdin.buffer.readline(), type=Share)
    worker = Worker(share, lambda second: _say(Line(second=second)))
    _say(Line(ready=True))
    if not sys.stdin.buffer.readline():
        return
    # The parent may be gone when there is something to say to it.
    with contextlib.suppress(BrokenPipeError):
        _say(Line(outcome=_run(_until_told(worker))))


async def _until_told(worker: Worker) -> dict[str, Any]:
    """Run; a line from the parent ends it early, and the parent's end ends it all."""
    loop = asyncio.get_running_loop()

    def listen() -> None:
        word = sys.stdin.buffer.readline()
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(worker.stop)
        if not word:
            time.sleep(ORPHAN_LIVES_S)  # noqa: TID251 - a thread's, not the loop's
            os._exit(1)

    threading.Thread(target=listen, daemon=True).start()
    return await worker.run()


def _run(main: Any) -> dict[str, Any]:
    try:
        import uvloop  # noqa: PLC0415 - it is not for every platform
    except ImportError:
        return asyncio.run(main)
    outcome: dict[str, Any] = uvloop.run(main)
    return outcome


def _say(line: Line) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(line) + b"\n")
    sys.stdout.buffer.flush()
