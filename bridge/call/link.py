"""What a call needs of the socket that it talks through, and the socket of a call."""

from typing import Protocol

__all__ = ["NOBODY", "Ear", "Framer", "Link", "Taker"]


class Framer(Protocol):
    """Sends messages whose head was written with them, and before them."""

    def head(self, size: int) -> bytes:
        """What must stand before a message of so many bytes."""

    def send_framed(self, message: bytes) -> None:
        """Send a head and its message; on a closed link, do nothing."""


class Link(Protocol):
    """A way to the far end; messages arrive whole and in order, or not at all."""

    @property
    def is_writable(self) -> bool:
        """False while the far end does not read; `send` would only pile up."""

    @property
    def framer(self) -> Framer:
        """Sends messages in the shortest way."""

    def send(self, text: bytes) -> None:
        """Send one message; on a closed link, do nothing."""

    def close(self, code: int, reason: str) -> None:
        """Close with a WebSocket close code; closing twice is closing once."""


class Taker(Protocol):
    """Whoever the far end's messages are for."""

    def receive(self, text: bytes) -> None:
        """Take a whole message."""


class Ear(Protocol):
    """Whoever is asked before: for frames of audio that are as foreseen."""

    def hear_next(self, text: bytes) -> bool:
        """Take a message if it is the frame that was to come; say whether it was."""

    def hear_framed(self, data: bytes) -> bool:
        """Do the same with a masked frame of WebSocket, if that is all of the data."""


class Nobody:
    """Whoever is not there any more, or not yet: any of these."""

    def head(self, _size: int) -> bytes:
        """Write nothing."""
        return b""

    def send_framed(self, _message: bytes) -> None:
        """Let it be."""

    def receive(self, _text: bytes) -> None:
        """Let it be."""

    def hear_next(self, _text: bytes) -> bool:
        """Foresee nothing."""
        return False

    def hear_framed(self, _data: bytes) -> bool:
        """Foresee nothing."""
        return False


NOBODY = Nobody()
