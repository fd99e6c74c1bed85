"""The listener, the calls it carries, and how it ends."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from http import HTTPStatus

from pydantic import SecretStr
from websockets.http11 import Request

from bridge import metrics as metrics_module
from bridge.call.bot import InService
from bridge.call.pacing import Wheel
from bridge.call.session import CallOptions, Session
from bridge.control.bound import BoundCall
from bridge.control.callbacks import Callbacks
from bridge.control.client import MpcClient
from bridge.control.options import PlivoOptions
from bridge.errors import ConfigError
from bridge.listening import http_server, listen
from bridge.metrics import Metrics
from bridge.server import membership
from bridge.server.connection import Connection, Refusal
from bridge.server.fleet import Alone, Fleet
from bridge.server.options import ServerOptions
from bridge.server.reception import Reception
from bridge.server.roster import Roster
from bridge.stream.protocol import StreamProtocol
from bridge.tasks import Change, Spawn, background

__all__ = ["BridgeServer", "serving"]

_LOG = logging.getLogger(__name__)

STREAM_PATH = "/stream"

FAREWELL_MARGIN_S = 0.5

STALL_CHECK_S = 1.0
LONG_STALL_S = 0.25
"""Longer than this and callers hear it: the lead is shorter."""


class BridgeServer:
    """Answers Plivo's streams with bots; made by `serving`.

    Args:
        bots: Who answers `/stream/{name}`; the first also answers `/stream`.
        options: Limits and deadlines of the listener.
        call_options: How calls are run.
        spawn: Runs the calls.
    """

    def __init__(
        self,
        bots: Mapping[str, InService],
        options: ServerOptions,
        call_options: CallOptions,
        spawn: Spawn,
    ) -> None:
        self.metrics = Metrics()
        self.port = options.port
        self.is_ready = False
        self._bots = bots
        self._options = options
        self._call_options = call_options
        self._spawn = spawn
        self._wheel = Wheel()
        self._connections: set[Connection] = set()
        self._sessions: dict[str, Session] = {}
        self.callbacks_port = 0
        self.client: MpcClient | None = None
        """Of the REST API; bots get it bound to their call."""
        self.on_call: Callable[[Session], None] = lambda _session: None
        """Told of each call that begins."""
        self.roster = Roster()
        self.callbacks = Callbacks()
        """Where callbacks come together, however they reached us."""
        self.carrier = membership.carrier(
            self.find, lambda callback: self.callbacks.take(callback)
        )
        self.fleet: Fleet = Alone(options.instance, self.carrier)
        """All calls, on whichever instance."""
        self.roster.on_placed = lambda session: self.fleet.placed(
            session.call.stream_id, session.call.mpc_uuid
        )
        self._change = Change()
        self._is_forced = False

    def __repr__(self) -> str:
        state = "ready" if self.is_ready else "not ready"
        return f"<BridgeServer port {self.port} {state} {len(self._sessions)} calls>"

    @property
    def url(self) -> str:
        """Where the default bot is reached."""
        host = (
            f"[{self._options.host}]"
            if ":" in self._options.host
            else self._options.host
        )
        return f"ws://{host}:{self.port}{STREAM_PATH}"

    @property
    def options(self) -> ServerOptions:
        """Limits and deadlines of the listener."""
        return self._options

    @property
    def callbacks_url(self) -> str:
        """Where callbacks are taken; empty where none are."""
        if not self.callbacks_port:
            return ""
        host = self._options.host
        host = f"[{host}]" if ":" in host else host
        return f"http://{host}:{self.callbacks_port}/callbacks"

    @property
    def sessions(self) -> tuple[Session, ...]:
        """The calls that go on."""
        return tuple(self._sessions.values())

    def force(self) -> None:
        """Wait no more for calls to end by themselves."""
        self._is_forced = True
        self._change.announce()

    def connection(self) -> Connection:
        """Take a socket in; the loop's factory."""
        connection = Connection(
            self._admit, self._options, self._wheel, self._connections.discard
        )
        self._connections.add(connection)
        return connection

    async def drain(self) -> None:
        """Stop: take no new streams, let calls end, then end them with 1001."""
        self.is_ready = False
        _LOG.info(
            "draining %d calls for %.0f s", len(self._sessions), self._options.drain_s
        )
        if not await self._all_end_within(self._options.drain_s):
            _LOG.warning("%d calls did not end in time", len(self._sessions))
        for session in self.sessions:
            session.end("the server stopped", "server", code=1001)
        for connection in tuple(self._connections):
            connection.close(1001, "the server stopped")
        # Their bots are told, and may still write down what they know.
        await self._all_end_within(self._call_options.farewell_s + FAREWELL_MARGIN_S)

    async def _all_end_within(self, seconds: float) -> bool:
        """Wait for the calls to end; no longer than that, or until forced."""
        try:
            async with asyncio.timeout(seconds):
                while self._sessions and not self._is_forced:
                    await self._change.wait()
        except TimeoutError:
            pass
        return not self._sessions

    # --------------------------------------------------------------- admission

    def _admit(self, connection: Connection, request: Request) -> Reception:
        path = request.path.partition("?")[0].rstrip("/") or "/"
        upgrades = [word.lower() for word in request.headers.get_all("Upgrade")]
        if "websocket" not in upgrades:
            raise self._probe(path)
        bot = self._bot_at(path)
        if not self.is_ready:
            raise self._refused("draining", "this server is stopping")
        streams = sum(each.is_stream for each in self._connections)
        if streams >= self._options.max_streams:
            raise self._refused(
                "full", f"{self._options.max_streams} streams are open, no more fit"
            )
        return Reception(self, bot, connection, self.metrics)

    def _refused(self, why: str, text: str) -> Refusal:
        self.metrics.streams_refused[why] += 1
        return Refusal(
            HTTPStatus.SERVICE_UNAVAILABLE,
            f"{text}\n",
            retry_after_s=self._options.retry_after_s,
        )

    def _bot_at(self, path: str) -> InService:
        if path == STREAM_PATH:
            return next(iter(self._bots.values()))
        prefix, _, name = path.rpartition("/")
        if prefix != STREAM_PATH or name not in self._bots:
            self.metrics.streams_refused["not_found"] += 1
            known = ", ".join(f"{STREAM_PATH}/{each}" for each in self._bots)
            raise Refusal(
                HTTPStatus.NOT_FOUND,
                f"no bot at {path}; there are {STREAM_PATH}, {known}\n",
            )
        return self._bots[name]

    def _probe(self, path: str) -> Refusal:
        match path:
            case "/healthz":
                return Refusal(HTTPStatus.OK, "ok\n")
            case "/readyz" if self.is_ready:
                return Refusal(HTTPStatus.OK, "ready\n")
            case "/readyz":
                return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "draining\n")
            case "/metrics":
                return Refusal(
                    HTTPStatus.OK,
                    self.metrics.exposition().decode(),
                    content_type=metrics_module.CONTENT_TYPE,
                )
        if path.startswith(STREAM_PATH):
            return Refusal(
                HTTPStatus.UPGRADE_REQUIRED, "this is a WebSocket: connect with ws://\n"
            )
        return Refusal(
            HTTPStatus.NOT_FOUND,
            f"nothing at {path}; there are {STREAM_PATH} (WebSocket), /healthz, "
            "/readyz, /metrics\n",
        )

    # ------------------------------------------------------------------- calls

    def find(self, stream_id: str) -> Session | None:
        """The call that a stream carries, if it still goes on."""
        session = self._sessions.get(stream_id)
        return None if session is None or session.end_reason else session

    def begin(
        self, protocol: StreamProtocol, bot: InService, connection: Connection
    ) -> Session:
        """Begin a call."""
        session = Session(
            protocol, bot, connection, self._wheel, self.metrics, self._call_options
        )
        self._sessions[session.facts.stream_id] = session
        self.metrics.streams_active += 1
        call = session.call
        if self.client is not None and call.call_uuid:
            call.mpc = BoundCall(self.client, call.call_uuid, lambda: call.mpc_uuid)
        self.roster.begin(session)
        name = self.fleet.instance
        self.fleet.announce(membership.fleet_call(session, bot.name, name))
        self.on_call(session)
        self._spawn(f"call {session.facts.stream_id}", self._run(session))
        return session

    def broken(self, session: Session) -> None:
        """Give a call whose socket broke some time to get another."""
        _LOG.info("%r: its socket broke", session)
        due_s = asyncio.get_running_loop().time() + self._options.resume_s
        session.resume_by_s = due_s
        self._wheel.at(due_s, lambda: self._give_up(session, due_s))

    def _give_up(self, session: Session, due_s: float) -> None:
        # It may have come back and broken again: then another wake is for it.
        if not session.is_attached and session.resume_by_s == due_s:
            session.end("the socket broke", "broken", code=1006)

    async def _run(self, session: Session) -> None:
        try:
            await session.run()
        finally:
            if self._sessions.get(session.facts.stream_id) is session:
                del self._sessions[session.facts.stream_id]
                self.fleet.retire(session.facts.stream_id)
            self.roster.end(session)
            self.metrics.streams_active -= 1
            self._change.announce()


async def _watch_stalls() -> None:
    """Say when something blocks the event loop, and with it every call."""
    now = asyncio.get_running_loop().time
    while True:
        due_s = now() + STALL_CHECK_S
        await asyncio.sleep(STALL_CHECK_S)
        stall_s = now() - due_s
        if stall_s > LONG_STALL_S:
            _LOG.warning(
                "everything stood still for %.1f s: a bot blocks the event loop; "
                "await, or use asyncio.to_thread",
                stall_s,
            )


@asynccontextmanager
async def _taking_callbacks(
    server: BridgeServer, auth_token: SecretStr | None
) -> AsyncIterator[None]:
    """Take callbacks while the block runs, and tell the calls."""
    options = server.options
    if auth_token is None:
        _LOG.warning("callbacks are taken unsigned: anybody may send some")
    listener = listen(options.host, options.callbacks_port)
    server.callbacks_port = listener.getsockname()[1]
    async with http_server(server.callbacks.app(), listener):
        yield


@asynccontextmanager
async def serving(
    bots: Mapping[str, InService],
    options: ServerOptions | None = None,
    call_options: CallOptions | None = None,
    plivo: PlivoOptions | None = None,
) -> AsyncIterator[BridgeServer]:
    """Serve while the block runs; leaving it drains.

    Args:
        bots: Who answers, by name.
        options: Of the listener.
        call_options: Of the calls.
        plivo: The account: for what bots do to their calls, and for the signatures of
            callbacks; without it, bots only talk, and callbacks are taken unsigned.

    Raises:
        ConfigError: If there is no bot, or the address cannot be listened on.
    """
    if not bots:
        raise ConfigError("no bot to answer with")
    options = options or ServerOptions()
    async with AsyncExitStack() as stack:
        for bot in bots.values():
            try:
                await bot.setup()
            # The edge of a bot: what its setup raises is for its author.
            except Exception as error:
                _LOG.exception("bot %s: setup failed", bot.name)
                raise ConfigError(f"bot {bot.name}: setup failed: {error}") from error
            stack.push_async_callback(bot.close)
        spawn = await stack.enter_async_context(background(watchdog=_watch_stalls()))
        server = BridgeServer(bots, options, call_options or CallOptions(), spawn)
        auth_token = plivo.auth_token if plivo is not None else None
        if auth_token is not None and not auth_token.get_secret_value():
            auth_token = None
        server.callbacks = Callbacks(auth_token, public_url=options.callbacks_url)
        server.callbacks.listen(server.roster.take)
        server.fleet = await stack.enter_async_context(
            membership.joined(options, server.carrier, server.metrics)
        )
        server.callbacks.on_received = server.fleet.publish_callback
        loop = asyncio.get_running_loop()
        try:
            listener = await loop.create_server(
                server.connection, options.host, options.port, backlog=1024
            )
        except OSError as error:
            raise ConfigError(
                f"cannot listen on {options.host}:{options.port}: {error.strerror}"
            ) from error
        server.port = listener.sockets[0].getsockname()[1]
        if plivo is not None and plivo.auth_id:
            server.client = await stack.enter_async_context(plivo.client())
        if options.callbacks:
            await stack.enter_async_context(_taking_callbacks(server, auth_token))
        server.is_ready = True
        _LOG.info("serving %s on %s", ", ".join(bots), server.url)
        try:
            yield server
        finally:
            await server.drain()
            listener.close()
