"""Listens, thinks and speaks; offline unless told otherwise."""

from collections.abc import Sequence
from importlib.resources import as_file, files
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from bridge.call.call import Call
from bridge.errors import ConfigError
from bridge.speech.abilities import ABILITIES
from bridge.speech.brain import Brain
from bridge.speech.chat import ChatBrain
from bridge.speech.dialogue import Dialogue, Parts
from bridge.speech.flite import FliteVoice
from bridge.speech.hibari import HibariVoice
from bridge.speech.http_audio import HttpRecognizer, HttpVoice
from bridge.speech.manners import Manners
from bridge.speech.moonshine import MoonshineRecognizer
from bridge.speech.recognition import Recognizer, Speculation
from bridge.speech.rulebook import RuleBook
from bridge.speech.rules import RulesBrain
from bridge.speech.service import Service
from bridge.speech.silero import SileroDetector
from bridge.speech.synthesis import Synthesizer
from bridge.speech.tools import Function, Tool
from bridge.speech.turns import SilenceTurns, TurnOptions
from bridge.speech.voices import LevelDetector, VoiceDetector, WebRtcDetector
from bridge.tasks import background

__all__ = ["Conversation"]


class Conversation:
    """Holds a conversation: listens, thinks and speaks; offline by default.

    Args:
        options: Its parts and manners.
        parts: Instead of those that the options name.
        tools: Async functions that its brain may call, besides the built-in ones.
    """

    sample_rate_hz = 8000
    """Phone lines carry no more, and the detector is made for it."""

    class Options(Manners):
        """What can be set."""

        brain: Literal["rules", "openai"] = Field(
            default="rules", description="What thinks"
        )
        rules: Path | None = Field(
            default=None, description="TOML file of rules; by default a demonstration"
        )
        instructions: str = Field(
            default="You answer the phone. Keep it short; it is spoken.",
            description="What an `openai` brain is told first",
        )
        recognizer: Literal["moonshine", "openai"] = Field(
            default="moonshine", description="What understands"
        )
        voice: Literal["hibari", "flite", "openai"] = Field(
            default="hibari", description="What speaks"
        )
        detector: Literal["silero", "webrtc", "level"] = Field(
            default="silero", description="What tells voices from noise"
        )
        end_s: float = Field(
            default=0.32, gt=0, le=5, description="Silence that ends a turn"
        )
        unfinished_s: float = Field(
            default=0.9, gt=0, le=10, description="And after words that want to go on"
        )
        openai_url: str = Field(
            default="https://api.openai.com/v1",
            description="Where `openai` parts are; any server that speaks its formats",
        )
        openai_key: SecretStr = Field(
            default=SecretStr(""), description="Its key; as env:OPENAI_API_KEY"
        )
        chat_model: str = Field(default="gpt-4o-mini", description="Of the brain")
        transcription_model: str = Field(
            default="whisper-1", description="Of the recognizer"
        )
        speech_model: str = Field(default="tts-1", description="Of the voice")
        speech_voice: str = Field(default="alloy", description="Which voice")

    def __init__(
        self,
        options: Options | None = None,
        *,
        parts: Parts | None = None,
        tools: Sequence[Function] = (),
    ) -> None:
        self.options = options or self.Options()
        self.tools = [Tool.of(each) for each in tools]
        self._services: list[Service] = []
        self.parts = parts or self._parts()
        self._check_tools()

    def _check_tools(self) -> None:
        """A rule's tool that is none would be missed by a caller first."""
        if isinstance(self.parts.brain, RulesBrain):
            known = {*ABILITIES, *(tool.name for tool in self.tools)}
            missing = ", ".join(sorted(self.parts.brain.tools - known))
            if missing:
                there = ", ".join(sorted(known))
                raise ConfigError(f"rules: no tool {missing}; there are {there}")

    async def setup(self) -> None:
        """Load the models, so that the first caller need not wait for them."""
        await self.parts.load()

    async def close(self) -> None:
        """Let connections go."""
        for service in self._services:
            await service.aclose()

    async def __call__(self, call: Call) -> None:
        """Converse until the call ends."""
        async with background() as spawn:
            dialogue = Dialogue(call, self.parts, self.options, self.tools, spawn)
            await dialogue.hold()

    # ------------------------------------------------------------------- parts

    def _parts(self) -> Parts:
        options = self.options
        turns = TurnOptions(
            end_s=options.end_s,
            unfinished_s=max(options.unfinished_s, options.end_s),
            pause_s=min(TurnOptions().pause_s, options.end_s),
        )
        return Parts(
            detector=self._detector(),
            turns=lambda rate_hz: SilenceTurns(rate_hz, turns),
            recognizer=Speculation(self._recognizer(), turns.end_s - turns.pause_s),
            brain=self._brain(),
            voice=self._voice(),
        )

    def _service(self) -> Service:
        service = Service(self.options.openai_url, self.options.openai_key)
        self._services.append(service)
        return service

    def _detector(self) -> VoiceDetector:
        match self.options.detector:
            case "silero":
                return SileroDetector()
            case "webrtc":
                return WebRtcDetector()
            case "level":
                return LevelDetector()

    def _recognizer(self) -> Recognizer:
        if self.options.recognizer == "moonshine":
            return MoonshineRecognizer()
        return HttpRecognizer(self._service(), self.options.transcription_model)

    def _brain(self) -> Brain:
        options = self.options
        if options.brain == "openai":
            return ChatBrain(self._service(), options.chat_model, options.instructions)
        if options.rules is not None:
            return RulesBrain(RuleBook.read(options.rules))
        with as_file(files("bridge") / "data" / "conversation.toml") as path:
            return RulesBrain(RuleBook.read(path))

    def _voice(self) -> Synthesizer:
        options = self.options
        match options.voice:
            case "hibari":
                return HibariVoice()
            case "flite":
                return FliteVoice()
            case "openai":
                return HttpVoice(
                    self._service(), options.speech_model, options.speech_voice
                )
