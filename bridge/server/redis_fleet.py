"""The fleet of many instances, who meet in Redis; nothing of it stands in a call's way.

What is told is noted here first, and written by tasks of their own: a Redis that is
away is tried again for ever, and caught up with when it is back.
"""

import asyncio
import itertools
import logging
import random
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

from pydantic import SecretStr

from bridge.errors import PeerError
from bridge.metrics import Metrics
from bridge.multiparty import callbacks
from bridge.multiparty.callbacks import Callback
from bridge.server import redis_client
from bridge.server.fleet import (
    Alone,
    Answer,
    Carrier,
    Census,
    FleetCall,
    Outcome,
    census,
)
from bridge.server.redis_asking import Asking
from bridge.server.redis_backlog import Backlog
from bridge.server.redis_client import AWAY, Client
from bridge.server.redis_post import Post, Question, Reply, Told
from bridge.server.redis_registry import BEAT_S, Beat, Registry
from bridge.tasks import background

__all__ = ["RedisFleet"]

_LOG = logging.getLogger(__name__)

FIRST_BACKOFF_S = 0.1
LONGEST_BACKOFF_S = 2.0

LASTING_S = 5.0
"""A connection that lasted longer ends one outage, and begins another."""

FIRST_TRY_S = 3.0
"""So long the server waits at its start for Redis, to know who is in which call."""

FAREWELL_S = 1.0

MOST_NAMED = 20
"""So many lost calls are named in the log."""

AFRESH_BEATS = 80
"""All calls are written anew so often, whatever went wrong before: each minute."""


class RedisFleet(Alone):
    """The instances that share a Redis and a prefix.

    Args:
        url: Of Redis: `redis://`, `rediss://` or `unix://`, with its credentials.
        prefix: What every key begins with.
        instance: The name of this instance.
        carrier: What it can do with its calls.
        metrics: The process's counts.

    Raises:
        ConfigError: If the URL is none of Redis.
    """

    def __init__(
        self,
        url: SecretStr,
        prefix: str,
        instance: str,
        carrier: Carrier,
        metrics: Metrics,
    ) -> None:
        redis_client.check(url)
        super().__init__(instance, carrier)
        self._url = url
        self._prefix = prefix
        self._metrics = metrics
        self._seat = f"{instance}#{secrets.token_hex(4)}"
        self._post = Post(prefix, self._seat)
        self._asking = Asking(self._seat, self._here, metrics)
        self._registry: Registry | None
        self._backlog = Backlog(self._calls, metrics)
        self._tried = asyncio.Event()
        self._is_outage_told = False
        self._touch(None)

    # ------------------------------------------------------------ what is told here

    def announce(self, call: FleetCall) -> None:
        """A call begins here."""
        super().announce(call)
        self._backlog.changed(call.stream_id)

    def retire(self, stream_id: str) -> None:
        """A call here has ended."""
        super().retire(stream_id)
        self._backlog.changed(stream_id)

    def publish_callback(self, callback: Callback) -> None:
        """Hand a callback that was taken here to all other instances, in order."""
        self._backlog.add_callback(callback.params())

    # ---------------------------------------------------------------- what is asked

    async def calls(self) -> Census:
        """Look everywhere; only here, where Redis is away."""
        here = await super().calls()
        if self._registry is not None:
            with suppress(*AWAY):
                there = await self._registry.census()
                return census(
                    (*here.calls, *there.calls),
                    there.lost,
                    {*here.instances, *there.instances},
                )
        return Census(calls=here.calls, instances=here.instances, is_complete=False)

    async def show(self, stream_id: str) -> Answer:
        """Ask whoever carries a call for its live detail."""
        return await self._ask(stream_id, None)

    async def end(self, stream_id: str, reason: str) -> Answer:
        """Have a call ended by whoever carries it."""
        return await self._ask(stream_id, reason)

    async def _ask(self, stream_id: str, end_reason: str | None) -> Answer:
        if stream_id in self._calls:
            return self._here(stream_id, end_reason)
        if self._registry is None:
            return Answer(Outcome.UNREACHABLE)
        return await self._asking.ask(self._registry, self._post, stream_id, end_reason)

    # ------------------------------------------------------------------- its life

    @asynccontextmanager
    async def running(self) -> AsyncIterator["RedisFleet"]:
        """Be one of the fleet while the block runs."""
        try:
            async with background(fleet=self._stay()):
                with suppress(TimeoutError):
                    async with asyncio.timeout(FIRST_TRY_S):
                        await self._tried.wait()
                yield self
        finally:
            if self._registry is not None:
                await self._say_goodbye()

    async def _stay(self) -> None:
        """Be connected; after a failure, be so again."""
        now = asyncio.get_running_loop().time
        backoff_s = FIRST_BACKOFF_S
        # A cancellation that meets a failure of the group's tasks comes out as that
        # failure: whether there was one, the task alone knows.
        task = asyncio.current_task()
        while task is None or not task.cancelling():
            began_s = now()
            try:
                async with redis_client.connected(self._url) as client:
                    await self._live(client)
            # The edge of the fleet: whatever becomes of it, the calls go on.
            except Exception as error:  # noqa: BLE001
                if self.is_connected and now() - began_s > LASTING_S:
                    backoff_s, self._is_outage_told = FIRST_BACKOFF_S, False
                self._lost_touch(error)
            self._tried.set()
            if task is None or not task.cancelling():
                await asyncio.sleep(backoff_s * random.uniform(0.5, 1.0))
            backoff_s = min(2 * backoff_s, LONGEST_BACKOFF_S)

    async def _live(self, client: Client) -> None:
        registry = Registry(client, self._prefix, self._seat)
        await self._post.use(client, await registry.now_ms())
        while await self._take_news(registry, wait=False):
            pass
        self._note(await registry.beat())
        self._touch(registry)
        self._tried.set()
        _LOG.info("fleet: connected to Redis as %s", self.instance)
        async with background(
            beating=self._beat(registry), reading=self._read(registry)
        ):
            await self._backlog.write(registry, self._post)

    async def _beat(self, registry: Registry) -> None:
        for number in itertools.count(1):
            await asyncio.sleep(BEAT_S)
            self._note(await registry.beat())
            if number % AFRESH_BEATS == 0:
                self._backlog.all_changed()

    def _note(self, beat: Beat) -> None:
        self._metrics.fleet_instances = beat.count
        self._metrics.fleet_calls_lost += len(beat.lost)
        for name in beat.gone:
            ids = [call.stream_id for call in beat.lost if call.instance == name]
            words = "instance %s is gone, and with it %d calls %s"
            _LOG.error(words, name, len(ids), ", ".join(ids[:MOST_NAMED]))
        if not beat.was_known:
            words = "Redis did not know this instance: it is told of %d calls"
            _LOG.info(words, len(self._calls))
            self._backlog.all_changed()

    async def _read(self, registry: Registry) -> None:
        while True:
            await self._take_news(registry, wait=True)

    async def _take_news(self, registry: Registry, *, wait: bool) -> bool:
        """Take what others wrote; whether there was something."""
        news = await self._post.read(wait=wait) or []
        # They are not read again: callbacks first, for an answer may fail on its way.
        for each in news:
            if isinstance(each.what, Told):
                self._take_callback(each.what.params)
        for each in news:
            match each.what:
                case Question() as question:
                    await self._asking.take(
                        registry, self._post, question, each.sent_ms
                    )
                case Reply() as reply:
                    self._asking.settle(reply)
        return bool(news)

    def _take_callback(self, params: Mapping[str, str]) -> None:
        self._metrics.fleet_callbacks["received"] += 1
        try:
            self._carrier.take(callbacks.parse(params))
        except PeerError as error:
            # An instance of another version may know more kinds than this one.
            _LOG.warning("from another instance: %s", error)

    # ---------------------------------------------------------------- its outages

    def _touch(self, registry: Registry | None) -> None:
        self._registry = registry
        self.is_connected = self._metrics.fleet_connected = registry is not None

    def _lost_touch(self, error: Exception) -> None:
        self._touch(None)
        self._backlog.all_changed()
        if self._is_outage_told:
            return
        self._is_outage_told = True
        self._metrics.fleet_outages += 1
        words = "fleet: Redis is away, calls here go on: %s"
        is_ours = redis_client.is_ours(error)
        _LOG.warning(
            words, redis_client.reason(error), exc_info=error if is_ours else None
        )

    async def _say_goodbye(self) -> None:
        self._touch(None)
        with suppress(*AWAY):
            async with (
                asyncio.timeout(FAREWELL_S),
                redis_client.connected(self._url) as client,
            ):
                registry = Registry(client, self._prefix, self._seat)
                await self._post.use(client, await registry.now_ms())
                await self._backlog.write_callbacks(self._post)
                await registry.leave()
