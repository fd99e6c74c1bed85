"""The parent of workers, and how these end: real processes that do nothing else."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bridge.errors import ConfigError
from bridge.server.options import ServerOptions
from bridge.server.workers.letters import Ready
from bridge.server.workers.supervisor import Supervisor
from bridge.server.workers.wire import Wire
from bridge.tasks import background
from tests.e2e.test_workers import is_there
from tests.patience import PATIENCE_S, until

WORKER = """
import asyncio, ctypes, os, socket, subprocess, sys
from bridge.server.workers.letters import Failed, Ready
from bridge.server.workers.wire import Wire

place, descriptor = map(int, sys.argv[2:])

def hold():
    "Nothing but the kernel ends it: no thread and no signal gets the interpreter."
    ctypes.PyDLL(None).sleep(600)

async def main():
    wire = await Wire.over(socket.socket(fileno=descriptor))
    say = lambda letter: wire.send(0, letter)
    {what}
    await wire.close()

asyncio.run(main())
"""

READY = "say(Ready({'port': place})); await asyncio.sleep(0.1)"

HANGS = f"{READY}; hold()"


def supervisor(what: str, count: int, silence_s: float = 10.0) -> Supervisor:
    """One whose workers run a line of Python."""
    command = (sys.executable, "-c", WORKER.replace("{what}", what))
    options = ServerOptions(workers=count, worker_silence_s=silence_s)
    return Supervisor(command, b"", options)


def pids(parent: Supervisor) -> list[int]:
    return [process.pid for process in parent._processes.values()]


@asynccontextmanager
async def running(parent: Supervisor) -> AsyncIterator[asyncio.Task[None]]:
    """It runs while the block does; afterwards no worker is left."""
    began: set[int] = set()
    async with asyncio.timeout(2 * PATIENCE_S), background() as spawn:
        task = spawn("supervisor", parent.run())
        try:
            yield task
        finally:
            began.update(pids(parent))
    await until(lambda: not any(map(is_there, began)))


async def test_where_it_serves_is_known_when_a_worker_is_gone_again() -> None:
    """Who waits for it wakes a moment after the workers were ready."""
    parent = supervisor(READY, 1)
    ours, theirs = socket.socketpair()
    wire = await Wire.over(theirs)
    async with background() as spawn:
        attending = spawn("hub", parent.hub.attend(1, await Wire.over(ours)))
        asked = asyncio.create_task(parent.up())
        wire.send(0, Ready({"port": 5}))
        await wire.close()
        await attending
    parent.hub.leave(1)
    assert parent.hub.ready == []
    async with asyncio.timeout(PATIENCE_S):
        assert await asked == {"port": 5}
        assert await parent.up() == {"port": 5}


async def test_cancelled_it_leaves_no_worker() -> None:
    """Not even those that hear nothing any more."""
    parent = supervisor(HANGS, 2, silence_s=0)
    async with running(parent) as task:
        async with asyncio.timeout(PATIENCE_S):
            await parent.up()
        there = pids(parent)
        assert len(there) == 2
        workers = list(parent._processes.values())
        task.cancel()
        await asyncio.wait({task}, timeout=PATIENCE_S)
        assert task.done()
        # It has waited for their end: nothing of them is left to the loop.
        assert all(worker.returncode is not None for worker in workers)
        assert not any(map(is_there, there))


async def test_a_mistake_of_the_operator_ends_all() -> None:
    """Those, too, that are still busy with their start."""
    parent = supervisor(
        "hold() if place == 2 else say(Failed('no such model', is_config=True))", 2
    )
    there: list[int] = []

    async def run() -> None:
        async with asyncio.timeout(PATIENCE_S):
            with pytest.raises(ConfigError, match="no such model"):
                await parent.run()

    async with background() as spawn:
        task = spawn("run", run())
        await until(lambda: len(pids(parent)) == 2 or task.done())
        there += pids(parent)
        await task
    await until(lambda: not any(map(is_there, there)))


async def test_a_hung_worker_is_replaced_while_the_other_serves() -> None:
    """It is counted; what it was told has no part in it."""
    parent = supervisor(f"{READY}; (hold if place == 1 else input)()", 2, silence_s=2)
    async with running(parent):
        async with asyncio.timeout(PATIENCE_S):
            await parent.up()
        seat = parent.hub.seats[2]
        # As a real one does all the time; this one only waits.
        alive = asyncio.get_running_loop().create_task(keep_alive(lambda: seat))
        first = parent._processes[1].pid
        # On a slow machine one may have been silent before the other was ready.
        deaths, hangs = parent.hub.deaths, parent.hub.hangs
        await until(lambda: parent.hub.deaths > deaths)
        assert parent.hub.hangs > hangs
        assert not is_there(first)
        await until(lambda: 1 in parent.hub.seats and 1 in parent._processes)
        assert parent.hub.seats[2] is seat
        alive.cancel()


async def keep_alive(seat: Callable[[], object]) -> None:
    while True:
        seat().silent_s = 0.0  # type: ignore[attr-defined]
        await asyncio.sleep(0.1)


async def test_a_hung_worker_does_not_hold_up_the_end() -> None:
    """Told to stop, it says nothing; the others have drained long ago."""
    parent = supervisor(HANGS, 1, silence_s=2)
    async with running(parent) as task:
        async with asyncio.timeout(PATIENCE_S):
            await parent.up()
        parent.stop()
        await asyncio.wait({task}, timeout=PATIENCE_S)
        assert task.done()
        assert task.exception() is None
        assert (parent.hub.hangs, parent.hub.deaths) == (1, 1)


async def test_a_child_that_holds_the_socket_holds_up_nothing(tmp_path: Path) -> None:
    """A bot's own process may outlive its worker, and have inherited it."""
    file = tmp_path / "pids"
    child = (
        f"{READY}; child = subprocess.Popen(['sleep', '600'], pass_fds=[descriptor]); "
        f"print(child.pid, file=open({str(file)!r}, 'a')); os._exit(3)"
    )
    parent = supervisor(child, 1)
    try:
        async with running(parent):
            await until(lambda: parent.hub.deaths >= 2)
    finally:
        for pid in map(int, file.read_text().split()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
