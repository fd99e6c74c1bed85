"""A worker's side of the socket to the parent."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import msgspec

from bridge.errors import MisuseError
from bridge.server.workers.letters import PARENT, Letter, Ping, Pong, Welcome
from bridge.server.workers.wire import Wire, opened
from bridge.tasks import background

__all__ = ["Spoke"]

_LOG = logging.getLogger(__name__)

Kind = TypeVar("Kind")


class Spoke:
    """Sends letters, and hands those that come to whoever hears them.

    Args:
        number: The worker's place.
        wire: To the parent.
    """

    def __init__(self, number: int, wire: Wire) -> None:
        self.number = number
        self._wire = wire
        self._hearers: dict[type, list[Callable[[int, Any], None]]] = {}
        self._welcomed = asyncio.Event()
        self.hear(Welcome, lambda _parent, _letter: self._welcomed.set())
        self.hear(Ping, lambda _parent, _letter: self.send(Pong()))

    def __repr__(self) -> str:
        return f"<Spoke {self.number}>"

    @property
    def unsent_bytes(self) -> int:
        """What the parent has not read."""
        return self._wire.unsent_bytes

    def hear(self, kind: type[Kind], hearer: Callable[[int, Kind], None]) -> None:
        """Have a function told of letters of a kind, and of the place they are from."""
        self._hearers.setdefault(kind, []).append(hearer)

    def send(self, letter: Letter, to: int = PARENT) -> None:
        """Write to the parent, to a worker, or to all others; never waits."""
        self._wire.send(to, letter)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Hand letters on while the block runs.

        What came before waits until then; the block begins when all is told that was
        said before this worker was there.
        """
        async with background(hub=self._listen()):
            await self._welcomed.wait()
            yield

    async def _listen(self) -> None:
        while True:
            try:
                place, sealed = await self._wire.receive()
            except EOFError:
                raise MisuseError("the parent of the workers hung up") from None
            try:
                letter = opened(sealed)
            except msgspec.MsgspecError as error:
                _LOG.warning("a letter from worker %d cannot be read: %s", place, error)
                continue
            for hearer in self._hearers.get(type(letter), ()):
                hearer(place, letter)
