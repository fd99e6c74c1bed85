"""Whether a bot still attends to its call; in virtual time."""

import asyncio
import logging

import numpy as np
import pytest

from bridge import Call
from bridge.audio.pcm import silence
from bridge.audio.tones import tone
from bridge.call.options import CallOptions
from tests.fakes.far_end import FarEnd, calling

FRAME = tone(300, 0.02, 8000)


async def talked_to(far_end: FarEnd, seconds: float) -> None:
    for _ in range(round(seconds * 50)):
        far_end.say(FRAME)
        await asyncio.sleep(0.02)


async def test_a_bot_that_hangs_has_failed(caplog: pytest.LogCaptureFixture) -> None:
    """It neither listens nor speaks: its call ends, and the log says why."""

    async def hangs(call: Call) -> None:
        async for _frame in call.listen():
            await asyncio.Event().wait()

    with caplog.at_level(logging.ERROR):
        async with calling(hangs, options=CallOptions(bot_timeout_s=4)) as far_end:
            await talked_to(far_end, 3.0)
            assert far_end.closed is None
            await talked_to(far_end, 4.0)
            assert far_end.closed == (1011, "the bot failed")
    assert "it neither listened nor spoke for 4 s" in caplog.text
    assert far_end.metrics.bot_errors == {"hangs": 1}


async def test_a_bot_that_listens_or_speaks_may_take_its_time() -> None:
    """Listening without a word; speaking without listening."""

    async def listens(call: Call) -> None:
        async for _frame in call.listen():
            pass

    async def speaks(call: Call) -> None:
        await call.play(silence(16000 * 12)).done()
        await asyncio.Event().wait()

    for bot in (listens, speaks):
        async with calling(bot, options=CallOptions(bot_timeout_s=2)) as far_end:
            await talked_to(far_end, 11.0)
            assert far_end.closed is None, bot.__name__


async def test_a_call_in_which_nothing_comes_hangs_nobody() -> None:
    """There is nothing to listen to, so nobody fails to."""

    async def waits(_call: Call) -> None:
        await asyncio.Event().wait()

    async with calling(waits, options=CallOptions(bot_timeout_s=2)) as far_end:
        await asyncio.sleep(60)
        assert far_end.closed is None


async def test_it_can_be_turned_off() -> None:
    """For bots that hold a line and do nothing else."""

    async def hangs(_call: Call) -> None:
        await asyncio.Event().wait()

    async with calling(hangs, options=CallOptions(bot_timeout_s=0)) as far_end:
        await talked_to(far_end, 100.0)
        assert far_end.closed is None
    assert np.size(far_end.all_heard())
