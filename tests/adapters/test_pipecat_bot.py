"""A pipecat pipeline answers calls, over a real socket."""

import asyncio
from typing import Any

import numpy as np
import pytest
from loguru import logger
from pipecat.frames import frames
from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from bridge.audio.alignment import align
from bridge.audio.tones import tone
from bridge.bots import registry
from bridge.bots.pipecat_bot import CallTransport, PipecatBot
from tests.fakes.caller import calling

logger.remove()


class Acting(FrameProcessor):
    """Does what a test wants when a frame passes by."""

    def __init__(self, act: Any) -> None:
        super().__init__()
        self._act = act

    async def process_frame(self, frame: Any, direction: Any) -> None:
        """Act, and pass the frame on."""
        await super().process_frame(frame, direction)
        await self._act(self, frame)
        if not isinstance(frame, frames.InputAudioRawFrame):
            await self.push_frame(frame, direction)


def bot_that(act: Any) -> PipecatBot:
    def make(transport: CallTransport) -> Pipeline:
        return Pipeline([transport.input(), Acting(act), transport.output()])

    return PipecatBot(make, 8000)


async def say(processor: Acting, seconds: float) -> None:
    audio = tone(440, seconds, 8000).tobytes()
    await processor.push_frame(frames.TTSStartedFrame())
    await processor.push_frame(frames.TTSAudioRawFrame(audio, 8000, 1))
    await processor.push_frame(frames.TTSStoppedFrame())


async def test_the_sample_repeats_the_caller() -> None:
    """All of it, in order; the key 0 hangs up."""
    parrot = registry.load("samples/pipecat_parrot.py:bot").answer
    noise = np.random.default_rng(1).normal(0, 3000, 16000).astype(np.int16)
    async with calling(parrot) as caller:
        await asyncio.sleep(0.3)
        begin = len(caller.heard) * 160
        caller.say(noise)
        await asyncio.sleep(2.6)
        heard = np.concatenate(caller.heard)[begin:]
        await caller.press("0")
        async with asyncio.timeout(5.0):
            await caller.is_over.wait()

    found = align(noise, heard, 8000)
    assert found.correlation > 0.8
    assert found.slipped == 0
    assert found.delay_s < 0.4
    assert caller.server.metrics.bot_errors == {}


async def test_an_interruption_clears_and_what_follows_is_whole() -> None:
    """Within a few frames; the next words are heard to their end."""

    async def act(self: Acting, frame: Any) -> None:
        if isinstance(frame, frames.ClientConnectedFrame):
            await say(self, 10.0)
        elif isinstance(frame, frames.InputDTMFFrame):
            await self.broadcast_interruption()  # type: ignore[no-untyped-call]
            await asyncio.sleep(0.5)
            await say(self, 1.0)

    async with calling(bot_that(act)) as caller:
        await caller.until(5.0, 50)
        await caller.press("5")
        await asyncio.sleep(0.4)
        sounds = caller.sounds()
        assert sounds < 65
        await asyncio.sleep(1.8)
        assert caller.sounds() - sounds == pytest.approx(50, abs=3)


@pytest.mark.parametrize("kind", [frames.TTSAudioRawFrame, frames.OutputAudioRawFrame])
async def test_an_end_frame_hangs_up_after_the_playout(kind: Any) -> None:
    """All of it is heard, whatever its rate and kind."""

    async def act(self: Acting, frame: Any) -> None:
        if isinstance(frame, frames.ClientConnectedFrame):
            samples = np.full(2 * 24000, 5000, np.int16)
            await self.push_frame(kind(samples.tobytes(), 24000, 1))
            await self.push_frame(frames.EndWorkerFrame(), FrameDirection.UPSTREAM)

    async with calling(bot_that(act)) as caller:
        async with asyncio.timeout(6.0):
            await caller.is_over.wait()
        assert caller.server.metrics.streams_ended == {"bot_finished": 1}
    assert caller.sounds() == pytest.approx(100, abs=2)


async def test_keys_go_both_ways() -> None:
    """Those that pipecat knows."""

    async def act(self: Acting, frame: Any) -> None:
        if isinstance(frame, frames.InputDTMFFrame):
            await self.push_frame(frames.OutputDTMFUrgentFrame(button=frame.button))

    async with calling(bot_that(act)) as caller:
        await asyncio.sleep(0.2)
        for key in "A*7":
            await caller.press(key)
        await asyncio.sleep(0.5)
    assert caller.sent_keys == "*7"


async def test_a_stuck_processor_keeps_no_call() -> None:
    """The bridge ends it when the caller has gone; nothing is left of it."""

    async def act(self: Acting, frame: Any) -> None:
        if isinstance(frame, frames.InputDTMFFrame):
            await asyncio.Event().wait()

    async with calling(bot_that(act)) as caller:
        await asyncio.sleep(0.2)
        await caller.press("1")
        await asyncio.sleep(0.2)
    assert not caller.server.sessions


async def test_a_factory_that_fails_is_the_bot_s_failure() -> None:
    """And ends its call alone."""

    def make(_transport: CallTransport) -> Pipeline:
        raise ValueError("a bug")

    async with calling(PipecatBot(make)) as caller:
        async with asyncio.timeout(3.0):
            await caller.is_over.wait()
    assert caller.server.metrics.bot_errors == {"bot": 1}
