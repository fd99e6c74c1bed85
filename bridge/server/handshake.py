"""The request of a WebSocket upgrade, and answers to it, by `websockets`' core."""

from collections.abc import Sequence

from websockets.http11 import Response
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from bridge.server.guest import Refusal

__all__ = [
    "HEAD_ENDS",
    "HEAD_TOO_LONG",
    "chosen_headers",
    "refuse",
    "server_protocol",
    "upgrade_request",
]

# Some of Plivo's gateways offer this and hang up when it is not chosen.
SUBPROTOCOL = Subprotocol("audio.drachtio.org")

CHOSEN = "Sec-WebSocket-Protocol"

HEAD_ENDS = b"\r\n\r\n"

HEAD_TOO_LONG = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"Content-Length: 0\r\nConnection: close\r\n\r\n"
)


def server_protocol(max_size: int) -> ServerProtocol:
    """The library's end of a socket that has just been accepted.

    Args:
        max_size: Of a message, in bytes.
    """
    return ServerProtocol(select_subprotocol=_select_subprotocol, max_size=max_size)


def refuse(websocket: ServerProtocol, refusal: Refusal) -> Response:
    """Put a refusal into an HTTP response."""
    response = websocket.reject(refusal.status, refusal.body)
    del response.headers["Content-Type"]
    response.headers["Content-Type"] = refusal.content_type
    if refusal.retry_after_s is not None:
        response.headers["Retry-After"] = str(refusal.retry_after_s)
    return response


def chosen_headers(response: Response) -> dict[str, str]:
    """What an upgrade's response says besides what all of them do."""
    chosen = response.headers.get(CHOSEN)
    return {CHOSEN: chosen} if chosen else {}


def upgrade_request(key: str) -> bytes:
    """The least request of an upgrade, with a key of theirs."""
    return (
        "GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
    ).encode()


def _select_subprotocol(
    _protocol: ServerProtocol, offered: Sequence[Subprotocol]
) -> Subprotocol | None:
    return SUBPROTOCOL if SUBPROTOCOL in offered else None
