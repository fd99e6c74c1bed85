"""A conversation in virtual time: parts that do as they are told, and a far end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import numpy as np

from bridge.audio.pcm import Samples, silence
from bridge.audio.tones import tone
from bridge.bots.conversation import Conversation
from bridge.call.call import Call
from bridge.call.options import CallOptions
from bridge.call.transcript import Turn
from bridge.speech.brain import Message, Said, Thought
from bridge.speech.dialogue import Parts
from bridge.speech.recognition import Speculation
from bridge.speech.synthesis import Speech, Word
from bridge.speech.tools import Function, Tool
from bridge.speech.turns import SilenceTurns
from bridge.speech.voices import LevelDetector
from tests.fakes.far_end import FarEnd, calling

__all__ = ["Brain", "Ears", "Talk", "Voice", "said", "talking"]

WORD_S = 0.3


def said(seconds: float) -> Samples:
    """The caller says something, for so long."""
    return tone(300, seconds, 8000, -20.0)


class Ears:
    """Understands what it is told to, utterance by utterance."""

    def __init__(self) -> None:
        self.texts: list[str | Exception] = []
        self.heard_s: list[float] = []
        self.takes_s = 0.01

    async def recognize(self, utterance: Samples, rate_hz: int) -> str:
        """Return the next text; a guess that is dropped takes none."""
        await asyncio.sleep(self.takes_s)
        self.heard_s.append(len(utterance) / rate_hz)
        text = self.texts.pop(0) if self.texts else ""
        if isinstance(text, Exception):
            raise text
        return text


class Brain:
    """Thinks what it is told to."""

    def __init__(self) -> None:
        self.thoughts: list[list[Thought | Exception]] = []
        self.asked: list[tuple[Message, ...]] = []
        self.tools: Sequence[Tool] = ()
        self.takes_s = 0.01

    async def respond(
        self, history: Sequence[Message], tools: Sequence[Tool]
    ) -> AsyncIterator[Thought]:
        """Think the next thoughts; without any, nothing is to be said."""
        self.asked.append(tuple(history))
        self.tools = tools
        for thought in self.thoughts.pop(0) if self.thoughts else []:
            await asyncio.sleep(self.takes_s)
            if isinstance(thought, Exception):
                raise thought
            yield thought


class Voice:
    """Says each word as 0.3 s of a tone."""

    def __init__(self) -> None:
        self.takes_s = 0.02
        self.spoken: list[str] = []

    async def speak(self, text: str, rate_hz: int) -> AsyncIterator[Speech]:
        """Say a text as a whole."""
        await asyncio.sleep(self.takes_s)
        self.spoken.append(text)
        count = round(WORD_S * rate_hz)
        words = [Word(w, (n + 1) * count) for n, w in enumerate(text.split())]
        yield Speech(tone(800, WORD_S * len(words), rate_hz, -16.0), tuple(words))


class Talk:
    """A conversation, its parts, and what was said in it."""

    def __init__(self, end: FarEnd) -> None:
        self.end = end
        self.ears = Ears()
        self.brain = Brain()
        self.voice = Voice()
        self.turns: list[Turn] = []

    async def caller(self, text: str, seconds: float = 0.6) -> None:
        """The caller says a text, and is silent until it is answered or nearly so."""
        self.ears.texts.append(text)
        await self.end.talk(said(seconds))
        await self.end.talk(silence(round(0.5 * 8000)))

    async def quiet(self, seconds: float) -> None:
        """The caller is silent."""
        await self.end.talk(silence(round(seconds * 8000)))

    def lines(self) -> list[str]:
        """The transcript: `bot: ...`, with `-` behind what was cut."""
        return [f"{t.who}: {t.text}{'-' if t.is_cut else ''}" for t in self.turns]

    def history(self) -> list[str]:
        """What the brain was told last."""
        return [
            f"{m.who}: {m.text}{'-' if m.is_cut else ''}"
            for m in self.brain.asked[-1]
            if isinstance(m, Said)
        ]

    def audible_s(self) -> float:
        """How long the bot was heard."""
        return sum(bool(np.any(frame)) for frame in self.end.heard) * 0.02

    def bot_is_audible(self) -> bool:
        """Whether the bot has been heard in the last 40 ms."""
        return bool(np.any(np.concatenate(self.end.heard[-2:])))


@asynccontextmanager
async def talking(
    end: FarEnd | None = None,
    tools: Sequence[Function] = (),
    options: CallOptions | None = None,
    before: Callable[[Talk, Call], Awaitable[None]] | None = None,
    **manners: object,
) -> AsyncIterator[Talk]:
    """Let a far end talk to a conversation; without a greeting unless it is given one.

    Args:
        end: The far end.
        tools: Of the bot.
        options: Of the call.
        before: Called before the bot answers.
        manners: Of the bot.
    """
    talk = Talk(end or FarEnd())
    given = {"greeting": "", **manners}
    bot = Conversation(
        Conversation.Options.model_validate(given),
        parts=Parts(
            LevelDetector(),
            SilenceTurns,
            Speculation(talk.ears),
            talk.brain,
            talk.voice,
        ),
        tools=tools,
    )

    async def answer(call: Call) -> None:
        talk.end.session.transcript.on_turn = talk.turns.append
        if before is not None:
            await before(talk, call)
        await bot(call)

    answer.sample_rate_hz = bot.sample_rate_hz  # type: ignore[attr-defined]
    async with calling(answer, talk.end, options):
        yield talk
