"""Repeats the caller through a pipecat pipeline; the key 0 hangs up.

Try it:  mpc-bridge demo --bot samples/pipecat_parrot.py:bot
"""

from pipecat.frames import frames
from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from bridge.bots.pipecat_bot import CallTransport, PipecatBot


class Parrot(FrameProcessor):
    """Says what it hears."""

    async def process_frame(
        self, frame: frames.Frame, direction: FrameDirection
    ) -> None:
        """Turn the caller's audio into ours."""
        await super().process_frame(frame, direction)
        match frame:
            case frames.InputAudioRawFrame(audio=audio, sample_rate=rate_hz):
                await self.push_frame(frames.OutputAudioRawFrame(audio, rate_hz, 1))
            case frames.InputDTMFFrame(button="0"):
                await self.push_frame(frames.EndWorkerFrame(), FrameDirection.UPSTREAM)
            case _:
                await self.push_frame(frame, direction)


def make_pipeline(transport: CallTransport) -> Pipeline:
    """Put the parrot between the caller's mouth and ear."""
    return Pipeline([transport.input(), Parrot(), transport.output()])


bot = PipecatBot(make_pipeline)
