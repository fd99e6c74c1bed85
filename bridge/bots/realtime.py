"""Lets a speech-to-speech service hold the conversation."""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from typing import Any, Literal
from urllib.parse import quote

import msgspec
from pydantic import BaseModel, Field, SecretStr
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from bridge.audio.pcm import Samples, silence
from bridge.audio.resampling import resampler
from bridge.call.call import Call
from bridge.call.events import Audio, Coached, Dtmf
from bridge.errors import ServiceError
from bridge.speech import realtime
from bridge.speech.elsewhere import connected
from bridge.speech.keys import KeyPad
from bridge.speech.realtime_call import RealtimeCall
from bridge.speech.silero import SileroDetector
from bridge.speech.tools import Function, Tool
from bridge.speech.turns import SilenceTurns, SpeechBegan, TurnEnded
from bridge.speech.voices import VoiceDetector
from bridge.tasks import background

__all__ = ["Realtime"]

_LOG = logging.getLogger(__name__)

DETECTOR_HZ = 8000

RETRY_S = (0.1, 0.5, 1.0)
"""Between attempts to connect anew; after the last, the call is given up."""


class Realtime:
    """Lets a speech-to-speech service hold the conversation: OpenAI's Realtime format.

    Args:
        options: Where it is, and how it is to be.
        tools: Async functions that it may call, besides the built-in ones.
        detector: Hears turns, with `turns = "local"`.
    """

    sample_rate_hz = realtime.RATE_HZ

    class Options(BaseModel):
        """What can be set."""

        url: str = Field(
            default="wss://api.openai.com/v1/realtime",
            description="Of the service",
            pattern=r"^wss?://",
        )
        key: SecretStr = Field(
            default=SecretStr(""), description="Its key; as env:OPENAI_API_KEY"
        )
        model: str = Field(default="gpt-realtime", description="Its name there")
        voice: str = Field(default="marin", description="One of the service's")
        instructions: str = Field(
            default="You answer the phone. Keep it short.", description="Told first"
        )
        greeting: str = Field(
            default="Greet the caller.",
            description="What it is told to begin with; empty: the caller begins",
        )
        transcription_model: str = Field(
            default="gpt-4o-mini-transcribe", description="Writes down the caller"
        )
        turns: Literal["server", "local"] = Field(
            default="server", description="Who decides when the caller has finished"
        )

    def __init__(
        self,
        options: Options | None = None,
        *,
        tools: Sequence[Function] = (),
        detector: VoiceDetector | None = None,
    ) -> None:
        self.options = options or self.Options()
        self._tools = [Tool.of(each) for each in tools]
        self._detector = detector
        if self.options.turns == "local" and detector is None:
            self._detector = SileroDetector()

    async def setup(self) -> None:
        """Load what decides about turns, if that is here."""
        if self._detector is not None:
            await self._detector.load()

    async def __call__(self, call: Call) -> None:
        """Let the service talk until the call ends."""
        async with background() as spawn:
            line = _Line()
            talk = RealtimeCall(call, line.send, self._tools, spawn)
            spawn("listen", self._listen(call, talk, line))
            await self._talk(call, talk, line)

    async def _talk(self, call: Call, talk: RealtimeCall, line: "_Line") -> None:
        """Keep a session with the service, as long as there is a call."""
        options = self.options
        secret = options.key.get_secret_value()
        headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        mark = "&" if "?" in options.url else "?"
        url = f"{options.url}{mark}model={quote(options.model)}"
        failures = 0
        while call.is_open:
            try:
                async with connected("realtime", url, headers) as socket:
                    line.socket = socket
                    await self._begin(talk, line)
                    await _read(socket, talk)
                if not call.is_open:
                    return
                error = ServiceError("realtime", "the service closed the session")
            except ServiceError as failure:
                error = failure
            finally:
                line.socket = None
            if talk.has_worked:
                talk.has_worked, failures = False, 0
            if failures == len(RETRY_S) or talk.gave_up is not None:
                raise error
            _LOG.warning("%s: connecting again", error)
            await asyncio.sleep(RETRY_S[failures])
            failures += 1

    async def _begin(self, talk: RealtimeCall, line: "_Line") -> None:
        options = self.options
        setup = realtime.Setup(
            options.instructions,
            options.voice,
            options.transcription_model,
            hears_turns=options.turns == "server",
        )
        talk.session_began()
        await line.send(setup.event(list(talk.tools.values())))
        for event in realtime.history(talk.messages):
            await line.send(event)
        if talk.is_owed_an_answer:
            await talk.respond()
        elif options.greeting and not talk.has_spoken:
            # Instructions for one answer stand instead of the session's.
            await talk.respond(f"{options.instructions}\n\n{options.greeting}")

    async def _listen(self, call: Call, talk: RealtimeCall, line: "_Line") -> None:
        turns = _Turns(self._detector, talk, line) if self._detector else None
        entries: asyncio.Queue[str] = asyncio.Queue()
        keys = KeyPad("#", 32, 3.0, entries.put_nowait)
        async for event in call.events():
            match event:
                case Audio() | Coached():
                    samples = event.samples
                    if talk.is_deaf or isinstance(event, Coached):
                        # The service takes every voice for the caller's.
                        samples = silence(len(samples))
                    await line.send(realtime.append(samples))
                    talk.heard(len(samples))
                    if turns is not None:
                        await turns.push(samples)
                case Dtmf():
                    keys.press(event.digit)
            while not entries.empty():
                await talk.pressed(entries.get_nowait())
        keys.close()
        await line.close()


class _Line:
    """The way to the service, while there is one."""

    def __init__(self) -> None:
        self.socket: ClientConnection | None = None

    async def send(self, event: dict[str, Any]) -> None:
        if self.socket is not None:
            # Whoever reads sees that it broke, and connects anew.
            with contextlib.suppress(ConnectionClosed):
                await self.socket.send(msgspec.json.encode(event), text=True)

    async def close(self) -> None:
        if self.socket is not None:
            await self.socket.close()


class _Turns:
    """Decides about turns here, and tells the service."""

    def __init__(
        self, detector: VoiceDetector, talk: RealtimeCall, line: _Line
    ) -> None:
        self._talk = talk
        self._line = line
        self._resampler = resampler(realtime.RATE_HZ, DETECTOR_HZ)
        self._voices = detector.listen(DETECTOR_HZ)
        self._turns = SilenceTurns(DETECTOR_HZ)
        self._received = 0

    async def push(self, samples: Samples) -> None:
        samples = self._resampler.process(samples)
        self._received += len(samples)
        now_s = asyncio.get_running_loop().time()
        for voice in await self._voices.push(samples):
            for event in self._turns.push(voice):
                if isinstance(event, SpeechBegan):
                    await self._talk.interrupt(cancels=True)
                elif isinstance(event, TurnEnded):
                    ago_s = (self._received - event.until_samples) / DETECTOR_HZ
                    self._talk.turn_ended(now_s - ago_s)
                    await self._line.send(realtime.commit())
                    await self._talk.respond()


async def _read(socket: ClientConnection, talk: RealtimeCall) -> None:
    """Take what the service says, until it ends the session."""
    try:
        async for text in socket:
            try:
                event = realtime.read(text)
            except ServiceError as error:
                _LOG.warning("%s", error)
                continue
            if event is not None:
                await talk.take(event)
    except ConnectionClosed as error:
        raise ServiceError("realtime", str(error)) from error
