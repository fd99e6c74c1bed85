"""The socket of an AI agent's stream, opened to an address that was checked."""

import contextlib
from collections.abc import Mapping

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidURI
from websockets.uri import parse_uri

from bridge.engine.addresses import OutOfReachError
from bridge.engine.resolver import Resolver
from bridge.engine.targets import shown
from bridge.errors import UnavailableError

__all__ = ["open_socket"]

CLOSE_TIMEOUT_S = 1.0
"""For a server to answer our close frame."""

PING_S = 10.0
"""How often a server is asked whether it is there, and how long it may take to say so.
One that hangs would let its caller wait in silence; the system's own buffers take
minutes of audio before it shows otherwise."""


async def open_socket(
    stack: contextlib.AsyncExitStack,
    url: str,
    resolver: Resolver,
    headers: Mapping[str, str],
) -> ClientConnection:
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
) -> ClientConnection:
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
        )
        try:
            return await stack.enter_async_context(connecting)
        except OSError as error:
            failure = error
    raise failure
