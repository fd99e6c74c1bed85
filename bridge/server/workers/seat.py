"""A worker, as the parent knows it."""

from typing import Any

from bridge.server.elsewhere import CALLS
from bridge.server.workers.letters import (
    Began,
    Counted,
    Failed,
    Hello,
    Leaving,
    Letter,
    Over,
    Pong,
    Ready,
    Snapshot,
)
from bridge.server.workers.wire import Wire

__all__ = ["LEAVING_S", "SILENT_S", "Seat"]

SILENT_S = 3.0
"""Who has not been heard of for so long is told to be silent: a worker sends its
metrics every second, and stalls of a second or two happen where much else runs."""

LEAVING_S = 30.0
"""So long a worker that has drained may be silent before that counts: bots that are
closed may block, and it ends itself in less."""


class Seat:
    """What a worker has told, and whether it answers.

    Args:
        wire: To it.
        pid: Its process.
    """

    def __init__(self, wire: Wire, pid: int = 0) -> None:
        self.wire = wire
        self.pid = pid
        self.facts: dict[str, Any] | None = None
        """Where it serves; None until it is ready."""
        self.failure: Failed | None = None
        """Why it could not start."""
        self.name: Hello | None = None
        self.calls: dict[str, Began] = {}
        self.counts: dict[str, Counted] = {}
        self.snapshot: Snapshot | None = None
        self.silent_s = 0.0
        """For how long nothing was heard of it; less than 0 while it may be silent."""
        self.is_asked = False
        """Whether it owes a pong."""
        self.is_given_up = False
        self.welcome_bytes = 0
        """What it was told at the beginning, and had not read then."""

    def __repr__(self) -> str:
        return f"<Seat of {self.pid}: {self.count} calls, silent {self.silent_s:.1f} s>"

    @property
    def count(self) -> int:
        """How many calls it carries."""
        return self.counts[CALLS].number if CALLS in self.counts else 0

    @property
    def is_silent(self) -> bool:
        """Whether what is known of it is old by now."""
        return self.silent_s >= SILENT_S

    def hear(self, letter: Letter) -> None:
        """It lives, whatever it says."""
        self.silent_s = min(self.silent_s, 0.0)
        match letter:
            case Pong():
                self.is_asked = False
            case Leaving():
                self.silent_s = -LEAVING_S

    def note(self, letter: Letter) -> None:
        """Keep what others have to know of it."""
        match letter:
            case Hello():
                self.name = letter
            case Began():
                self.calls[letter.call.stream_id] = letter
            case Over():
                self.calls.pop(letter.stream_id, None)
            case Counted(number=0):
                self.counts.pop(letter.key, None)
            case Counted():
                self.counts[letter.key] = letter
            case Snapshot():
                self.snapshot = letter
            case Ready():
                self.facts = letter.facts
            case Failed():
                self.failure = letter

    def kept(self) -> list[Letter]:
        """What others have to know of it, for whoever starts later."""
        ones = [each for each in (self.name, self.snapshot) if each is not None]
        return [*ones, *self.calls.values(), *self.counts.values()]
