"""What was seen of a server, and what that says about it."""

import dataclasses
import enum

from websockets.exceptions import ConnectionClosed

__all__ = ["Basis", "Fate", "Finding", "Outcome", "Scene", "fate_of", "judged"]

CRASHED = 1011
"""The close code of a server whose handler failed."""

GRACEFUL = (1000, 1001, 1005)


class Outcome(enum.Enum):
    """What a scenario came to."""

    PASS = "pass"
    FAIL = "fail"
    UNDOCUMENTED = "undocumented"
    """Nothing says what is right; the finding says what the server did."""
    SKIPPED = "skipped"
    """It could not be tried."""


class Basis(enum.Enum):
    """Why something is expected."""

    DOCUMENTED = "documented"
    OBSERVED = "observed in the field"
    NOWHERE = "documented nowhere"


@dataclasses.dataclass(frozen=True, slots=True)
class Scene:
    """What a scenario is about."""

    name: str
    basis: Basis
    expected: str
    """What a server should do, and why; one sentence."""
    may_end: bool = False
    """Whether a bot may rightly answer it with its goodbye."""


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """One scenario's result."""

    scenario: str
    outcome: Outcome
    seen: str
    expected: str
    basis: Basis

    @classmethod
    def of(cls, scene: Scene, outcome: Outcome, seen: str) -> "Finding":
        """Make the finding of a scenario."""
        return cls(scene.name, outcome, seen, scene.expected, scene.basis)


class Fate(enum.Enum):
    """What became of a stream."""

    ANSWERS = "goes on and answers"
    OPEN = "is still open"
    DEAF = "is still open, but answers no more"
    ENDED = "was closed in order"
    REFUSED = "was closed for an error"
    CRASHED = "broke"


def fate_of(end: ConnectionClosed) -> tuple[Fate, str]:
    """Read how the server ended a stream: what that was, and what to say of it."""
    if end.rcvd is None and end.sent is not None:
        what = f"broke the WebSocket protocol ({end.sent.code} {end.sent.reason})"
        return Fate.CRASHED, what
    if end.rcvd is None:
        return Fate.CRASHED, "dropped the TCP connection without a close"
    reason = f" ({end.rcvd.reason})" if end.rcvd.reason else ""
    what = f"closed the stream with {end.rcvd.code}{reason}"
    if end.rcvd.code == CRASHED:
        return Fate.CRASHED, f"{what}, as a failed handler does"
    return (Fate.ENDED if end.rcvd.code in GRACEFUL else Fate.REFUSED), what


def judged(scene: Scene, fate: Fate, seen: str) -> Finding:
    """Judge a server by what became of the stream.

    A crash and a stream that is open but dead are nowhere right; what else happens
    is right or wrong where something says so.
    """
    is_fine = fate in (Fate.ANSWERS, Fate.OPEN)
    if fate in (Fate.CRASHED, Fate.DEAF):
        outcome = Outcome.FAIL
    elif scene.basis is Basis.NOWHERE:
        outcome = Outcome.UNDOCUMENTED
    elif is_fine or (scene.may_end and fate is Fate.ENDED):
        outcome = Outcome.PASS
    else:
        outcome = Outcome.FAIL
    return Finding.of(scene, outcome, seen)
