"""How a stream is opened: the upgrade, at the one address given."""

import asyncio
import dataclasses
import socket
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from bridge.conformance.messages import Fields

__all__ = ["CLOSE_S", "Manners", "NoCallError", "connected"]

OPEN_S = 5.0
"""How long the server may take to answer the upgrade."""

CLOSE_S = 2.0
"""How long it may take to answer our close."""


SMALL_BUFFER_BYTES = 16 * 1024


class NoCallError(Exception):
    """The server took no call; the text says what it did instead."""

    def __init__(self, what: str, status: int | None = None) -> None:
        super().__init__(what)
        self.status = status
        """Of its HTTP answer, if it gave one."""


def unchanged(message: Fields) -> Fields:
    """Leave a message as Plivo sends it."""
    return message


@dataclasses.dataclass(frozen=True, slots=True)
class Manners:
    """How one stream behaves."""

    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """More headers of the upgrade request."""
    subprotocols: Sequence[str] = ()
    """What is offered."""
    acks: bool = True
    """Whether checkpoints are acknowledged."""
    dress: Callable[[Fields], Fields] = unchanged
    """Changes every message on its way out."""
    stream_id: str = ""
    """Of an earlier stream that goes on; empty: a new one."""
    has_small_buffer: bool = False
    """Whether the kernel keeps little of what we do not read."""


class _SameAddress(connect):
    """A `connect` that follows no redirect: only the address given is spoken to."""

    def process_redirect(self, exc: Exception) -> Exception:
        """Take every redirect for a refusal."""
        return exc


async def _small_socket(url: str) -> socket.socket:
    """Connect a socket whose receive buffer is small from the first packet on.

    Raises:
        OSError: If no address of the host can be reached.
    """
    loop, parts = asyncio.get_running_loop(), urlsplit(url)
    port = parts.port or (443 if parts.scheme == "wss" else 80)
    failure = OSError(f"no address for {parts.hostname}")
    for family, kind, number, _name, address in await loop.getaddrinfo(
        parts.hostname, port, type=socket.SOCK_STREAM
    ):
        small = socket.socket(family, kind, number)
        try:
            small.settimeout(0)
            small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER_BYTES)
            await loop.sock_connect(small, address)
        except OSError as error:
            small.close()
            failure = error
        else:
            return small
    raise failure


async def connected(url: str, manners: Manners) -> ClientConnection:
    """Connect and upgrade.

    Raises:
        NoCallError: If the server does not agree.
    """
    try:
        ready = await _small_socket(url) if manners.has_small_buffer else None
        return await _SameAddress(
            url,
            sock=ready,
            subprotocols=[Subprotocol(name) for name in manners.subprotocols] or None,
            additional_headers=dict(manners.headers),
            compression=None,
            proxy=None,
            ping_interval=None,
            open_timeout=OPEN_S,
            close_timeout=CLOSE_S,
            max_size=None,
        )
    except InvalidStatus as error:
        status = error.response.status_code
        raise NoCallError(f"refused the upgrade with {status}", status) from error
    except TimeoutError as error:
        raise NoCallError("did not answer the upgrade") from error
    except (InvalidHandshake, OSError, EOFError) as error:
        raise NoCallError(f"could not be connected to ({error})") from error
