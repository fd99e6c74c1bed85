"""What the parent keeps of its workers."""

import logging
from collections.abc import Iterator

import pytest

from bridge.server.elsewhere import CALLS
from bridge.server.fleet import Answer, Outcome
from bridge.server.workers.hub import Hub
from bridge.server.workers.letters import (
    OTHERS,
    Failed,
    Level,
    Question,
    Ready,
    Reply,
    Snapshot,
)
from tests.server.fleet_contract import a_call
from tests.server.workers.spokes import until, worker


@pytest.fixture
def level() -> Iterator[None]:
    before = logging.getLogger().level
    yield
    logging.getLogger().setLevel(before)


async def test_it_knows_what_a_worker_carries() -> None:
    """For its log, should the worker die; and who is ready."""
    told = []
    hub = Hub(lambda: told.append(len(hub.ready)))
    async with worker(hub, 1, "one") as one:
        one.fleet.announce(a_call(1))
        one.fleet.announce(a_call(2))
        one.fleet.retire("s1")
        one.counts.tell(CALLS, 1)
        one.spoke.send(Ready({"port": 1}))
        await until(lambda: told == [1])
        seat = hub.seats[1]
        assert (seat.facts, seat.count, list(seat.calls)) == ({"port": 1}, 1, ["s2"])
        one.spoke.send(Failed("no model", is_config=True))
        await until(lambda: seat.failure is not None)
    assert hub.ready == []


async def test_the_level_of_the_log_is_everybodys(level: None) -> None:
    """The parent's too, and that of a worker which starts later."""
    hub = Hub()
    heard: list[int] = []
    async with worker(hub, 1, "one") as one, worker(hub, 2, "two") as two:
        two.spoke.hear(Level, lambda _place, letter: heard.append(letter.level))
        one.spoke.send(Level(logging.ERROR), OTHERS)
        await until(lambda: heard == [logging.ERROR])
        assert logging.getLogger().level == logging.ERROR


async def test_a_question_to_nobody_is_answered() -> None:
    """Its worker may have died on the way."""
    hub = Hub()
    replies: list[Reply] = []
    async with worker(hub, 1, "one") as one:
        one.spoke.hear(Reply, lambda _place, letter: replies.append(letter))
        one.spoke.send(Question(5, "s1"), to=9)
        await until(lambda: replies == [Reply(5, Answer(Outcome.LOST))])


async def test_who_reads_nothing_is_spared_the_numbers() -> None:
    """They would fill the parent's memory; the next ones do as well."""
    hub = Hub()
    async with worker(hub, 1, "one") as one, worker(hub, 2, "two") as two:
        heard: list[Snapshot] = []
        two.spoke.hear(Snapshot, lambda _place, letter: heard.append(letter))
        wire = hub.seats[2].wire
        one.exchange.send()
        await until(lambda: len(heard) == 1)
        two.wire._writer.transport.pause_reading()  # type: ignore[attr-defined]
        while wire.unsent_bytes < 1_100_000:
            wire.send(0, Level(logging.getLogger().level))
        before = wire.unsent_bytes
        one.exchange.send()
        one.spoke.send(Question(1, "s1"), to=2)
        await until(lambda: wire.unsent_bytes > before)
        assert wire.unsent_bytes - before < 200
        two.wire._writer.transport.resume_reading()  # type: ignore[attr-defined]
        await until(lambda: wire.unsent_bytes == 0)
