"""Networks that stall, break and lie; what a socket does when it is told so is in
tests/e2e/test_server.py."""

import asyncio
from time import perf_counter

import pytest

from bridge.errors import UnavailableError
from tests.chaos.caller import Caller
from tests.chaos.conftest import House
from tests.chaos.proxy import TO_BRIDGE, TO_CALLER, network
from tests.patience import in_real_time

pytestmark = pytest.mark.asyncio(loop_scope="package")


@in_real_time
async def test_a_far_end_that_stalls_goes_on_where_it_was(house: House) -> None:
    """1.5 s without reading: so much silence, then the speech, whole and so much later.

    Sockets hold that much: only their far end knows of it.
    """
    stage, others, _folder = house
    async with others.undisturbed(), network(stage.port) as line:
        began_s = perf_counter()
        url = stage.url("station", line.port)
        async with Caller(url, is_endless=True) as caller:
            await caller.until_loud(25)
            line.freeze(TO_CALLER)
            frozen_s = perf_counter()
            await asyncio.sleep(1.5)
            line.heal()
            healed_s = perf_counter()
            await caller.until_loud(200)
            (hole,) = caller.gaps
            # The far end had something of it, and wants some before it goes on.
            assert -1.0 < hole.length_s - (healed_s - frozen_s) < 0.5
            assert not caller.holes(healed_s + 0.2)
            assert caller.heard_s > perf_counter() - began_s - 1
        assert await stage.end_of(caller.stream_id) == "the far end closed the stream"


async def test_half_dead_sockets_are_found_by_their_pings(house: House) -> None:
    """No FIN, no RST, nothing more comes, or goes: the call ends all the same."""
    stage, others, _folder = house
    before, memory_mb = await stage.metrics(), stage.memory_mb

    async def die(*ways: str) -> None:
        async with network(stage.port) as line:
            async with Caller(stage.url("station", line.port)) as caller:
                await caller.until_loud(10)
                line.freeze(*ways)
                assert await stage.end_of(caller.stream_id) == "the socket broke"

    async with others.undisturbed():
        await asyncio.gather(die(TO_BRIDGE), die(TO_CALLER), die(TO_BRIDGE, TO_CALLER))
    assert (await stage.grown(before))["streams{end=broken}"] >= 3
    assert len(stage.said("no pong in time, closing")) >= 3
    assert stage.memory_mb - memory_mb < 10


@in_real_time
async def test_a_network_that_freezes_for_a_while_loses_nothing(house: House) -> None:
    """Both ways: silence, then everything that was said, in order."""
    stage, others, _folder = house
    before = await stage.metrics()
    async with others.undisturbed(), network(stage.port) as line:
        async with Caller(stage.url("station", line.port), is_endless=True) as caller:
            await caller.until_loud(25)
            line.freeze()
            await asyncio.sleep(1.5)
            line.heal()
            await caller.until_loud(100)
            sent = caller.sent
            assert sum(gap.length_s for gap in caller.gaps) < 2.1
            caller.is_sending = False
            await asyncio.sleep(0.3)
            grown = await stage.grown(before)
    assert sent > 100
    assert not any(name.startswith("gaps") for name in grown)
    assert "streams_resumed" not in grown


@pytest.mark.parametrize("with_start", [True, False])
@in_real_time
async def test_a_cut_network_is_forgiven_for_a_while(
    house: House, with_start: bool
) -> None:
    """Reset at both ends; back within `resume_s`, the same bot speaks on."""
    stage, others, _folder = house
    before = await stage.metrics()
    async with others.undisturbed(), network(stage.port) as line:
        async with Caller(stage.url("station", line.port)) as caller:
            await caller.until_loud(25)
            line.cut()
            assert (await caller.closed()).code == 1006
            await asyncio.sleep(0.5)
            await caller.connect(opens=with_start)
            await caller.until_loud(25)
            assert (await stage.grown(before))["streams_resumed"] == 1
            assert not stage.is_over(caller.stream_id)


@in_real_time
async def test_a_new_socket_takes_over_from_a_dead_one(house: House) -> None:
    """Though nobody has noticed yet that the old one is dead."""
    stage, others, _folder = house
    before = await stage.metrics()
    async with others.undisturbed(), network(stage.port) as line:
        async with Caller(stage.url("station", line.port)) as caller:
            await caller.until_loud(25)
            line.freeze()
            await asyncio.sleep(0.5)
            caller.url = stage.url("station")
            await caller.connect(opens=False)
            back_s = perf_counter()
            await caller.until_loud(50)
            assert not caller.holes(back_s + 1.0)
            assert (await stage.grown(before))["streams_resumed"] == 1
            await asyncio.sleep(1.0)
            assert not stage.is_over(caller.stream_id)


async def test_after_too_long_a_cut_the_call_is_over(house: House) -> None:
    """Whoever comes back with `start` gets a new call; without, nobody answers."""
    stage, others, _folder = house
    before = await stage.metrics()
    async with others.undisturbed(), network(stage.port) as line:
        async with Caller(stage.url("station", line.port)) as caller:
            await caller.until_loud(10)
            line.cut()
            await stage.end_of(caller.stream_id)
            await caller.connect(opens=False)
            closed = await caller.closed()
            assert (closed.code, closed.reason) == (1008, "no start in time")
            assert await stage.end_of(caller.stream_id) == "the socket broke"
            await caller.connect(opens=True)
            await caller.until_loud(10)
            grown = await stage.grown(before)
    assert grown["streams{end=broken}"] == 1
    assert grown["stream_errors"] >= 1
    assert "streams_resumed" not in grown


async def test_a_bridge_that_is_away_is_refused_by_the_network() -> None:
    """Nobody listens: the caller's side knows at once."""
    with pytest.raises(UnavailableError):
        await Caller("ws://127.0.0.1:1/stream").connect()
