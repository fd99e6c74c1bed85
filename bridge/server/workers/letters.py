"""What the workers of a server and their parent tell each other."""

from typing import Any, TypeAlias

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
    "Leaving",
    "Left",
    "Letter",
    "Level",
    "Over",
    "Ping",
    "Pong",
    "Question",
    "Ready",
    "Reload",
    "Reply",
    "Sample",
    "Silent",
    "Snapshot",
    "Spent",
    "Stop",
    "Told",
    "Welcome",
]

PARENT = 0
"""The place of the parent; those of workers begin at 1."""

OTHERS = -1
"""All workers but the one that writes."""


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
    at_s: float
    """When, in seconds since 1970."""


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


class Pong(msgspec.Struct, frozen=True, tag=True):
    """A worker's event loop comes round."""


class Leaving(msgspec.Struct, frozen=True, tag=True):
    """A worker has drained, and says nothing more: its bots are being closed."""


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


class Ping(msgspec.Struct, frozen=True, tag=True):
    """Asks for a pong."""


class Silent(msgspec.Struct, frozen=True, tag=True):
    """All workers that do not answer now."""

    workers: list[int]


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
    | Pong
    | Leaving
    | Welcome
    | Left
    | Ping
    | Silent
    | Stop
    | Force
    | Reload
)
