"""What the workers of a server and their parent tell each other, and how it travels."""

import asyncio
import contextlib
import socket
from typing import Any, Self, TypeAlias

import msgspec

from bridge.server.fleet import Answer, FleetCall

__all__ = [
    "OTHERS",
    "PARENT",
    "Began",
    "Bound",
    "Counted",
    "Failed",
    "Family",
    "Force",
    "Hello",
    "Left",
    "Letter",
    "Level",
    "Over",
    "Question",
    "Ready",
    "Reload",
    "Reply",
    "Sample",
    "Snapshot",
    "Spent",
    "Stop",
    "Told",
    "Welcome",
    "Wire",
    "opened",
]

PARENT = 0
"""The place of the parent; those of workers begin at 1."""

OTHERS = -1
"""All workers but the one that writes."""

LENGTH_BYTES = 4


class Sample(msgspec.Struct, frozen=True, array_like=True):
    """One number of a metric."""

    name: str
    labels: dict[str, str]
    value: float


class Family(msgspec.Struct, frozen=True, array_like=True):
    """One metric of a process."""

    name: str
    kind: str
    """As Prometheus calls it: counter, gauge, histogram."""
    text: str
    samples: list[Sample]


# ------------------------------------------------------------ from worker to workers


class Hello(msgspec.Struct, frozen=True, tag=True):
    """A worker is there."""

    name: str


class Began(msgspec.Struct, frozen=True, tag=True):
    """A call begins at whoever writes, or is now known better."""

    call: FleetCall


class Over(msgspec.Struct, frozen=True, tag=True):
    """A call has ended."""

    stream_id: str


class Told(msgspec.Struct, frozen=True, tag=True):
    """A callback was taken: its parameters."""

    params: dict[str, str]


class Question(msgspec.Struct, frozen=True, tag=True):
    """Asks the carrier of a stream; a reason ends it, None shows it."""

    number: int
    stream_id: str
    end_reason: str | None = None


class Reply(msgspec.Struct, frozen=True, tag=True):
    """Answers a question."""

    number: int
    answer: Answer


class Counted(msgspec.Struct, frozen=True, tag=True):
    """So many of something that is limited for all together."""

    key: str
    number: int


class Spent(msgspec.Struct, frozen=True, tag=True):
    """A signature has let somebody in."""

    signature: str


class Bound(msgspec.Struct, frozen=True, tag=True):
    """A token is a call's from now on."""

    token_id: str
    call: str


class Snapshot(msgspec.Struct, frozen=True, tag=True):
    """All metrics of a process."""

    families: list[Family]


class Level(msgspec.Struct, frozen=True, tag=True):
    """The least that is logged, as `logging` counts."""

    level: int


# -------------------------------------------------------------- from worker to parent


class Ready(msgspec.Struct, frozen=True, tag=True):
    """A worker takes streams."""

    facts: dict[str, Any]
    """Where the server serves."""


class Failed(msgspec.Struct, frozen=True, tag=True):
    """A worker cannot start, and knows why."""

    text: str
    is_config: bool
    """Whether it is the operator who has to change something."""


# -------------------------------------------------------------- from parent to workers


class Welcome(msgspec.Struct, frozen=True, tag=True):
    """All that was said before has been told now."""


class Left(msgspec.Struct, frozen=True, tag=True):
    """A worker is gone; `worker` is 0 where only what it left behind is told."""

    worker: int
    lost: list[FleetCall]
    """The calls that went with it."""
    retired: list[Family]
    """What all that are gone had counted."""


class Stop(msgspec.Struct, frozen=True, tag=True):
    """Drain."""


class Force(msgspec.Struct, frozen=True, tag=True):
    """Wait no more for calls to end by themselves."""


class Reload(msgspec.Struct, frozen=True, tag=True):
    """Load the certificate anew."""


Letter: TypeAlias = (
    Hello
    | Began
    | Over
    | Told
    | Question
    | Reply
    | Counted
    | Spent
    | Bound
    | Snapshot
    | Level
    | Ready
    | Failed
    | Welcome
    | Left
    | Stop
    | Force
    | Reload
)

_ENCODER = msgspec.msgpack.Encoder()
_FRAMES = msgspec.msgpack.Decoder(tuple[int, msgspec.Raw])
_LETTERS: msgspec.msgpack.Decoder[Letter] = msgspec.msgpack.Decoder(Letter)


class Wire:
    """Letters over a socket between a worker and the parent.

    With each travels a place: on the way to the parent whom it is for, on the way to a
    worker whom it is from.
    """

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def over(cls, end: socket.socket) -> Self:
        """Take one end of a socket pair; it is closed with the wire."""
        return cls(*await asyncio.open_unix_connection(sock=end))

    @property
    def unsent_bytes(self) -> int:
        """What the other side has not read, beyond what the kernel keeps."""
        return self._writer.transport.get_write_buffer_size()

    def send(self, place: int, letter: Letter) -> None:
        """Send a letter; never waits, and does nothing where nobody is any more."""
        self.forward(place, msgspec.Raw(_ENCODER.encode(letter)))

    def forward(self, place: int, sealed: msgspec.Raw) -> None:
        """Send a letter as it came."""
        if not self._writer.is_closing():
            frame = _ENCODER.encode((place, sealed))
            self._writer.write(len(frame).to_bytes(LENGTH_BYTES, "big") + frame)

    async def receive(self) -> tuple[int, msgspec.Raw]:
        """Wait for a letter.

        Raises:
            EOFError: If the other side is gone.
        """
        try:
            length = int.from_bytes(await self._reader.readexactly(LENGTH_BYTES), "big")
            return _FRAMES.decode(await self._reader.readexactly(length))
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise EOFError from error

    async def close(self) -> None:
        """Send what is left, and close the socket."""
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()


def opened(sealed: msgspec.Raw) -> Letter:
    """Read a letter.

    Raises:
        msgspec.MsgspecError: If it is none, or one of another version.
    """
    return _LETTERS.decode(sealed)
