"""`mpc-bridge serve --workers`: the parent, and what runs in each worker."""

import asyncio
import contextlib
import ctypes
import dataclasses
import logging
import os
import pickle
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from bridge.cli import logs, setup
from bridge.cli.serve_plan import Plan, facts, show
from bridge.cli.turns import Turns, shared_turns
from bridge.errors import BridgeError, ConfigError
from bridge.listening import reserve
from bridge.server import membership
from bridge.server.app import BridgeServer, serving
from bridge.server.options import ServerOptions
from bridge.server.workers.letters import Failed, Force, Ready, Reload, Stop
from bridge.server.workers.spoke import Spoke
from bridge.server.workers.supervisor import LENGTH_BYTES, Supervisor
from bridge.server.workers.wire import Wire
from bridge.tasks import background

__all__ = ["Log", "child", "supervise"]

CHILD = (
    # Before what takes long to load: until a worker hears them, they would end it.
    "import signal as s; s.signal(s.SIGHUP, s.SIG_IGN); s.signal(s.SIGUSR1, s.SIG_IGN);"
    "from bridge.cli.workers import child; child()"
)

PR_SET_PDEATHSIG = 1
"""Of Linux: have a signal sent to this process when its parent ends."""


@dataclasses.dataclass(frozen=True, slots=True)
class Log:
    """How the processes log."""

    level: str
    line_format: str

    def configure(self, turns: Turns, worker: int = 0) -> None:
        """Log so in this process."""
        logs.configure_logging(self.level, self.line_format, worker=worker, turns=turns)


async def supervise(plan: Plan, log: Log, *, as_json: bool) -> None:
    """Run the workers of a plan until a signal, and then until they have drained.

    Raises:
        ConfigError: If a port cannot be had, or a worker cannot start with the plan.
        BridgeError: If workers die again and again.
    """
    with _ports(plan.server) as options, shared_turns() as turns:
        log.configure(turns)
        plan = dataclasses.replace(plan, server=options)
        # From ourselves to ourselves, by a pipe of our own: nobody can write to it.
        text = pickle.dumps((plan, log, turns.descriptor))
        shared = [turns.descriptor]
        supervisor = Supervisor(_command(), text, options, shared)

        def debug() -> None:
            logs.toggle_debug()
            supervisor.set_log_level(logging.getLogger().level)

        async def obey() -> None:
            await setup.until_signalled(supervisor.force, supervisor.reload, debug)
            supervisor.stop()

        async def tell() -> None:
            where = await supervisor.up()
            show({**where, "workers": options.workers}, as_json=as_json)

        async with background(signals=obey(), ready=tell()):
            await supervisor.run()


@contextlib.contextmanager
def _ports(options: ServerOptions) -> Iterator[ServerOptions]:
    """Keep the server's ports while the block runs; the options that name them."""
    with contextlib.ExitStack() as stack:

        def port(host: str, wanted: int) -> int:
            kept = stack.enter_context(reserve(host, wanted))
            number: int = kept.getsockname()[1]
            return number

        admin = options.admin
        if admin.admin:
            settled = port(admin.admin_host, admin.admin_port)
            admin = dataclasses.replace(admin, admin_port=settled)
        callbacks_port = options.callbacks_port
        if options.callbacks:
            callbacks_port = port(options.host, callbacks_port)
        yield dataclasses.replace(
            options,
            port=port(options.host, options.port),
            callbacks_port=callbacks_port,
            admin=admin,
            instance=options.instance or membership.name_of_this(),
        )


def _command() -> tuple[str, ...]:
    """How a worker is started; it finds modules where this process does."""
    looks_here = not {"", str(Path.cwd())}.isdisjoint(sys.path)
    return (sys.executable, *(() if looks_here else ("-P",)), "-c", CHILD)


# ----------------------------------------------------------------------- in a worker


def child() -> None:
    """Be a worker.

    The arguments are the parent's process, the worker's place, and the descriptor of
    its socket.
    """
    parent, place, descriptor = map(int, sys.argv[1:])
    _die_with(parent)
    length = int.from_bytes(sys.stdin.buffer.read(LENGTH_BYTES), "big")
    plan, log, turns = pickle.loads(sys.stdin.buffer.read(length))
    for ours_alone in (descriptor, turns):
        os.set_inheritable(ours_alone, False)  # noqa: FBT003 - it knows no keyword
    _end_with_parent()
    log.configure(Turns(turns), place)
    setup.run(_work(plan, place, socket.socket(fileno=descriptor)))


def _die_with(parent: int) -> None:
    """Be killed when the parent ends, even if a bot never gives up the interpreter."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # It may have ended before that was asked for.
    if os.getppid() != parent:
        sys.exit(1)


def _end_with_parent() -> None:
    """End at once when the parent does, whatever the event loop is doing.

    Where the kernel does not see to it: this needs the interpreter. The other end of
    our standard input is the parent's alone.
    """
    parent = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)

    def wait() -> None:
        os.read(parent, 1)
        os._exit(1)

    threading.Thread(target=wait, name="parent", daemon=True).start()


async def _work(plan: Plan, place: int, end: socket.socket) -> None:
    wire = await Wire.over(end)
    spoke = Spoke(place, wire)
    orders = _Orders(spoke)
    try:
        bots = plan.load_bots()
        async with serving(bots, plan.server, plan.call, plan.plivo, spoke) as server:
            server.on_drained = setup.leave_soon
            setup.settle_memory()
            orders.are_for(server)
            spoke.send(Ready(facts(server, list(bots))))
            await orders.stop.wait()
    except BridgeError as error:
        spoke.send(Failed(str(error), isinstance(error, ConfigError)))
        sys.exit(1)
    finally:
        await wire.close()


class _Orders:
    """What the parent, or a signal to this worker alone, has it do.

    SIGTERM is no second one to an order to stop: an init system may send it to all.
    """

    def __init__(self, spoke: Spoke) -> None:
        self.stop = asyncio.Event()
        self._is_forced = False
        self._server: BridgeServer | None = None
        spoke.hear(Stop, lambda _parent, _letter: self.stop.set())
        spoke.hear(Force, lambda _parent, _letter: self._force())
        spoke.hear(Reload, lambda _parent, _letter: self._reload())

    def are_for(self, server: BridgeServer) -> None:
        """Have a server obey; also orders that came before it was there."""
        self._server = server
        if self._is_forced:
            server.force()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._leave)
        loop.add_signal_handler(signal.SIGINT, self._leave)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        loop.add_signal_handler(signal.SIGUSR1, logs.toggle_debug)

    def _leave(self) -> None:
        """Stop alone: the others get the new calls, which this one would refuse."""
        if self._server is not None and not self.stop.is_set():
            self._server.stop_listening()
        self.stop.set()

    def _force(self) -> None:
        self._is_forced = True
        self.stop.set()
        if self._server is not None:
            self._server.force()

    def _reload(self) -> None:
        if self._server is not None:
            self._server.reload_certificate()
