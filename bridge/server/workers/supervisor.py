"""Keeps the workers of a server alive: each is a process, and replaced if it dies."""

import asyncio
import contextlib
import logging
import os
import signal
import socket
from collections.abc import Sequence
from typing import Any

from bridge.errors import BridgeError, ConfigError
from bridge.server.fleet import FleetCall
from bridge.server.options import ServerOptions
from bridge.server.workers.exchange import SNAPSHOT_S
from bridge.server.workers.hub import Hub
from bridge.server.workers.letters import Failed, Force, Level, Reload, Stop
from bridge.server.workers.seat import Seat
from bridge.server.workers.watch import Watch
from bridge.server.workers.wire import Wire
from bridge.tasks import Change, background, failures_in

__all__ = ["LENGTH_BYTES", "Supervisor"]

_LOG = logging.getLogger(__name__)

LENGTH_BYTES = 8
"""Of the plan's length, before the plan, on a worker's standard input."""

QUICK_S = 10.0
"""A worker that lives no longer dies of something that will kill the next one, too."""

FIRST_BACKOFF_S = 0.2
LONGEST_BACKOFF_S = 30.0

MOST_QUICK_DEATHS = 5
"""One after the other; then it is given up, unless some worker still serves."""

LAST_WORDS_S = 1.0
"""From a worker's end to that of its socket: a bot's own child may hold it open."""

MOST_NAMED = 20
"""So many lost calls are named in the log."""


class Supervisor:
    """The parent of the workers.

    Args:
        command: Runs a worker, with three more arguments: the parent's process, its
            place, and the descriptor of its socket to the hub. It gets the plan by its
            standard input, which stays open for as long as the parent lives.
        plan: What it shall do.
        options: How many workers there are, and how long one may be silent.
        shared: Descriptors that they get, too, under the same numbers.
    """

    def __init__(
        self,
        command: Sequence[str],
        plan: bytes,
        options: ServerOptions,
        shared: Sequence[int] = (),
    ) -> None:
        self.hub = Hub(self._on_ready, options.access.nonce_window_s)
        self._command = tuple(command)
        self._plan = len(plan).to_bytes(LENGTH_BYTES, "big") + plan
        self._shared = tuple(shared)
        self._count = options.workers
        self._watch = Watch(self.hub, options.worker_silence_s, self._kill)
        self._processes: dict[int, asyncio.subprocess.Process] = {}
        self._stopping = asyncio.Event()
        self._change = Change()
        self._where: dict[str, Any] | None = None
        self._quick_deaths = 0

    def __repr__(self) -> str:
        return f"<Supervisor {len(self.hub.ready)} of {self._count} workers>"

    async def run(self) -> None:
        """Run the workers until all have ended, as they were told to.

        Raises:
            ConfigError: If one could not start because of an option.
            BridgeError: If they die again and again.
        """
        try:
            async with background(
                metrics=self._tell_metrics(), watch=self._watch.run()
            ) as spawn:
                places = range(1, self._count + 1)
                await asyncio.wait(
                    [spawn(f"worker {place}", self._keep(place)) for place in places]
                )
        except ExceptionGroup as group:
            found = (e for e in failures_in(group) if isinstance(e, BridgeError))
            raise next(found, group) from None
        finally:
            for place, process in list(self._processes.items()):
                self._kill(place)
                # For nobody else does any more: the kernel would keep what is left
                # of it, and the loop its pipe.
                await process.wait()

    async def up(self) -> dict[str, Any]:
        """Wait until all take streams at the same time; where."""
        while self._where is None:
            await self._change.wait()
        return self._where

    def stop(self) -> None:
        """Let all drain, and end."""
        self._stopping.set()
        self.hub.tell(Stop())

    def force(self) -> None:
        """Let none wait any more for calls to end."""
        self.hub.tell(Force())

    def reload(self) -> None:
        """Have all load the certificate anew."""
        self.hub.tell(Reload())

    def set_log_level(self, level: int) -> None:
        """Have all log as much."""
        self.hub.tell(Level(level))

    # ------------------------------------------------------------------ inside

    def _on_ready(self) -> None:
        ready = self.hub.ready
        if self._where is None and len(ready) == self._count:
            # Kept: when somebody comes to look, one of them may be gone again.
            self._where = ready[0].facts
        self.hub.tell_metrics()
        self._change.announce()

    async def _tell_metrics(self) -> None:
        while True:
            self.hub.tell_metrics()
            await asyncio.sleep(SNAPSHOT_S)

    async def _keep(self, place: int) -> None:
        """Run a worker; when it has died, another."""
        now = asyncio.get_running_loop().time
        backoff_s = 0.0
        while not self._stopping.is_set():
            began_s = now()
            try:
                process, ours = await self._start(place)
            except OSError as error:
                # Of too many processes or descriptors, say: there may be fewer soon.
                failure: Failed | None = Failed(str(error), is_config=False)
                is_quick = True
            else:
                seat, lost, code = await self._live(place, process, ours)
                failure = seat.failure
                has_left = self._has_left(seat, code)
                if has_left:
                    _LOG.info("worker %d has ended", place)
                else:
                    self._mourn(place, seat, lost, code)
                is_young = seat.facts is None or now() - began_s < QUICK_S
                is_quick = not has_left and is_young
            if self._stopping.is_set():
                return
            self._quick_deaths = self._quick_deaths + 1 if is_quick else 0
            backoff_s = max(FIRST_BACKOFF_S, 2 * backoff_s) if is_quick else 0.0
            self._give_up_on(failure)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(backoff_s, LONGEST_BACKOFF_S)):
                    await self._stopping.wait()

    async def _start(
        self, place: int
    ) -> tuple[asyncio.subprocess.Process, socket.socket]:
        """Start a worker; its process, and our end of its socket.

        Raises:
            OSError: If there can be no more processes or descriptors now.
        """
        ours, theirs = socket.socketpair()
        with contextlib.ExitStack() as unless_started, theirs:
            unless_started.callback(ours.close)
            process = await asyncio.create_subprocess_exec(
                *self._command,
                *map(str, (os.getpid(), place, theirs.fileno())),
                stdin=asyncio.subprocess.PIPE,
                pass_fds=(theirs.fileno(), *self._shared),
                # What a terminal or an init system sends to a group is the parent's
                # to hear, and to tell.
                start_new_session=True,
            )
            unless_started.pop_all()
        self._processes[place] = process
        return process, ours

    async def _live(
        self, place: int, process: asyncio.subprocess.Process, ours: socket.socket
    ) -> tuple[Seat, list[FleetCall], int]:
        """One worker's life: what it had last, its calls that are lost, its code."""
        wire = await Wire.over(ours)
        async with background() as spawn:
            attending = spawn(f"hub {place}", self.hub.attend(place, wire, process.pid))
            if process.stdin is not None:
                process.stdin.write(self._plan)
            if self._stopping.is_set():
                wire.send(0, Stop())
            try:
                code = await process.wait()
            except asyncio.CancelledError:
                # At once: it may be what the end of the block would wait for.
                self._kill(place)
                raise
            await asyncio.wait({attending}, timeout=LAST_WORDS_S)
            del self._processes[place]
        seat = self.hub.seats[place]
        return seat, self.hub.leave(place), code

    def _kill(self, place: int) -> None:
        """End a worker that hears nothing else."""
        process = self._processes.get(place)
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()

    def _has_left(self, seat: Seat, code: int) -> bool:
        """Whether a worker ended as it should: asked to, or with no calls to lose."""
        is_asked = self._stopping.is_set()
        return seat.facts is not None and code == 0 and (is_asked or not seat.count)

    def _mourn(
        self, place: int, seat: Seat, lost: Sequence[FleetCall], code: int
    ) -> None:
        self.hub.deaths += 1
        self.hub.calls_lost += seat.count
        self.hub.tell_metrics()
        _LOG.error(
            "worker %d died (%s), and with it %d calls%s",
            place,
            _cause(code),
            seat.count,
            "".join(f" {call.stream_id}" for call in lost[:MOST_NAMED]),
        )

    def _give_up_on(self, failure: Failed | None) -> None:
        """See whether a worker that could not live means that none can."""
        was_up = self._where is not None
        if failure is not None and not was_up:
            kind = ConfigError if failure.is_config else BridgeError
            raise kind(failure.text)
        if failure is not None:
            _LOG.error("a worker cannot start: %s", failure.text)
        is_nobody_there = not was_up or not self.hub.ready
        if self._quick_deaths >= MOST_QUICK_DEATHS and is_nobody_there:
            raise BridgeError(
                f"{self._quick_deaths} workers died one after the other, each within "
                f"{QUICK_S:g} s of its start, or before it was ready: the log says of "
                "what"
            )


def _cause(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
