"""The engine as a service: its clock, its rooms and its API, on one port."""

import asyncio
import contextlib
import dataclasses
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx

from bridge.engine import pinned
from bridge.engine.addresses import Reach
from bridge.engine.ai_leg import AiLegOptions
from bridge.engine.announcer import Announcer
from bridge.engine.books import Books
from bridge.engine.clock import Clock
from bridge.engine.dialling import Dialling
from bridge.engine.exchange import Exchange
from bridge.engine.fetcher import Fetcher
from bridge.engine.history import History
from bridge.engine.media_clock import MediaClock
from bridge.engine.notifier import Notifier
from bridge.engine.options import EngineOptions
from bridge.engine.parts import Parts
from bridge.engine.recordings import Recordings
from bridge.engine.reporter import Reporter
from bridge.engine.resolver import Resolver
from bridge.engine.rest.app import Api
from bridge.engine.transcriber import Transcriber
from bridge.hosts import bracketed, is_loopback
from bridge.listening import http_server, listen
from bridge.tasks import Spawn, background, expendable

__all__ = ["Engine", "assemble", "running"]

_LOG = logging.getLogger(__name__)


RECORDING_TIMEOUT_S = 20.0
"""How long a stopping engine waits for its recordings to be finished."""

CALLBACKS_TIMEOUT_S = 2.0
"""How long it waits for its last callbacks to be delivered."""


HISTORY_TIMEOUT_S = 5.0
"""How long it waits for its history to be written."""


@dataclasses.dataclass(frozen=True)
class Engine:
    """A running engine."""

    url: str
    exchange: Exchange


@contextlib.asynccontextmanager
async def running(options: EngineOptions) -> AsyncIterator[Engine]:
    """Run an engine while the block runs; leaving it ends every call.

    Raises:
        ConfigError: If the address cannot be listened on, or an option is wrong.
    """
    resolver = Resolver(Reach.parse(options.reachable, options.host))
    if not is_loopback(options.host) and options.has_default_token:
        _LOG.warning(
            "ANYBODY WHO REACHES %s CAN MAKE CALLS: all know its token; "
            "set BRIDGE_ENGINE_AUTH_TOKEN",
            options.host,
        )
    listener = listen(options.host, options.port)
    host = bracketed(options.host)
    address = f"{host}:{listener.getsockname()[1]}"
    async with AsyncExitStack() as stack, background() as spawn:
        stack.callback(resolver.close)
        http = await stack.enter_async_context(_http(resolver))
        exchange, notifier = assemble(options, address, http, spawn, resolver)
        parts = exchange.parts
        stack.callback(parts.history.close)
        parts.reporter.public_url = (
            options.public_url.rstrip("/") or f"http://{address}"
        )
        left = await parts.history.end_what_was_left(
            parts.clock.epoch_s(parts.clock.now_s)
        )
        await parts.recordings.salvage(left)
        spawn("media clock", MediaClock(exchange).run())
        spawn("history", parts.history.run())
        api = Api(exchange, notifier, options)
        async with http_server(api.app(), listener):
            try:
                yield Engine(f"http://{address}", exchange)
            finally:
                await _stop(exchange, notifier)


async def _stop(exchange: Exchange, notifier: Notifier) -> None:
    """End every call, and give what follows from that some time."""
    exchange.end_all()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(RECORDING_TIMEOUT_S):
            await exchange.parts.recordings.all_finished()
    exchange.parts.recordings.close()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(CALLBACKS_TIMEOUT_S):
            await notifier.idle()
    notifier.tell_what_is_lost()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(HISTORY_TIMEOUT_S):
            await exchange.parts.history.flushed(patiently=True)


def assemble(
    options: EngineOptions,
    engine: str,
    http: httpx.AsyncClient,
    spawn: Spawn,
    resolver: Resolver,
) -> tuple[Exchange, Notifier]:
    """Put an exchange together.

    Args:
        options: How it is to be.
        engine: Its name, where several share a history.
        http: Sends callbacks and gets sounds.
        spawn: Runs everything.
        resolver: Says where AI agents' streams may go.

    Raises:
        ConfigError: If the history cannot be opened.
    """
    # A callback, a sound, a recording: what fails there is no other call's matter.
    spawn = expendable(spawn)
    clock = Clock()
    books = Books(clock, options.auth_id, options.usd_per_minute)
    history = History(options.database, engine)
    notifier = Notifier(options.auth_token, http, spawn)
    reporter = Reporter(notifier, clock, books, options.auth_id)
    ai_legs = AiLegOptions(
        options.auth_id, options.auth_token, options.ai_agent_reconnects, resolver
    )
    parts = Parts(
        clock=clock,
        books=books,
        history=history,
        reporter=reporter,
        announcer=Announcer(Fetcher(http, options.auth_token), options.voice),
        dialling=Dialling(options.phonebook, ai_legs, reporter),
        recordings=Recordings(
            options.recordings, history, books, reporter, clock, spawn
        ),
        transcriber=Transcriber(options.recognizer, reporter, spawn),
        spawn=spawn,
        ai_agent_hears_coach=options.ai_agent_hears_coach,
    )
    return Exchange(parts), notifier


def _http(resolver: Resolver) -> httpx.AsyncClient:
    return pinned.client(resolver)
