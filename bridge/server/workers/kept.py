"""What the parent keeps of all that was told, for workers that start later."""

import collections
import datetime
from collections.abc import Iterator, Sequence

import msgspec

from bridge.server.authentication import MOST_REMEMBERED
from bridge.server.fleet import FleetCall
from bridge.server.workers import merging
from bridge.server.workers.fleet import MOST_LOST
from bridge.server.workers.letters import (
    PARENT,
    Bound,
    Family,
    Left,
    Letter,
    Snapshot,
    Spent,
    Told,
)

__all__ = ["Kept"]

MOST_CALLBACKS = 10_000
"""They tell who is in which Multiparty Call."""


class Kept:
    """Whatever does not end with the worker that told it.

    Args:
        nonce_window_s: For how long a signature is known to be used.
    """

    def __init__(self, nonce_window_s: float) -> None:
        self._nonce_window_s = nonce_window_s
        self._lost: collections.deque[FleetCall] = collections.deque(maxlen=MOST_LOST)
        self._callbacks: collections.deque[Told] = collections.deque(
            maxlen=MOST_CALLBACKS
        )
        self._spent: collections.OrderedDict[str, Spent] = collections.OrderedDict()
        self._bound: collections.OrderedDict[str, Bound] = collections.OrderedDict()
        self._retired: list[Family] = []

    def __repr__(self) -> str:
        return (
            f"<Kept {len(self._callbacks)} callbacks, {len(self._spent)} signatures, "
            f"{len(self._bound)} tokens>"
        )

    def note(self, letter: Letter) -> None:
        """Keep a letter, if it is of those that outlive who wrote it."""
        match letter:
            case Told():
                self._callbacks.append(letter)
            case Spent():
                self._spent[letter.signature] = letter
                self._forget(letter.at_s - self._nonce_window_s)
            case Bound():
                # As each worker does: the first call has it.
                self._bound.setdefault(letter.token_id, letter)
                if len(self._bound) > MOST_REMEMBERED:
                    self._bound.popitem(last=False)

    def bury(
        self, worker: int, calls: Sequence[FleetCall], snapshot: Snapshot | None
    ) -> Left:
        """Keep what a worker leaves behind; the letter that tells it."""
        now_s = datetime.datetime.now(datetime.UTC).timestamp()
        lost = [msgspec.structs.replace(call, lost_s=now_s) for call in calls]
        self._lost.extend(lost)
        if snapshot is not None:
            self._retired = merging.retired(self._retired, snapshot.families)
        return Left(worker, lost, self._retired)

    def letters(self) -> Iterator[Letter]:
        """All of it, in the order in which it was told."""
        yield from self._callbacks
        yield from self._spent.values()
        yield from self._bound.values()
        yield Left(PARENT, list(self._lost), self._retired)

    def _forget(self, oldest_s: float) -> None:
        while self._spent:
            first = next(iter(self._spent.values()))
            if first.at_s >= oldest_s and len(self._spent) <= MOST_REMEMBERED:
                return
            self._spent.popitem(last=False)
