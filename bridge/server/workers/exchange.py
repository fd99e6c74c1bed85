"""A worker's metrics, told to the others, so that each can show those of all."""

import asyncio

from prometheus_client import CollectorRegistry

from bridge.metrics import Metrics
from bridge.server.workers import merging
from bridge.server.workers.letters import OTHERS, PARENT, Family, Left, Snapshot
from bridge.server.workers.spoke import Spoke

__all__ = ["MOST_UNSENT_BYTES", "SNAPSHOT_S", "Exchange"]

SNAPSHOT_S = 1.0
"""What another worker's metrics are old at most; so much of its last counts is lost
with one that is killed."""

MOST_UNSENT_BYTES = 1_000_000
"""Who does not read for long is told the numbers of now when it does, not all."""


class Exchange:
    """The metrics of all workers, as one of them knows them.

    Whatever is shown was sent before, to the parent too: what it has it keeps when the
    worker dies, so no counter is ever seen to go back.

    Args:
        spoke: To the others.
        metrics: Of this worker.
    """

    def __init__(self, spoke: Spoke, metrics: Metrics) -> None:
        self._spoke = spoke
        self._metrics = metrics
        self._there: dict[int, list[Family]] = {}
        self._gone: list[Family] = []
        spoke.hear(Snapshot, self._take)
        spoke.hear(Left, self._forget)

    def send(self) -> list[Family]:
        """Tell the others the numbers of now, which are returned."""
        here = merging.families(self._metrics.registry)
        self._spoke.send(Snapshot(here), OTHERS)
        return here

    async def run(self) -> None:
        """Tell the others again and again."""
        while True:
            await asyncio.sleep(SNAPSHOT_S)
            if self._spoke.unsent_bytes < MOST_UNSENT_BYTES:
                self.send()

    def exposition(self, _registry: CollectorRegistry) -> bytes:
        """The metrics of all workers in Prometheus' text format."""
        by_place = {**self._there, self._spoke.number: self.send()}
        processes = {
            "parent" if place == PARENT else str(place): found
            for place, found in sorted(by_place.items())
        }
        return merging.text(merging.merged(processes, self._gone))

    def _take(self, worker: int, letter: Snapshot) -> None:
        self._there[worker] = letter.families

    def _forget(self, _parent: int, letter: Left) -> None:
        self._there.pop(letter.worker, None)
        self._gone = letter.retired
