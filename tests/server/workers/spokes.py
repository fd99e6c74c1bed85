"""Workers of one hub, in one process: the sockets are real."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from bridge.metrics import Metrics
from bridge.server.workers.counts import Counts
from bridge.server.workers.exchange import Exchange
from bridge.server.workers.fleet import WorkersFleet
from bridge.server.workers.hub import Hub
from bridge.server.workers.spoke import Spoke
from bridge.server.workers.wire import Wire
from bridge.tasks import background
from tests.server.fleet_contract import Here


class Worker:
    """One of them, with all that it shares."""

    def __init__(self, name: str, here: Here, spoke: Spoke, wire: Wire) -> None:
        self.here = here
        self.metrics = Metrics()
        self.spoke = spoke
        self.wire = wire
        self.fleet = WorkersFleet(name, here.carrier, spoke)
        self.counts = Counts(spoke)
        self.exchange = Exchange(spoke, self.metrics)
        self.metrics.expose = self.exchange.exposition


@asynccontextmanager
async def worker(
    hub: Hub, place: int, name: str, here: Here | None = None
) -> AsyncIterator[Worker]:
    """Be a worker while the block runs; then the hub forgets it."""
    ours, theirs = socket.socketpair()
    wire = await Wire.over(theirs)
    async with background() as spawn:
        attending = spawn(f"hub {place}", hub.attend(place, await Wire.over(ours)))
        made = Worker(name, here or Here(), Spoke(place, wire), wire)
        try:
            async with made.spoke.listening():
                yield made
        finally:
            await wire.close()
            await attending
            hub.leave(place)


@asynccontextmanager
async def workers(*names: str) -> AsyncIterator[list[Worker]]:
    """Several of a hub of their own."""
    hub = Hub()
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(worker(hub, place, name))
            for place, name in enumerate(names, 1)
        ]


async def until(is_so: Callable[[], Awaitable[bool] | bool]) -> float:
    """Wait for something; how long it took, in seconds."""
    began_s = time.monotonic()
    async with asyncio.timeout(15):
        while True:
            answer = is_so()
            if answer if isinstance(answer, bool) else await answer:
                return time.monotonic() - began_s
            await asyncio.sleep(0.005)
