"""The parent's side: passes the workers' letters on, and keeps what outlives them."""

import collections
import datetime
import logging
from collections.abc import Callable
from typing import Any

import msgspec
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bridge.server.elsewhere import CALLS
from bridge.server.fleet import Answer, FleetCall, Outcome
from bridge.server.workers import merging
from bridge.server.workers.exchange import MOST_UNSENT_BYTES
from bridge.server.workers.fleet import MOST_LOST
from bridge.server.workers.letters import (
    OTHERS,
    PARENT,
    Began,
    Counted,
    Failed,
    Family,
    Hello,
    Left,
    Letter,
    Level,
    Over,
    Question,
    Ready,
    Reply,
    Snapshot,
    Told,
    Welcome,
)
from bridge.server.workers.wire import Wire, opened

__all__ = ["Hub", "Seat"]

_LOG = logging.getLogger(__name__)

MOST_CALLBACKS = 10_000
"""Kept for workers that start later: they tell who is in which Multiparty Call."""


class Seat:
    """A worker, as the hub knows it.

    Args:
        wire: To it.
    """

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.facts: dict[str, Any] | None = None
        """Where it serves; None until it is ready."""
        self.failure: Failed | None = None
        """Why it could not start."""
        self.name: Hello | None = None
        self.calls: dict[str, Began] = {}
        self.counts: dict[str, Counted] = {}
        self.snapshot: Snapshot | None = None

    @property
    def count(self) -> int:
        """How many calls it carries."""
        return self.counts[CALLS].number if CALLS in self.counts else 0

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
        """All of that, for whoever starts later."""
        ones = [each for each in (self.name, self.snapshot) if each is not None]
        return [*ones, *self.calls.values(), *self.counts.values()]


class Hub(Collector):
    """All workers.

    Args:
        on_ready: Called when a worker takes streams.
    """

    def __init__(self, on_ready: Callable[[], None] = lambda: None) -> None:
        self.seats: dict[int, Seat] = {}
        self.deaths = 0
        self.calls_lost = 0
        self._on_ready = on_ready
        self._lost: collections.deque[FleetCall] = collections.deque(maxlen=MOST_LOST)
        self._callbacks: collections.deque[Told] = collections.deque(
            maxlen=MOST_CALLBACKS
        )
        self._retired: list[Family] = []
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def __repr__(self) -> str:
        return f"<Hub {len(self.seats)} workers>"

    @property
    def ready(self) -> list[Seat]:
        """The workers that take streams."""
        return [seat for seat in self.seats.values() if seat.facts is not None]

    async def attend(self, worker: int, wire: Wire) -> None:
        """Pass a worker's letters on until it is gone."""
        seat = self.seats[worker] = Seat(wire)
        self._welcome(worker, seat)
        try:
            while True:
                place, sealed = await wire.receive()
                try:
                    letter = opened(sealed)
                except msgspec.MsgspecError as error:
                    _LOG.warning(
                        "a letter of worker %d cannot be read: %s", worker, error
                    )
                    continue
                self._take(worker, letter)
                self._pass_on(worker, place, letter, sealed)
        except EOFError:
            pass
        finally:
            # Nothing is owed to it; whoever holds its socket may never read.
            wire.abort()

    def leave(self, worker: int) -> list[FleetCall]:
        """Forget a worker that is gone, and tell the others; the calls that it had."""
        seat = self.seats.pop(worker)
        now_s = datetime.datetime.now(datetime.UTC).timestamp()
        lost = [
            msgspec.structs.replace(each.call, lost_s=now_s)
            for each in seat.calls.values()
        ]
        self._lost.extend(lost)
        if seat.snapshot is not None:
            self._retired = merging.retired(self._retired, seat.snapshot.families)
        self.tell(Left(worker, lost, self._retired))
        return lost

    def tell(self, letter: Letter) -> None:
        """Write to all workers."""
        for seat in self.seats.values():
            seat.wire.send(PARENT, letter)

    def tell_metrics(self) -> None:
        """Tell all workers the parent's own."""
        self._spread(PARENT, Snapshot(merging.families(self._registry)))

    def collect(self) -> list[Metric]:
        """What only the parent counts."""
        text = "Workers that take streams"
        lost = "Calls that went with them"
        return [
            GaugeMetricFamily("bridge_workers", text, len(self.ready)),
            CounterMetricFamily(
                "bridge_worker_deaths", "Workers that died", self.deaths
            ),
            CounterMetricFamily("bridge_worker_calls_lost", lost, self.calls_lost),
        ]

    # ------------------------------------------------------------------ inside

    def _welcome(self, worker: int, seat: Seat) -> None:
        """Tell a worker all that the others told before it was there."""
        send = seat.wire.send
        for place, other in self.seats.items():
            for letter in other.kept() if place != worker else ():
                send(place, letter)
        for callback in self._callbacks:
            send(PARENT, callback)
        send(PARENT, Left(PARENT, list(self._lost), self._retired))
        send(PARENT, Level(logging.getLogger().level))
        send(PARENT, Welcome())

    def _take(self, worker: int, letter: Letter) -> None:
        self.seats[worker].note(letter)
        match letter:
            case Told():
                self._callbacks.append(letter)
            case Level():
                logging.getLogger().setLevel(letter.level)
            case Ready():
                self._on_ready()

    def _pass_on(
        self, worker: int, place: int, letter: Letter, sealed: msgspec.Raw
    ) -> None:
        if place == OTHERS:
            self._spread(worker, letter, sealed)
        elif place in self.seats:
            self.seats[place].wire.forward(worker, sealed)
        elif isinstance(letter, Question):
            gone = Reply(letter.number, Answer(Outcome.LOST))
            self.seats[worker].wire.send(place, gone)

    def _spread(
        self, worker: int, letter: Letter, sealed: msgspec.Raw | None = None
    ) -> None:
        for place, seat in self.seats.items():
            if place == worker:
                continue
            # Of numbers the next will do, where a worker does not read.
            is_behind = seat.wire.unsent_bytes > MOST_UNSENT_BYTES
            if is_behind and isinstance(letter, Snapshot):
                continue
            if sealed is None:
                seat.wire.send(worker, letter)
            else:
                seat.wire.forward(worker, sealed)
