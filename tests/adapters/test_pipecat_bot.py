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
from bridge.audio.pcm import Samples
from bridge.audio.tones import tone
from bridge.bots import registry
from bridge.bots.pipecat_bot import CallTransport, PipecatBot
from tests.fakes.caller import calling
from tests.patience import in_real_time, until

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
        # The pipeline is up when it repeats the silence.
        await until(lambda: caller.got)
        caller.say(noise)
        # All of it, and a little more, which its last samples may wait for.
        await until(lambda: _loud_samples(caller.got) > len(noise) - 400)
        already = len(caller.got)
        await until(lambda: len(caller.got) > already + 10)
        await caller.press("0")
        await until(caller.is_over.is_set)

    # When it was sent is the machine's matter; what, is ours.
    found = align(noise, np.concatenate(caller.got), 8000)
    assert found.correlation > 0.8
    assert found.windows >= 7
    assert found.slipped == 0
    assert caller.server.metrics.bot_errors == {}


def _loud_samples(frames_: list[Samples]) -> int:
    loud = [frame for frame in frames_ if np.abs(frame).max(initial=0) > 300]
    return sum(map(len, loud))


@in_real_time
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
        await caller.until(30.0, 50)
        await caller.press("5")
        await asyncio.sleep(0.4)
        sounds = caller.sounds()
        assert sounds < 65
        await until(lambda: caller.sounds() - sounds >= 47)
        await asyncio.sleep(0.4)
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
        await until(caller.is_over.is_set)
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
        await until(lambda: len(caller.sent_keys) >= 2)
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
        await until(caller.is_over.is_set)
    assert caller.server.metrics.bot_errors == {"bot": 1}
