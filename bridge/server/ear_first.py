"""Before a library's protocol: the ear of a call is asked first for what comes."""

import asyncio
from typing import Protocol

from bridge.call.link import Ear
from bridge.server.framing import MOST_AT_ONCE, Owner

__all__ = ["EarFirst"]


class Library(Protocol):
    """What it has to be told and asked of a framing by a library that reads."""

    is_between: bool
    """Whether what comes begins with a frame, and that begins a message."""
    has_received: bool
    """Whether a message came."""

    @property
    def ear(self) -> Ear:
        """Is asked first."""

    def receive(self, data: bytes) -> None:
        """Take what has arrived."""


class EarFirst(asyncio.Protocol):
    """The transport's protocol.

    Args:
        framing: Receives what no ear takes.
        owner: Whose socket it is.
        protocol: The library's, told of all else.
    """

    __slots__ = ("_frames", "_framing", "_owner", "_protocol")

    def __init__(
        self, framing: Library, owner: Owner, protocol: asyncio.BufferedProtocol
    ) -> None:
        self._framing = framing
        self._owner = owner
        self._protocol = protocol
        self._frames = 0

    def data_received(self, data: bytes) -> None:
        """Take what has arrived."""
        framing = self._framing
        if framing.is_between and framing.ear.hear_framed(data):
            framing.has_received = True
            self._frames += 1
            if self._frames >= MOST_AT_ONCE:
                self._frames = 0
                self._owner.may_go_on(MOST_AT_ONCE)
        else:
            framing.receive(data)

    def eof_received(self) -> bool | None:
        """Pass it on."""
        return self._protocol.eof_received()

    def pause_writing(self) -> None:
        """Pass it on."""
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """Pass it on."""
        self._protocol.resume_writing()

    def connection_lost(self, error: Exception | None) -> None:
        """Pass it on."""
        self._protocol.connection_lost(error)
