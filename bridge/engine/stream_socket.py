"""The socket of an AI agent's stream, opened to an address that was checked.

Fifty messages a second go each way, and a task that wakes for each costs more than
the message. So a message may be written, and is handed over, without any task; where
that cannot be, everything goes the usual way of websockets.
"""

import contextlib
import secrets
import struct
from collections.abc import Callable, Mapping

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidURI
from websockets.frames import (  # type: ignore[attr-defined]
    DATA_OPCODES,
    Frame,
    Opcode,
    apply_mask,
)
from websockets.http11 import Response
from websockets.protocol import State
from websockets.uri import parse_uri

from bridge.engine.addresses import OutOfReachError
from bridge.engine.resolver import Resolver
from bridge.engine.targets import shown
from bridge.errors import UnavailableError

__all__ = ["StreamSocket", "open_socket"]

CLOSE_TIMEOUT_S = 1.0
"""For a server to answer our close frame."""

PING_S = 10.0
"""How often a server is asked whether it is there, and how long it may take to say so.
One that hangs would let its caller wait in silence; the system's own buffers take
minutes of audio before it shows otherwise."""


TEXT_FIN, MASKED_16_BIT = 0x81, 0x80 | 126
"""The first bytes of a client's whole text message whose length takes two more."""

SHORT_BYTES, LONG_BYTES = 126, 0xFFFF
"""Of which length those are (RFC 6455, section 5.2)."""

MASKS_BYTES = 4096

_HEAD = struct.Struct("!BBH4s")


class StreamSocket(ClientConnection):
    """A connection with a short way for whole messages, in both directions.

    What `recv` gives is what did not go the short way.
    """

    _hear: Callable[[str], None] | None = None
    _is_queued = False
    _masks = b""
    _used = 0

    def hand_over(self, hear: Callable[[str], None]) -> None:
        """Call `hear` with each message as it comes; it must not raise.

        It is not called where messages would overtake those that `recv` has yet to
        give: if some came before, and from the first one in fragments on.
        """
        if not self._is_queued:
            self._hear = hear

    def let_go(self) -> None:
        """Hand nothing over any more."""
        self._hear = None
        self._is_queued = True

    def write(self, message: bytes) -> bool:
        """Send a text message at once.

        Returns:
            False if it was not sent, and `send` has to: the other side is slow, or
            the connection closes.
        """
        if self.paused or self.state is not State.OPEN or self.transport.is_closing():
            return False
        if len(message) < SHORT_BYTES or len(message) > LONG_BYTES:
            self.protocol.send_text(message)
            self.send_data()
            return True
        if self._used == len(self._masks):
            # A call of the system for each message costs as much as the message.
            self._masks, self._used = secrets.token_bytes(MASKS_BYTES), 0
        mask = self._masks[self._used : self._used + 4]
        self._used += 4
        head = _HEAD.pack(TEXT_FIN, MASKED_16_BIT, len(message), mask)
        self.transport.write(head + apply_mask(message, mask))
        return True

    def process_event(self, event: Frame | Response) -> None:  # type: ignore[override]
        """Take one frame."""
        if isinstance(event, Frame) and event.opcode in DATA_OPCODES:
            if self._hear is not None and self._was_heard(event, self._hear):
                return
            self._hear = None
            self._is_queued = True
        super().process_event(event)

    def _was_heard(self, frame: Frame, hear: Callable[[str], None]) -> bool:
        if not frame.fin or frame.opcode is not Opcode.TEXT:
            return False
        try:
            text = str(frame.data, "utf-8")
        except UnicodeDecodeError:
            # `recv` fails the connection, as it has to be.
            return False
        hear(text)
        return True


async def open_socket(
    stack: contextlib.AsyncExitStack,
    url: str,
    resolver: Resolver,
    headers: Mapping[str, str],
) -> StreamSocket:
    """Connect to the first of the host's addresses that answers.

    Args:
        stack: Closes the socket.
        url: `ws://` or `wss://`.
        resolver: Says which addresses are allowed.
        headers: Of the upgrade.

    Raises:
        UnavailableError: If it never will: it may not be asked, is no URL, or sends
            us elsewhere.
        OSError: If it does not answer now.
        WebSocketException: If it answers otherwise than as a stream server.
    """
    try:
        return await _opened(stack, url, resolver, headers)
    except OutOfReachError as error:
        reason = str(error)
    except InvalidURI as error:
        # Its text has the whole URL, and that may have a password.
        reason = f"{shown(url)} is no WebSocket URL: {error.msg}"
    except ValueError as error:
        # websockets' way to say that it follows no redirect to another address: with
        # ours given, it does so to the same host and port alone.
        reason = str(error)
    raise UnavailableError("connect stream", None, reason)


async def _opened(
    stack: contextlib.AsyncExitStack,
    url: str,
    resolver: Resolver,
    headers: Mapping[str, str],
) -> StreamSocket:
    uri = parse_uri(url)
    failure: OSError = OSError(f"{uri.host} has no address")
    for address in await resolver.addresses(uri.host, uri.port):
        connecting = connect(
            url,
            host=address,
            compression=None,
            max_size=None,
            proxy=None,
            close_timeout=CLOSE_TIMEOUT_S,
            ping_interval=PING_S,
            ping_timeout=PING_S,
            additional_headers=headers,
            create_connection=StreamSocket,
        )
        try:
            socket = await stack.enter_async_context(connecting)
        except OSError as error:
            failure = error
        else:
            assert isinstance(socket, StreamSocket)
            return socket
    raise failure
