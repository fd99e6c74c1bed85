"""The metrics of all workers, as each shows them."""

import re

from bridge.server.workers import exchange
from bridge.server.workers.hub import Hub
from bridge.tasks import background
from tests.server.workers.spokes import Worker, until, worker, workers


def shown(which: Worker, name: str) -> float:
    text = which.metrics.exposition().decode()
    found = re.search(rf"^{re.escape(name)} (.*)$", text, re.MULTILINE)
    assert found is not None, name
    return float(found[1])


async def test_each_shows_the_sum() -> None:
    """Its own at once, those of others as they were last told."""
    async with workers("one", "two") as (one, two):
        one.metrics.frames_received = 3
        two.metrics.frames_received = 4
        assert shown(one, "bridge_frames_received_total") == 3
        two.exchange.send()
        await until(lambda: shown(one, "bridge_frames_received_total") == 7)
        await until(lambda: shown(two, "bridge_frames_received_total") == 7)


async def test_others_are_told_again_and_again() -> None:
    """Without anybody asking."""
    async with workers("one", "two") as (one, two):
        one.metrics.frames_received = 3
        async with background(metrics=one.exchange.run()):
            await until(lambda: shown(two, "bridge_frames_received_total") == 3)
    assert exchange.SNAPSHOT_S <= 1


async def test_what_one_has_shown_outlives_it() -> None:
    """However it died, and whoever starts in its place."""
    hub = Hub()
    async with worker(hub, 1, "one") as one:
        for _ in range(3):
            async with worker(hub, 2, "two") as two:
                two.metrics.frames_received += 5
                two.metrics.streams_active = 2
                two.metrics.response("turn", 0.25)
                before = shown(two, "bridge_frames_received_total")
                await until(lambda: shown(one, "bridge_streams_active") == 2)
            await until(lambda: shown(one, "bridge_streams_active") == 0)
            assert shown(one, "bridge_frames_received_total") == before
        assert before == 15
        count = 'bridge_response_seconds_bucket{le="0.3",stage="turn"}'
        assert shown(one, count) == 3


async def test_processes_are_told_apart() -> None:
    """A core that is full is one's."""
    hub = Hub()
    async with worker(hub, 1, "one") as one, worker(hub, 2, "two") as two:
        hub.tell_metrics()
        two.exchange.send()
        for name in ("parent", "1", "2"):
            sample = f'process_cpu_seconds_total{{worker="{name}"}}'
            await until(lambda sample=sample: sample in exposed(one))  # type: ignore[misc]
        assert shown(one, "bridge_worker_deaths_total") == 0


def exposed(which: Worker) -> str:
    return which.metrics.exposition().decode()
