"""The parent's side: passes the workers' letters on, and keeps what outlives them."""

import logging
from collections.abc import Callable

import msgspec
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bridge.server.fleet import Answer, FleetCall, Outcome
from bridge.server.workers import merging
from bridge.server.workers.exchange import MOST_UNSENT_BYTES
from bridge.server.workers.kept import Kept
from bridge.server.workers.letters import (
    OTHERS,
    PARENT,
    Letter,
    Level,
    Question,
    Ready,
    Reply,
    Silent,
    Snapshot,
    Welcome,
)
from bridge.server.workers.seat import Seat
from bridge.server.workers.wire import Wire, opened

__all__ = ["Hub"]

_LOG = logging.getLogger(__name__)


class Hub(Collector):
    """All workers.

    Args:
        on_ready: Called when a worker takes streams.
        nonce_window_s: For how long workers that start are told of a used signature.
    """

    def __init__(
        self,
        on_ready: Callable[[], None] = lambda: None,
        nonce_window_s: float = 600.0,
    ) -> None:
        self.seats: dict[int, Seat] = {}
        self.deaths = 0
        self.hangs = 0
        self.calls_lost = 0
        self._on_ready = on_ready
        self._kept = Kept(nonce_window_s)
        self._silent = Silent([])
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def __repr__(self) -> str:
        return f"<Hub {len(self.seats)} workers>"

    @property
    def ready(self) -> list[Seat]:
        """The workers that take streams."""
        return [seat for seat in self.seats.values() if seat.facts is not None]

    async def attend(self, worker: int, wire: Wire, pid: int = 0) -> None:
        """Pass a worker's letters on until it is gone."""
        seat = self.seats[worker] = Seat(wire, pid)
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
        calls = [each.call for each in seat.calls.values()]
        left = self._kept.bury(worker, calls, seat.snapshot)
        self.tell(left)
        return left.lost

    def tell(self, letter: Letter) -> None:
        """Write to all workers."""
        for seat in self.seats.values():
            seat.wire.send(PARENT, letter)

    def tell_silent(self, workers: list[int]) -> None:
        """Tell all workers which of them do not answer now."""
        self._silent = Silent(workers)
        self.tell(self._silent)
        self.tell_metrics()

    def tell_metrics(self) -> None:
        """Tell all workers the parent's own."""
        self._spread(PARENT, Snapshot(merging.families(self._registry)))

    def collect(self) -> list[Metric]:
        """What only the parent counts."""
        text = "Workers that take streams"
        lost = "Calls that went with them"
        answering = [seat for seat in self.ready if not seat.is_silent]
        silent = GaugeMetricFamily(
            "bridge_worker_silent_seconds",
            "Since a worker was last heard of; more than 3: what is told of it is old",
            labels=["worker"],
        )
        for place, seat in self.seats.items():
            if seat.facts is not None:
                silent.add_metric([str(place)], max(0.0, seat.silent_s))
        return [
            GaugeMetricFamily("bridge_workers", text, len(answering)),
            silent,
            CounterMetricFamily(
                "bridge_worker_hangs", "Workers ended for their silence", self.hangs
            ),
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
        for letter in self._kept.letters():
            send(PARENT, letter)
        send(PARENT, self._silent)
        send(PARENT, Level(logging.getLogger().level))
        send(PARENT, Welcome())
        seat.welcome_bytes = seat.wire.unsent_bytes

    def _take(self, worker: int, letter: Letter) -> None:
        seat = self.seats[worker]
        seat.hear(letter)
        seat.note(letter)
        self._kept.note(letter)
        match letter:
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
