"""Bots that fail: their own call suffers, and no other."""

import asyncio
import signal
from time import perf_counter

import numpy as np
import pytest

from bridge.audio.tones import tone
from tests.chaos.bystanders import standing_by
from tests.chaos.caller import Caller
from tests.chaos.conftest import House
from tests.chaos.stage import staged

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_a_crash_ends_its_own_call(house: House) -> None:
    """The caller is cut off at once (1011); the log has the traceback and the call."""
    stage, others, _folder = house
    before = await stage.metrics()
    async with others.undisturbed(), Caller(stage.url("crashes")) as caller:
        closed = await caller.closed()
        assert (closed.code, closed.reason) == (1011, "the bot failed")
        assert 0 < caller.loud_s() < 10
        grown = await stage.grown(before)
    (line,) = stage.said("bot crashes failed: a bug of the bot")
    assert line["stream_id"] == caller.stream_id
    assert 'raise ValueError("a bug of the bot")' in line["exception"]["stacktrace"]
    assert grown["streams{end=bot_error}"] == grown["bot_errors{bot=crashes}"] == 1


async def test_a_bot_that_hangs_leaves_its_caller_in_silence(house: House) -> None:
    """Until the caller hangs up; then it is cancelled, and the log says so."""
    stage, others, _folder = house
    async with others.undisturbed():
        async with Caller(stage.url("hangs")) as caller:
            await asyncio.sleep(1.0)
            assert not caller.socket.closed.done()
            assert caller.heard_s == 0
            caller.socket.hang_up()
            assert (await caller.closed()).code == 1000
        await stage.until(lambda: stage.said("bot hangs goes on 0.3 s"))


async def test_a_fallback_takes_over_from_bots_that_crash_or_hang() -> None:
    """What it says is heard instead of the end; the failure is logged all the same."""
    options = ("--fallback", "bot:station", "--bot-timeout-s", "1")
    with staged(*options, bots="crashes hangs station") as stage:
        for name in ("crashes", "hangs"):
            async with Caller(stage.url(name)) as caller:
                await stage.until_metric(f"fallbacks{{bot={name}}}")
                await caller.until_loud(25)
                assert not caller.socket.closed.done()
        metrics = await stage.metrics()
    assert stage.said("bot hangs failed: it neither listened nor spoke for 1 s")
    assert len(stage.said("the fallback takes over")) == 2
    for name in ("crashes", "hangs"):
        assert metrics[f"fallbacks{{bot={name}}}"] == 1
        assert metrics[f"bot_errors{{bot={name}}}"] == 1


async def test_a_bot_slower_than_speech_misses_some_of_it(house: House) -> None:
    """What waits is bounded, so the delay is; what goes is counted while it goes."""
    stage, others, _folder = house
    before = await stage.metrics()
    async with others.undisturbed(), Caller(stage.url("lags")) as caller:
        caller.say(np.tile(tone(400, 1.0, 8000), 6))
        await stage.until_metric("frames_dropped", before["frames_dropped"] + 20)
        # Of each 200 ms, 20 are heard.
        assert caller.loud_s() < 3
        assert not caller.socket.closed.done()
    (line,) = stage.said("bot lags listens more slowly than the caller speaks")
    assert line["stream_id"] == caller.stream_id


async def test_a_bot_that_blocks_the_loop_is_heard_by_all() -> None:
    """The one failure that every call hears: so it is said, and counted."""
    with staged(bots="radio blocks") as stage:
        async with standing_by(stage.url("radio"), stage.pid, 2) as others:
            begun_s = perf_counter()
            async with Caller(stage.url("blocks")):
                await stage.until_metric("stalls", 3)
                await asyncio.sleep(0.5)
            heard = await others.since(begun_s)
        metrics = await stage.metrics()
    # 300 ms, and the far end had 160 of them.
    assert heard["every"] >= 4
    assert heard["gone"] == []
    assert metrics["stalls"] >= 2
    assert metrics["playback_underruns"] >= 4
    assert stage.said("a bot blocks the event loop")


async def test_bots_that_never_end_do_not_keep_the_process() -> None:
    """Neither one that will not be cancelled nor one that waits in a thread."""
    options = ("--drain-s", "0.2", "--farewell-s", "0.2")
    with staged(*options, bots="clings waits_in_a_thread") as stage:
        clings = Caller(stage.url("clings"))
        waits = Caller(stage.url("waits_in_a_thread"))
        async with clings, waits:
            await stage.until_metric("streams_active", 2)
            stage.send(signal.SIGTERM)
            assert (await clings.closed()).code == 1001
            assert (await waits.closed()).code == 1001
            assert await stage.ended(30) == 0
        assert not [line for line in stage.lines if "Traceback" in str(line)]
        assert stage.said("leaving without them")
