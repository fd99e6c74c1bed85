"""Lets a pipecat pipeline answer calls: `bot = PipecatBot(make_pipeline)`."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import numpy as np
from pipecat.audio.dtmf.types import KeypadEntry
from pipecat.frames import frames
from pipecat.pipeline.base_pipeline import BasePipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameDirection
from pipecat.transports.base_input import BaseInputTransport
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import BaseTransport, TransportParams
from pipecat.workers.runner import WorkerRunner

from bridge import Audio, Call, Dtmf

Keys: TypeAlias = frames.OutputDTMFFrame | frames.OutputDTMFUrgentFrame
Made: TypeAlias = BasePipeline | PipelineWorker
MakePipeline: TypeAlias = Callable[["CallTransport"], Made | Awaitable[Made]]
LEAD_S = 0.24  # How far pipecat runs ahead of the caller's ear; the bridge needs 0.16.
CANCEL_S = 2.0  # How long a cancelled pipeline may take; the bridge waits for 5.


class _Input(BaseInputTransport):
    def __init__(self, transport: "CallTransport", params: TransportParams) -> None:
        super().__init__(params)
        self._transport, self._call = transport, transport.call
        self._tell = transport._call_event_handler
        self._listening: asyncio.Task[None] | None = None

    async def start(self, frame: frames.StartFrame) -> None:
        await super().start(frame)
        await self._tell("on_client_connected", self._call)
        await self.push_frame(frames.ClientConnectedFrame())
        await self.set_transport_ready(frame)
        self._listening = self.create_task(self._listen())

    async def cleanup(self) -> None:
        await super().cleanup()  # type: ignore[no-untyped-call]
        if self._listening is not None:
            await self.cancel_task(self._listening)
        await self._transport.cleanup()  # type: ignore[no-untyped-call]

    async def _listen(self) -> None:
        async for event in self._call.events():
            # After an EndFrame nobody takes audio: it would pile up.
            if isinstance(event, Audio) and self._audio_task:
                audio = event.samples.tobytes()
                frame = frames.InputAudioRawFrame(audio, self.sample_rate, 1)
                await self.push_audio_frame(frame)
            # Pipecat's keypad has no A to D.
            elif isinstance(event, Dtmf) and event.digit in list(KeypadEntry):
                await self.push_frame(frames.InputDTMFFrame(KeypadEntry(event.digit)))
        await self._tell("on_client_disconnected", self._call)
        await self.push_frame(frames.CancelWorkerFrame(), FrameDirection.UPSTREAM)


class _Output(BaseOutputTransport):
    def __init__(self, call: Call, params: TransportParams) -> None:
        super().__init__(params)
        self._call, self._end_s = call, 0.0

    async def start(self, frame: frames.StartFrame) -> None:
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def stop(self, frame: frames.EndFrame) -> None:
        # Audio that is no TTS's has no end mark: without one its tail stays behind.
        for sender in self._media_senders.values():
            await sender.handle_tts_stopped(frames.TTSStoppedFrame())
        await super().stop(frame)

    async def process_frame(self, frame: frames.Frame, way: FrameDirection) -> None:
        await super().process_frame(frame, way)
        # After the base has emptied its queue, or it would go on speaking from it.
        if isinstance(frame, frames.InterruptionFrame | frames.CancelFrame):
            self._call.interrupt()
            self._end_s = 0.0

    async def write_audio_frame(self, frame: frames.OutputAudioRawFrame) -> bool:
        if not self._call.is_open:
            return False
        samples = np.frombuffer(frame.audio, np.int16)
        # First speak, then wait: what waited here would survive an interruption.
        await self._call.speak(samples)
        now_s = self.get_event_loop().time()
        self._end_s = max(now_s, self._end_s) + len(samples) / self.sample_rate
        # Pipecat takes what is written for heard, as in its BotStoppedSpeakingFrame.
        await asyncio.sleep(max(0.0, self._end_s - LEAD_S - now_s))
        return True

    async def write_dtmf(self, frame: Keys) -> None:
        self._call.send_dtmf(frame.to_string())


class CallTransport(BaseTransport):
    """A pipeline's two ends; events `on_client_connected`, `on_client_disconnected`."""

    def __init__(self, call: Call) -> None:
        super().__init__()
        self.call = call
        params = TransportParams(audio_in_enabled=True, audio_out_enabled=True)
        params.audio_in_sample_rate = params.audio_out_sample_rate = call.sample_rate_hz
        params.audio_out_10ms_chunks = 2
        params.audio_out_end_silence_secs = 0  # The bridge waits for the playout.
        self._register_event_handler("on_client_connected")
        self._register_event_handler("on_client_disconnected")
        self._input, self._output = _Input(self, params), _Output(call, params)

    def input(self) -> BaseInputTransport:
        """Where the caller's audio and keys come in."""
        return self._input

    def output(self) -> BaseOutputTransport:
        """Where what is to be said goes out."""
        return self._output


class PipecatBot:
    """Runs what `make` makes for each call; an `EndFrame` hangs up, its end cancels."""

    def __init__(self, make: MakePipeline, sample_rate_hz: int = 16000) -> None:
        self._make, self.sample_rate_hz = make, sample_rate_hz

    async def __call__(self, call: Call) -> None:
        """Run the pipeline until it or the call ends."""
        made = self._make(CallTransport(call))
        made = await made if inspect.isawaitable(made) else made
        if not isinstance(made, PipelineWorker):
            # No timeout: without a VAD every call looks idle.
            made = PipelineWorker(made, enable_rtvi=False, idle_timeout_secs=None)
            made.params.audio_out_sample_rate = call.sample_rate_hz
        made.params.audio_in_sample_rate = call.sample_rate_hz
        runner = WorkerRunner(handle_sigint=False)
        await runner.add_workers(made)
        running = asyncio.create_task(runner.run())
        try:
            await asyncio.shield(running)
        finally:
            # Pipecat takes a first cancel for a wish, and waits for stuck processors.
            running.cancel()
            await asyncio.wait({running}, timeout=CANCEL_S)
            for _ in range(2):
                for task in (left := runner.task_manager.current_tasks()):
                    task.cancel()
                await asyncio.wait([*left, running], timeout=CANCEL_S)
