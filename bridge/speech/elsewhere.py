"""WebSockets to services and bots elsewhere."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidURI, WebSocketException

from bridge.errors import ServiceError

__all__ = ["connected"]

CONNECT_S = 5.0
CLOSE_S = 1.0

MOST_MESSAGE_BYTES = 4 * 1024 * 1024
"""Servers send speech in messages of any length; none is longer."""


@asynccontextmanager
async def connected(
    service: str, url: str, headers: Mapping[str, str]
) -> AsyncIterator[ClientConnection]:
    """Connect for the length of a block.

    Raises:
        ServiceError: If that cannot be done; not for what happens in the block.
    """
    try:
        socket = await connect(
            url,
            additional_headers=dict(headers),
            compression=None,
            max_size=MOST_MESSAGE_BYTES,
            open_timeout=CONNECT_S,
            close_timeout=CLOSE_S,
        )
    except InvalidURI as error:
        raise ServiceError(service, f"{url} is no ws:// or wss:// address") from error
    except (OSError, TimeoutError, WebSocketException) as error:
        # A token may stand in the query.
        where = url.partition("?")[0]
        raise ServiceError(service, f"cannot connect to {where}: {error}") from error
    try:
        yield socket
    finally:
        await socket.close()
