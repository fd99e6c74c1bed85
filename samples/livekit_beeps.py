"""A LiveKit agent that answers with tones; needs no network and no key.

It greets with three beeps. Whenever the caller has spoken it beeps as many times as
there were words, and it falls silent when the caller speaks up. Put real plugins in the
place of these four and it converses.

Try it:  mpc-bridge demo --bot samples/livekit_beeps.py:bot
"""

import asyncio
from typing import Any

import numpy as np
from livekit import rtc
from livekit.agents import (
    DEFAULT_API_CONNECT_OPTIONS,
    Agent,
    AgentSession,
    APIConnectOptions,
    LanguageCode,
    llm,
    stt,
    tts,
    utils,
    vad,
)

from bridge.audio.tones import tone
from bridge.bots.livekit_bot import livekit_bot

RATE_HZ = 24000
WORD_S = 0.4


class LoudnessVad(vad.VAD):
    """Takes what is loud for speech."""

    def __init__(self) -> None:
        super().__init__(capabilities=vad.VADCapabilities(update_interval=0.02))

    def stream(self) -> vad.VADStream:
        """Begin to look at a stream."""
        return _LoudnessStream(self)


class _LoudnessStream(vad.VADStream):
    async def _main_task(self) -> None:
        speech_s = quiet_s = 0.0
        place, is_speech = 0, False
        frames: list[rtc.AudioFrame] = []

        def tell(kind: vad.VADEventType) -> None:
            self._event_ch.send_nowait(
                vad.VADEvent(
                    type=kind,
                    samples_index=place,
                    timestamp=place / frames[-1].sample_rate,
                    speech_duration=speech_s,
                    silence_duration=quiet_s,
                    raw_accumulated_speech=0.0 if quiet_s else speech_s,
                    raw_accumulated_silence=quiet_s,
                    probability=float(is_speech),
                    speaking=is_speech,
                    frames=list(frames),
                )
            )

        async for frame in self._input_ch:
            if not isinstance(frame, rtc.AudioFrame):
                continue
            place += frame.samples_per_channel
            samples = np.frombuffer(frame.data, np.int16).astype(np.float32)
            if np.sqrt(np.mean(samples**2)) > 300:
                speech_s, quiet_s = speech_s + frame.duration, 0.0
            else:
                quiet_s += frame.duration
            # What comes before speech is not kept, what comes in its midst is.
            frames = [*frames, frame] if speech_s else [frame]
            if not is_speech and speech_s >= 0.1:
                is_speech = True
                tell(vad.VADEventType.START_OF_SPEECH)
            elif is_speech and quiet_s >= 0.4:
                is_speech = False
                tell(vad.VADEventType.END_OF_SPEECH)
            tell(vad.VADEventType.INFERENCE_DONE)
            if not is_speech and quiet_s >= 0.4:
                speech_s = 0.0


class LengthStt(stt.STT[Any]):
    """Hears one word in each half second of speech."""

    def __init__(self) -> None:
        can = stt.STTCapabilities(streaming=False, interim_results=False)
        super().__init__(capabilities=can)

    async def _recognize_impl(
        self, buffer: utils.AudioBuffer, **_options: Any
    ) -> stt.SpeechEvent:
        frames = buffer if isinstance(buffer, list) else [buffer]
        words = max(1, round(sum(frame.duration for frame in frames) / 0.5))
        said = stt.SpeechData(
            language=LanguageCode("en"), text=" ".join(["word"] * words)
        )
        return stt.SpeechEvent(
            stt.SpeechEventType.FINAL_TRANSCRIPT, alternatives=[said]
        )


class EchoLlm(llm.LLM[Any]):
    """Answers with the caller's words."""

    def chat(
        self,
        *,
        chat_ctx: llm.ChatContext,
        tools: list[llm.Tool] | None = None,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
        **_options: Any,
    ) -> llm.LLMStream:
        """Answer a conversation."""
        return _EchoStream(
            self, chat_ctx=chat_ctx, tools=tools or [], conn_options=conn_options
        )


class _EchoStream(llm.LLMStream):
    async def _run(self) -> None:
        text = next(
            message.text_content or ""
            for message in reversed(self.chat_ctx.messages())
            if message.role == "user"
        )
        delta = llm.ChoiceDelta(role="assistant", content=text)
        self._event_ch.send_nowait(llm.ChatChunk(id="echo", delta=delta))


class BeepTts(tts.TTS[Any]):
    """Says each word as a beep, at a rate that is not the call's."""

    def __init__(self) -> None:
        can = tts.TTSCapabilities(streaming=False)
        super().__init__(capabilities=can, sample_rate=RATE_HZ, num_channels=1)

    def synthesize(
        self,
        text: str,
        *,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
    ) -> tts.ChunkedStream:
        """Make the beeps of a text."""
        return _Beeps(tts=self, input_text=text, conn_options=conn_options)


class _Beeps(tts.ChunkedStream):
    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        output_emitter.initialize(
            request_id="beeps",
            sample_rate=RATE_HZ,
            num_channels=1,
            mime_type="audio/pcm",
        )
        for _ in self.input_text.split():
            output_emitter.push(tone(600, WORD_S * 0.75, RATE_HZ, -16).tobytes())
            output_emitter.push(bytes(2 * round(WORD_S * 0.25 * RATE_HZ)))
            await asyncio.sleep(0)


class Greeter(Agent):
    """Greets, then answers."""

    async def on_enter(self) -> None:
        """Say hello."""
        self.session.say("hello dear caller")


def make() -> tuple[AgentSession[Any], Agent]:
    """Make the session of one call."""
    session: AgentSession[Any] = AgentSession(
        vad=LoudnessVad(),
        stt=LengthStt(),
        llm=EchoLlm(),
        tts=BeepTts(),
        # By default turns are judged by a model, and for the first seconds the caller
        # cannot interrupt, as the echo canceller of a browser would have to warm up.
        turn_handling={"turn_detection": "vad", "interruption": {"mode": "vad"}},
        aec_warmup_duration=None,
    )
    return session, Greeter(instructions="Repeat the caller.")


bot = livekit_bot(make)
