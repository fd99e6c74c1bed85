"""The workers of a server as a fleet."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from bridge.server.fleet import Answer, Fleet, FleetCall, Outcome
from bridge.server.workers import fleet as fleet_module
from bridge.server.workers.hub import Hub
from tests.server.fleet_contract import CONTRACT, Here, Make, a_call, an_event, numbers
from tests.server.workers.spokes import Worker, until, worker, workers


@asynccontextmanager
async def one_of_them(name: str, here: Here) -> AsyncIterator[Fleet]:
    async with worker(Hub(), 1, name, here) as made:
        yield made.fleet


@pytest.mark.parametrize("promise", CONTRACT, ids=lambda promise: promise.__name__)
async def test_it_keeps_the_contract(
    promise: Callable[[Make], Awaitable[None]],
) -> None:
    """The same as that of one instance, and of those that meet in Redis."""
    await promise(one_of_them)


async def lists(which: Worker, *expected: FleetCall) -> bool:
    return (await which.fleet.calls()).calls == expected


async def test_each_sees_the_calls_of_all() -> None:
    """What begins, learns its Multiparty Call, and ends."""
    async with workers("one", "two", "three") as (one, two, three):
        one.fleet.announce(a_call(1))
        two.fleet.announce(a_call(2, "two"))
        one.fleet.placed("s1", "m")
        both = a_call(1, mpc_uuid="m"), a_call(2, "two")
        for each in (one, two, three):
            await until(lambda each=each: lists(each, *both))  # type: ignore[misc]
            assert (await each.fleet.calls()).instances == ("one", "three", "two")
        assert await three.fleet.find("c2") == a_call(2, "two")
        one.fleet.retire("s1")
        await until(lambda: lists(three, a_call(2, "two")))


async def test_callbacks_reach_all_others_in_order_and_once() -> None:
    """And those that start later."""
    hub = Hub()
    async with AsyncExitStack() as stack:
        one, two = [
            await stack.enter_async_context(worker(hub, place, name))
            for place, name in ((1, "one"), (2, "two"))
        ]
        for number in range(50):
            one.fleet.publish_callback(an_event(number))
        await until(lambda: len(two.here.taken) == 50)
        assert numbers(two.here.taken) == list(range(50))
        async with worker(hub, 3, "three") as three:
            # All is told before the block begins.
            assert numbers(three.here.taken) == list(range(50))
        assert one.here.taken == []


async def test_another_is_asked_about_its_call() -> None:
    """To show it, and to end it; failures there are answers."""
    async with workers("one", "two") as (one, two):
        for stream_id in ("s2", "broken"):
            two.here.streams[stream_id] = {"seconds": 1.5}
            two.fleet.announce(a_call(2, "two", stream_id=stream_id))
        await until(lambda: is_listed(one, 2))

        assert await one.fleet.show("s2") == Answer(Outcome.DONE, {"seconds": 1.5})
        assert await one.fleet.show("broken") == Answer(Outcome.FAILED)
        assert await one.fleet.end("s2", "enough") == Answer(Outcome.DONE)
        assert two.here.ended == [("s2", "enough")]
        assert await one.fleet.end("s2", "enough") == Answer(Outcome.NOT_FOUND)


async def is_listed(which: Worker, count: int) -> bool:
    return len((await which.fleet.calls()).calls) == count


async def test_the_calls_of_one_that_died_are_lost() -> None:
    """All know, whoever starts later too; who asked it is answered at once."""
    hub = Hub()
    async with worker(hub, 1, "one") as one:
        async with worker(hub, 2, "two") as two:
            two.fleet.announce(a_call(2, "two"))
            await until(lambda: is_listed(one, 1))
            # As one that dies before it hears.
            two.spoke._hearers.clear()
            asked = asyncio.create_task(one.fleet.show("s2"))
            await asyncio.sleep(0.05)
        began_s = asyncio.get_running_loop().time()
        assert (await asked).outcome is Outcome.LOST
        assert asyncio.get_running_loop().time() - began_s < fleet_module.ANSWER_S / 2
        async with worker(hub, 2, "two") as again:
            for each in (one, again):
                everywhere = await each.fleet.calls()
                assert [call.stream_id for call in everywhere.lost] == ["s2"]
                assert (await each.fleet.show("s2")).outcome is Outcome.LOST
                found = await each.fleet.find("c2")
                assert found is not None
                assert found.lost_s
            assert (await again.fleet.calls()).instances == ("one", "two")


async def test_one_that_does_not_answer_is_lost_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its loop may be blocked by a bot."""
    monkeypatch.setattr(fleet_module, "ANSWER_S", 0.1)
    async with workers("one", "two") as (one, two):
        two.fleet.announce(a_call(2, "two"))
        await until(lambda: is_listed(one, 1))
        two.spoke._hearers.clear()
        assert (await one.fleet.show("s2")).outcome is Outcome.LOST


async def test_lost_calls_are_forgotten_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They are of no use for ever."""
    hub = Hub()
    async with worker(hub, 1, "one") as one:
        async with worker(hub, 2, "two") as two:
            two.fleet.announce(a_call(2, "two"))
            await until(lambda: is_listed(one, 1))
        await until(lambda: is_listed(one, 0))
        assert (await one.fleet.calls()).lost
        monkeypatch.setattr(fleet_module, "KEPT_S", 0.0)
        await asyncio.sleep(0.01)
        assert not (await one.fleet.calls()).lost
