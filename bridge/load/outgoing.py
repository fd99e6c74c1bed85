"""What callers say next, and who of them need not be asked for it.

All that the next frame of a caller takes is numbers and a place in a sound. Where it
was compiled, `_outgoing.c` sends those frames itself: from one mark to the next, as
long as the socket takes all at once. At other times, and where nothing was compiled,
each caller is asked for each frame.
"""

import math
from typing import Any, TypeAlias

try:
    from bridge.load import _outgoing
except ImportError:  # It was installed without a compiler, or for another system.
    _outgoing = None  # type: ignore[assignment]

__all__ = ["Outgoing", "Parts", "due", "outgoing"]

Parts = tuple[bytes, bytes, bytes, bytes, bytes]
"""Of a message of audio: what stands around number, payload, time and chunk."""


class PlainOutgoing:
    """Where a caller stands in what is said; see `_outgoing.c` for the short way."""

    __slots__ = (
        *("alone", "at", "chunk", "due_s", "fd", "look_s", "number", "owner", "sent"),
    )

    def __init__(self) -> None:
        self.owner: Any = None
        """Who is asked."""
        self.fd = -1
        """Of the socket that frames are sent over without asking; -1: of none."""
        self.alone = 0
        """So many frames more may be sent so."""
        self.due_s = math.inf
        """From then on its owner is asked again,"""
        self.look_s = 0.0
        """or from then on."""
        self.number = 0
        """Of the last message on this socket."""
        self.chunk = 0
        """Of the last frame."""
        self.sent = 0
        """Frames that were sent without asking, and are not yet counted."""
        self.at = 0
        """Of the next frame in a sound without end."""

    def say(self, texts: tuple[bytes, ...], parts: Parts, began_ms: int) -> None:
        """Know what is said, and how its messages are written."""


Outgoing: TypeAlias = "PlainOutgoing | _outgoing.Outgoing"


def outgoing() -> Outgoing:
    """Of a new caller."""
    if _outgoing is not None:
        return _outgoing.Outgoing()
    return PlainOutgoing()


def due(lines: list[Outgoing], now_s: float) -> list[tuple[Any, bytes | None]]:
    """Send frames.

    Returns:
        Who is to be asked for theirs, with None; whose frame was sent but for a rest,
        with that.
    """
    if _outgoing is not None:
        return _outgoing.due(lines, now_s)
    return [(line.owner, None) for line in lines]
