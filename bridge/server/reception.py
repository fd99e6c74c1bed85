"""Who is behind a socket: a new call, one that goes on, or nobody yet."""

import logging
from collections.abc import Mapping
from typing import Protocol

from bridge.call.session import Session
from bridge.capture import SocketEvent
from bridge.errors import StreamError
from bridge.metrics import Metrics
from bridge.server.admission import Admitted
from bridge.server.connection import Connection
from bridge.stream.messages import Side, Start, Stop
from bridge.stream.protocol import StreamProtocol

__all__ = ["Calls", "Reception"]

_LOG = logging.getLogger(__name__)

MOST_ERRORS = 1000
"""So many messages that are none, on one socket."""


class Calls(Protocol):
    """The calls of a server."""

    def find(self, stream_id: str) -> Session | None:
        """The call that a stream carries, if it is still going on."""

    def begin(
        self, protocol: StreamProtocol, admitted: Admitted, connection: Connection
    ) -> Session | None:
        """Begin a call; None if it may not, and the socket is closed."""

    def may_carry(self, admitted: Admitted, session: Session) -> bool:
        """Whether what let a socket in is good for a call that goes on."""

    def broken(self, session: Session) -> None:
        """A call lost its socket, and may get another."""


class Reception:
    """One upgraded socket, from its first message to its end.

    Until `start` comes, it waits; then everything goes to the call's session. Media
    of a stream whose call still goes on joins that call without a `start`: Plivo has
    been seen to reconnect so.

    Args:
        calls: The server's.
        admitted: What the upgrade asked for, and what let it in.
        connection: The socket.
        metrics: The process's counts.
    """

    def __init__(
        self,
        calls: Calls,
        admitted: Admitted,
        connection: Connection,
        metrics: Metrics,
    ) -> None:
        self.is_started = False
        self._calls = calls
        self._admitted = admitted
        self._connection = connection
        self._metrics = metrics
        self._protocol = StreamProtocol(Side.BRIDGE)
        self._session: Session | None = None
        self._errors = 0

    @property
    def ids(self) -> Mapping[str, str]:
        """Of the call, once there is one."""
        return self._session.call.ids if self._session is not None else {}

    def complain(self, what: str) -> None:
        """Count a message that no stream has; too many of them are no stream."""
        self._metrics.stream_errors += 1
        self._errors += 1
        if self._errors in (1, 10, MOST_ERRORS):
            _LOG.warning("< %s (%d by now)", what, self._errors, extra=self.ids)
        if self._errors >= MOST_ERRORS:
            self._connection.close(1007, "nothing that a stream has")

    def pause_writing(self) -> None:
        """Pass it on."""
        if self._session is not None and self._session.is_on(self._connection):
            self._note(self._session, SocketEvent.PAUSED)
            self._session.pause_writing()

    def resume_writing(self) -> None:
        """Pass it on."""
        if self._session is not None and self._session.is_on(self._connection):
            self._note(self._session, SocketEvent.RESUMED)
            self._session.resume_writing()

    def closed(self, *, cleanly: bool) -> None:
        """End the call, or let it wait for another socket."""
        session = self._session
        self._session = None
        if session is None or not session.detach(self._connection):
            return
        code = self._connection.close_code if cleanly else None
        event = SocketEvent.CLOSED if cleanly else SocketEvent.BROKEN
        self._note(session, event, code)
        if cleanly:
            session.end("the far end closed the stream", "closed")
        else:
            self._calls.broken(session)

    def receive(self, text: bytes) -> None:
        """Take a message before there is a call."""
        try:
            message = self._protocol.receive(text)
        except StreamError as error:
            session = self._calls.find(error.stream_id)
            if session is not None:
                if self._may_carry(session):
                    self._note(session, SocketEvent.ATTACHED)
                    session.attach(self._connection)
                    self._hand_over(session)
                    session.receive(text)
                return
            self.complain(str(error))
            if error.ends_stream:
                self._connection.close(1003, error.what)
            return
        if isinstance(message, Start):
            self._begin_or_go_on(text)
        elif isinstance(message, Stop):
            self._connection.close(1000, "stopped before it started")

    def _begin_or_go_on(self, text: bytes) -> None:
        session = self._calls.find(self._protocol.stream_id)
        content_type = self._protocol.content_type
        if session is not None and not self._may_carry(session):
            return
        if session is not None and session.facts.content_type != content_type:
            session.end("started anew with another content type", "replaced")
            session = None
        if session is None:
            session = self._calls.begin(
                self._protocol, self._admitted, self._connection
            )
        else:
            self._note(session, SocketEvent.ATTACHED)
            session.attach(self._connection, self._protocol)
        if session is not None:
            if session.tape is not None:
                session.tape.received(text)
            self._hand_over(session)

    def _may_carry(self, session: Session) -> bool:
        if self._calls.may_carry(self._admitted, session):
            return True
        self._connection.close(1008, "the token is another call's")
        return False

    def _note(
        self, session: Session, event: SocketEvent, code: int | None = None
    ) -> None:
        if session.tape is not None:
            session.tape.event(event, code)

    def _hand_over(self, session: Session) -> None:
        self.is_started = True
        self._session = session
        self._connection.deliver_to(session, session.ear)
