"""Callbacks on their way: signed, in order, tried again, and never in anybody's way.

Callbacks of one call to one URL are delivered one after another, so that they arrive
in order; a receiver that is down holds up nobody else's. One that hangs keeps no more
than its share of the connections.
"""

import asyncio
import collections
import contextlib
import dataclasses
import datetime
import itertools
import logging
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from bridge.engine.addresses import OutOfReachError
from bridge.engine.outgoing import request_to
from bridge.engine.targets import Target
from bridge.multiparty.callbacks import timestamp
from bridge.tasks import Change, Spawn

__all__ = ["Delivery", "Notifier"]

_LOG = logging.getLogger(__name__)

RETRY_S = (1.0, 2.0, 5.0, 15.0, 30.0)
"""Waits before the second and later attempts."""

TIMEOUT_S = 15.0

MOST_WAITING = 1000
"""In one queue; more are dropped, and shown as such."""

MOST_REMEMBERED = 2000

MOST_SHOWN = 500
"""Characters of the names of what was not told."""

MOST_AT_ONE = 50
"""Callbacks under way to one host at a time; the client has ten times the sockets."""


@dataclasses.dataclass(slots=True)
class Delivery:
    """One callback and what became of it."""

    number: int
    target: Target
    params: Mapping[str, str]
    queued_at: str
    state: str = "waiting"
    """waiting, delivered, refused, failed, or dropped."""
    attempts: int = 0
    status: int | None = None
    """Of the last answer."""
    error: str = ""

    def shown(self) -> dict[str, Any]:
        """As JSON."""
        return dataclasses.asdict(self)


class Notifier:
    """Delivers callbacks in the background.

    Args:
        auth_token: Signs them.
        http: Sends them.
        spawn: Runs the deliveries.
    """

    def __init__(
        self, auth_token: SecretStr, http: httpx.AsyncClient, spawn: Spawn
    ) -> None:
        self.deliveries: collections.deque[Delivery] = collections.deque(
            maxlen=MOST_REMEMBERED
        )
        self._auth_token = auth_token
        self._http = http
        self._spawn = spawn
        self._numbers = itertools.count(1)
        self._queues: dict[tuple[str, Target], collections.deque[Delivery]] = {}
        self._change = Change()
        self._turns: dict[str, asyncio.Semaphore] = {}
        self._waiting_at: collections.Counter[str] = collections.Counter()

    def tell(self, order: str, target: Target, params: Mapping[str, str]) -> Delivery:
        """Queue a callback.

        Args:
            order: What it is about; callbacks of one order to one target arrive in
                the order of the calls.
            target: Where it goes.
            params: What it says.
        """
        now = datetime.datetime.now(datetime.UTC)
        delivery = Delivery(next(self._numbers), target, params, timestamp(now))
        self.deliveries.append(delivery)
        key = (order, target)
        queue = self._queues.get(key)
        if queue is None:
            queue = self._queues[key] = collections.deque()
            self._spawn(f"callbacks to {target}", self._drain(key, queue))
        if len(queue) >= MOST_WAITING:
            delivery.state = "dropped"
            _LOG.warning("%d callbacks to %s wait: dropped one", len(queue), target)
        else:
            queue.append(delivery)
        return delivery

    async def idle(self) -> None:
        """Wait until nothing is on its way."""
        while self._queues:
            await self._change.wait()

    def tell_what_is_lost(self) -> None:
        """Say in the log what will not be delivered, as the engine stops."""
        for (_, target), queue in self._queues.items():
            if not queue:
                continue
            names = ", ".join(
                each.params.get("EventName", "a callback") for each in queue
            )
            _LOG.warning(
                "not told to %s, as the engine stops: %s", target, names[:MOST_SHOWN]
            )
            for each in queue:
                each.state = "failed"

    async def _drain(
        self, key: tuple[str, Target], queue: collections.deque[Delivery]
    ) -> None:
        # The task begins after `tell` has filled the queue.
        while queue:
            await self._deliver(queue[0])
            queue.popleft()
        del self._queues[key]
        self._change.announce()

    async def _deliver(self, delivery: Delivery) -> None:
        for wait_s in (0.0, *RETRY_S):
            await asyncio.sleep(wait_s)
            delivery.attempts += 1
            async with self._turn(delivery.target):
                is_over = await self._attempt(delivery)
            if is_over:
                break
        if not delivery.error:
            delivery.state = "delivered"
            return
        delivery.state = "refused" if is_over else "failed"
        _LOG.warning(
            "callback %s to %s %s: %s",
            delivery.params.get("EventName", ""),
            delivery.target,
            delivery.state,
            delivery.error,
        )

    @contextlib.asynccontextmanager
    async def _turn(self, target: Target) -> AsyncIterator[None]:
        """Wait until one more may be under way to a host."""
        host = urlsplit(str(target)).netloc
        turn = self._turns.setdefault(host, asyncio.Semaphore(MOST_AT_ONE))
        self._waiting_at[host] += 1
        try:
            async with turn:
                yield
        finally:
            self._waiting_at[host] -= 1
            if not self._waiting_at[host]:
                del self._waiting_at[host], self._turns[host]

    async def _attempt(self, delivery: Delivery) -> bool:
        """Send once; True if there is no use in sending again."""
        http, params = self._http, delivery.params
        try:
            async with asyncio.timeout(TIMEOUT_S):
                request = request_to(
                    http, self._auth_token, delivery.target, params, TIMEOUT_S
                )
                # What it says beside its status is nobody's matter, however long.
                response = await http.send(request, stream=True)
                await response.aclose()
        except (OutOfReachError, httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            delivery.error = str(error)
            return True
        except (httpx.HTTPError, TimeoutError, ValueError) as error:
            delivery.error = repr(error)
            return False
        delivery.status = response.status_code
        delivery.error = "" if response.is_success else f"HTTP {response.status_code}"
        return response.status_code < 500 and response.status_code != 429
