"""What a call needs of the socket it talks through."""

from typing import Protocol

__all__ = ["Link"]


class Link(Protocol):
    """A way to the far end; messages arrive whole and in order, or not at all."""

    @property
    def is_writable(self) -> bool:
        """False while the far end does not read; `send` would only pile up."""

    def send(self, text: bytes) -> None:
        """Send one message; on a closed link, do nothing."""

    def close(self, code: int, reason: str) -> None:
        """Close with a WebSocket close code; closing twice is closing once."""
