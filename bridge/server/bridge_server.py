"""The listener: its sockets, the calls they carry, and how it ends."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from pydantic import SecretStr
from websockets.http11 import Request

from bridge.call.bot import InService
from bridge.call.options import CallOptions
from bridge.call.pacing import Wheel
from bridge.call.session import Session
from bridge.capture import Recorder
from bridge.control.callbacks import Callbacks
from bridge.hosts import bracketed
from bridge.metrics import Metrics
from bridge.server import membership
from bridge.server.admission import STREAM_PATH, Admission, Admitted
from bridge.server.capturing import tape_of
from bridge.server.connection import Connection
from bridge.server.elsewhere import CALLS, STREAMS, account_key, address_key
from bridge.server.fleet import Alone, Fleet
from bridge.server.framing import framing_of
from bridge.server.options import ServerOptions
from bridge.server.reception import Reception
from bridge.server.roster import Roster
from bridge.server.tracing import Around, untraced
from bridge.stream.protocol import StreamProtocol
from bridge.tasks import Change, Spawn

if TYPE_CHECKING:
    from bridge.control.client import MpcClient

__all__ = ["BridgeServer"]

_LOG = logging.getLogger(__name__)

FAREWELL_MARGIN_S = 0.5

TLS_MARGIN_S = 1.0
"""Beyond the time that a handshake of TLS has."""


class BridgeServer:
    """Answers Plivo's streams with bots; made by `bridge.server.app.serving`.

    Args:
        bots: Who answers `/stream/{name}`; the first also answers `/stream`.
        options: Limits and deadlines of the listener.
        call_options: How calls are run.
        auth_token: Of the account, for signatures; None where it is not known.
        spawn: Runs the calls.

    Raises:
        ConfigError: If something is asked of streams that there is no secret for.
    """

    def __init__(
        self,
        bots: Mapping[str, InService],
        options: ServerOptions,
        call_options: CallOptions,
        auth_token: SecretStr | None,
        spawn: Spawn,
    ) -> None:
        self.metrics = Metrics()
        self.metrics.streams_max = options.max_streams
        self.metrics.bots = tuple(bot.name for bot in bots.values())
        self.port = options.port
        self.admission = Admission(
            bots, options, auth_token, self.metrics, asyncio.get_running_loop().time
        )
        self.admission.authentication.is_live = self._has_call
        self._options = options
        self._call_options = call_options
        self._spawn = spawn
        self.framing = framing_of(options.transport)
        """What makes frames of bytes; None: `websockets`."""
        self._wheel = Wheel()
        self._connections: set[Connection] = set()
        self._waiting: dict[Connection, None] = {}
        """Those that are no stream yet, the oldest first."""
        self._sessions: dict[str, Session] = {}
        self.callbacks_port = 0
        self.admin_port = 0
        self.closers: list[Callable[[], object]] = []
        """Of the listeners."""
        self.reload_certificate: Callable[[], object] = lambda: None
        self.client: MpcClient | None = None
        """Of the REST API; bots get it bound to their call."""
        self.on_call: Callable[[Session], None] = lambda _session: None
        """Told of each call that begins."""
        self.on_drained: Callable[[], None] = lambda: None
        """Told when the calls are over, and only what bots left behind may go on."""
        self.on_log_level: Callable[[int], None] = lambda _level: None
        """Told of the log's level that the admin address has set."""
        self.tracing: Around = untraced
        """Surrounds each call."""
        self.recorder: Recorder | None = None
        """Captures the calls, where that is wanted."""
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
        state = "ready" if self.admission.is_ready else "not ready"
        return f"<BridgeServer port {self.port} {state} {len(self._sessions)} calls>"

    @property
    def url(self) -> str:
        """Where the default bot is reached."""
        host = bracketed(self._options.host)
        scheme = "wss" if self._options.access.tls_certificate else "ws"
        return f"{scheme}://{host}:{self.port}{STREAM_PATH}"

    @property
    def is_ready(self) -> bool:
        """Whether new streams are taken."""
        return self.admission.is_ready

    @property
    def readiness(self) -> str:
        """That, in a line."""
        return self.admission.readiness

    @property
    def options(self) -> ServerOptions:
        """Limits and deadlines of the listener."""
        return self._options

    @property
    def callbacks_url(self) -> str:
        """Where callbacks are taken; empty where none are."""
        if not self.callbacks_port:
            return ""
        host = bracketed(self._options.host)
        scheme = "https" if self._options.access.tls_certificate else "http"
        return f"{scheme}://{host}:{self.callbacks_port}/callbacks"

    @property
    def admin_url(self) -> str:
        """Where the server is run from; empty where it is not."""
        if not self.admin_port:
            return ""
        host = bracketed(self._options.admin.admin_host)
        scheme = "https" if self._options.access.tls_certificate else "http"
        return f"{scheme}://{host}:{self.admin_port}"

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
        if len(self._waiting) >= self._options.access.max_waiting:
            # Whoever means it has said what they want by now.
            oldest = next(iter(self._waiting))
            self.metrics.streams_refused["waiting"] += 1
            oldest.abort()
            self._gone(oldest)
        connection = Connection(
            self._admit, self._options, self._wheel, self._gone, self.framing
        )
        self._connections.add(connection)
        self._waiting[connection] = None
        if self._options.access.tls_certificate:
            # Nobody is told of a handshake of TLS that fails.
            now_s = asyncio.get_running_loop().time()
            self._wheel.at(
                now_s + self._options.handshake_timeout_s + TLS_MARGIN_S,
                lambda: None if connection.is_made else self._gone(connection),
            )
        return connection

    def stop_listening(self) -> None:
        """Leave new connections to others that share the ports."""
        for close in self.closers:
            close()

    async def drain(self) -> None:
        """Stop: take no new streams, let calls end, then end them with 1001."""
        self.admission.is_ready = False
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
        streams = self._connections - self._waiting.keys()
        may_resume = any(not each.is_attached for each in self._sessions.values())
        admitted = self.admission.admit(
            request, connection.address, streams, may_resume=may_resume
        )
        connection.address = admitted.address
        self._waiting.pop(connection, None)
        self._tell_of_streams(connection.address)
        return Reception(self, admitted, connection, self.metrics)

    def _gone(self, connection: Connection) -> None:
        self._connections.discard(connection)
        self._waiting.pop(connection, None)
        if connection.said_too_much:
            self.metrics.streams_refused["head"] += 1
        self._tell_of_streams(connection.address)

    def _tell_of_streams(self, address: str) -> None:
        """Tell other processes, for the limits that are for all together."""
        elsewhere = self.admission.elsewhere
        elsewhere.tell(STREAMS, len(self._connections) - len(self._waiting))
        if self._options.access.max_streams_per_address:
            streams = self._connections - self._waiting.keys()
            theirs = sum(each.address == address for each in streams)
            elsewhere.tell(address_key(address), theirs)

    def _tell_of_calls(self, account: str) -> None:
        elsewhere = self.admission.elsewhere
        elsewhere.tell(CALLS, len(self._sessions))
        if self._options.access.max_streams_per_account:
            elsewhere.tell(account_key(account), self._count_of(account))

    def _count_of(self, account: str) -> int:
        return sum(
            each.facts.account_id == account and not each.end_reason
            for each in self.sessions
        )

    # ------------------------------------------------------------------- calls

    def find(self, stream_id: str) -> Session | None:
        """The call that a stream carries, if it still goes on."""
        session = self._sessions.get(stream_id)
        return None if session is None or session.end_reason else session

    def may_carry(self, admitted: Admitted, session: Session) -> bool:
        """Whether what let a socket in is good for a call that goes on.

        A token is if the call began with it, and Plivo's signature alone if it began
        without one.
        """
        invitation = admitted.grant.invitation
        token_id = invitation.token_id if invitation is not None else ""
        if token_id == session.token_id:
            return True
        self.metrics.streams_refused["token"] += 1
        return False

    def _has_call(self, token_id: str) -> bool:
        """Whether a call that began with a token goes on."""
        return any(
            each.token_id == token_id and not each.end_reason for each in self.sessions
        )

    def _refusal(self, session: Session, admitted: Admitted) -> tuple[int, str] | None:
        """Why a call may not begin: close code and words; None if it may."""
        if not self.is_ready:
            self.metrics.streams_refused["draining"] += 1
            return 1013, "this server is stopping"
        account = session.facts.account_id
        if self.admission.account_is_full(account, self._count_of(account)):
            return 1013, "the account has all the streams it may have"
        name = session.facts.call_uuid or session.facts.stream_id
        invitation = admitted.grant.invitation
        is_taken = invitation is not None and self._has_call(invitation.token_id)
        if is_taken or not self.admission.authentication.binds(admitted.grant, name):
            self.metrics.streams_refused["token"] += 1
            return 1008, "the token is another call's"
        return None

    def begin(
        self, protocol: StreamProtocol, admitted: Admitted, connection: Connection
    ) -> Session | None:
        """Begin a call; None if it may not, and the socket is closed."""
        session = Session(
            protocol,
            admitted.bot,
            connection,
            self._wheel,
            self.metrics,
            self._call_options,
        )
        refusal = self._refusal(session, admitted)
        if refusal is not None:
            connection.close(*refusal)
            return None
        if self.recorder is not None:
            session.tape = tape_of(
                self.recorder,
                session,
                admitted.bot,
                connection.path,
                self._call_options,
            )
        self._sessions[session.facts.stream_id] = session
        self.metrics.streams_active += 1
        self._tell_of_calls(session.facts.account_id)
        call = session.call
        if admitted.grant.invitation is not None:
            call.mpc_name = admitted.grant.invitation.mpc
            session.token_id = admitted.grant.invitation.token_id
        if self.client is not None and call.call_uuid:
            # Whoever has a client has imported what this needs.
            from bridge.control.bound import BoundCall  # noqa: PLC0415

            call.mpc = BoundCall(
                self.client, call.call_uuid, lambda: call.mpc_uuid, call.mpc_name
            )
        self.roster.begin(session)
        self.fleet.announce(
            membership.fleet_call(session, admitted.bot.name, self.fleet.instance)
        )
        self.on_call(session)
        self._spawn(f"call {session.facts.stream_id}", self._run(session))
        return session

    def broken(self, session: Session) -> None:
        """Give a call whose socket broke some time to get another."""
        _LOG.info("%r: its socket broke", session, extra=session.call.ids)
        due_s = asyncio.get_running_loop().time() + self._options.resume_s
        session.resume_by_s = due_s
        self._wheel.at(due_s, lambda: self._give_up(session, due_s))

    def _give_up(self, session: Session, due_s: float) -> None:
        # It may have come back and broken again: then another wake is for it.
        if not session.is_attached and session.resume_by_s == due_s:
            session.end("the socket broke", "broken", code=1006)

    async def _run(self, session: Session) -> None:
        try:
            with self.tracing(session):
                await session.run()
        # The edge of a call: whatever slipped through ends no other.
        except Exception:  # noqa: BLE001
            _LOG.exception("%r failed", session, extra=session.call.ids)
        finally:
            if self._sessions.get(session.facts.stream_id) is session:
                del self._sessions[session.facts.stream_id]
                self.fleet.retire(session.facts.stream_id)
            self.roster.end(session)
            self.metrics.streams_active -= 1
            self._tell_of_calls(session.facts.account_id)
            self._change.announce()
