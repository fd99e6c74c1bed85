"""Which workers answer; what is done about those that do not."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bridge.server.fleet import Outcome
from bridge.server.workers import watch as watch_module
from bridge.server.workers.hub import Hub
from bridge.server.workers.letters import Leaving, Level, Ping, Ready
from bridge.server.workers.seat import LEAVING_S
from bridge.server.workers.watch import PING_S, Watch
from bridge.tasks import background
from tests.server.fleet_contract import a_call
from tests.server.workers.spokes import Worker, until, worker

LIMIT_S = 10.0


class Field:
    """Two workers that take streams, and who watches them."""

    def __init__(self, one: Worker, two: Worker, hub: Hub, limit_s: float) -> None:
        self.one = one
        self.two = two
        self.hub = hub
        self.ended: list[int] = []
        self.watch = Watch(hub, limit_s, self.ended.append)

    def hang_two(self) -> None:
        """Have its loop stand still, as seen from the parent."""
        self.two.wire._writer.transport.pause_reading()  # type: ignore[attr-defined]

    def free_two(self) -> None:
        self.two.wire._writer.transport.resume_reading()  # type: ignore[attr-defined]

    async def look(self, for_s: float, *hung: int) -> None:
        """Let time pass; whoever does not hang has answered at the end."""
        for _ in range(round(for_s)):
            self.watch.look(1.0)
            asked = [s for place, s in self.hub.seats.items() if place not in hung]
            await until(lambda asked=asked: not any(s.is_asked for s in asked))  # type: ignore[misc]

    async def silent(self) -> tuple[str, ...]:
        """Who is silent, as one of them tells."""
        return (await self.one.fleet.calls()).silent

    async def shows(self, sample: str) -> bool:
        """Whether one of them has it among its metrics."""
        return sample in self.one.metrics.exposition().decode()


@asynccontextmanager
async def watched(limit_s: float = LIMIT_S) -> AsyncIterator[Field]:
    hub = Hub()
    async with worker(hub, 1, "one") as one, worker(hub, 2, "two") as two:
        for each in (one, two):
            each.spoke.send(Ready({"port": 1}))
        await until(lambda: len(hub.ready) == 2)
        hub.seats[2].pid = 4711
        yield Field(one, two, hub, limit_s)


async def test_who_answers_is_let_live() -> None:
    """Though nobody says anything but that."""
    async with watched() as field:
        await field.look(5 * LIMIT_S)
        assert field.ended == []
        assert await field.silent() == ()
        field.hub.tell_metrics()
        await until(lambda: field.shows("bridge_workers 2.0"))


async def test_who_does_not_is_silent_and_then_ended(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Everybody is told; the log names the process; it is ended once."""
    async with watched() as field:
        field.two.fleet.announce(a_call(2, "two"))
        await until(lambda: "s2" in field.hub.seats[2].calls)
        field.hang_two()
        await field.look(2, 2)
        assert caplog.text == ""
        assert await field.silent() == ()

        await field.look(2, 2)
        assert "worker 2 (pid 4711), with 0 calls, has not answered" in caplog.text
        await until(lambda: field.shows("bridge_workers 1.0"))
        assert await field.silent() == ("two",)
        assert await field.shows('bridge_worker_silent_seconds{worker="2"} 3.0')
        (call,) = (await field.one.fleet.calls()).calls
        assert call.stream_id == "s2"
        # Nobody waits for its answer.
        began_s = asyncio.get_running_loop().time()
        assert (await field.one.fleet.show("s2")).outcome is Outcome.LOST
        assert asyncio.get_running_loop().time() == began_s
        assert field.ended == []

        await field.look(2 * LIMIT_S, 2)
        assert field.ended == [2]
        assert "worker 2 (pid 4711) has not answered for 10.0 s: it is" in caplog.text
        field.hub.tell_metrics()
        await until(lambda: field.shows("bridge_worker_hangs_total 1.0"))


async def test_who_answers_again_is_as_before(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A stall of some seconds costs no call."""
    async with watched() as field:
        field.hang_two()
        await field.look(LIMIT_S - 1, 2)
        await until(lambda: is_told(field, "two"))
        field.free_two()
        await until(lambda: field.hub.seats[2].silent_s <= 0)
        await field.look(2)
        await until(lambda: is_told(field))
        assert "worker 2 (pid 4711) answers again" in caplog.text
        field.hub.tell_metrics()
        await until(lambda: field.shows("bridge_workers 2.0"))
        await field.look(LIMIT_S)
        assert field.ended == []


async def is_told(field: Field, *names: str) -> bool:
    return await field.silent() == names


async def test_where_nobody_is_to_be_ended_nobody_is() -> None:
    """He is told as silent all the same; what he is asked does not pile up."""
    async with watched(limit_s=0) as field:
        heard: list[Ping] = []
        field.two.spoke.hear(Ping, lambda _place, letter: heard.append(letter))
        field.hang_two()
        await field.look(100 * LIMIT_S, 2)
        await until(lambda: is_told(field, "two"))
        assert field.ended == []
        field.free_two()
        await until(lambda: field.hub.seats[2].silent_s <= 0)
        assert heard == [Ping()]


async def test_letters_that_wait_have_an_end(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The parent's memory is everybody's; what it was told at first is no matter."""
    monkeypatch.setattr(watch_module, "MOST_WAITING_BYTES", 2_000_000)
    async with watched(limit_s=0) as field:
        field.hang_two()
        seat = field.hub.seats[2]
        seat.welcome_bytes = 1_000_000
        while seat.wire.unsent_bytes < 2_900_000:
            seat.wire.send(0, Level(logging.getLogger().level))
        field.watch.look(1.0)
        assert field.ended == []
        while seat.wire.unsent_bytes < 3_100_000:
            seat.wire.send(0, Level(logging.getLogger().level))
        field.watch.look(1.0)
        assert field.ended == [2]
        assert "bytes of letters wait" in caplog.text


async def test_one_that_starts_or_leaves_is_not_hurried() -> None:
    """Bots load models, and block meanwhile."""
    async with watched() as field:
        field.hang_two()
        seat = field.hub.seats[2]
        seat.facts, facts = None, seat.facts
        await field.look(10 * LIMIT_S, 2)
        assert field.ended == []
        seat.facts = facts
        field.two.spoke.send(Leaving())
        await until(lambda: seat.silent_s < 0)
        await field.look(LEAVING_S, 2)
        assert field.ended == []
        await field.look(LIMIT_S, 2)
        assert field.ended == [2]


async def test_a_stall_of_the_parent_is_nobody_elses() -> None:
    """As one of the whole machine: only time in which the parent ran counts."""
    async with watched() as field:
        looked: list[float] = []

        class Looking(Watch):
            def look(self, passed_s: float) -> None:
                looked.append(passed_s)

        watch = Looking(field.hub, LIMIT_S, field.ended.append)
        async with background(watch=watch.run()):
            await until(lambda: len(looked) == 2)
            asyncio.get_running_loop().spend(60.0)  # type: ignore[attr-defined]
            await until(lambda: len(looked) == 4)
        assert max(looked) == 2 * PING_S
