"""Bots for `speech.py`: the offline stack as it is, with a brain that says one thing."""

import itertools
from collections.abc import AsyncIterator, Sequence

from bridge.bots.conversation import Conversation
from bridge.speech.brain import Brain, Message, Said, Thought
from bridge.speech.dialogue import Parts
from bridge.speech.hibari import HibariVoice
from bridge.speech.moonshine import MoonshineRecognizer
from bridge.speech.recognition import Speculation
from bridge.speech.silero import SileroDetector
from bridge.speech.tools import Tool
from bridge.speech.turns import SilenceTurns

__all__ = ["long", "short", "teller"]


class OneAnswer:
    """Says the same to everything."""

    def __init__(self, text: str) -> None:
        self._text = text

    async def respond(
        self, _history: Sequence[Message], _tools: Sequence[Tool]
    ) -> AsyncIterator[Thought]:
        """Say it."""
        yield self._text


class Teller:
    """Tells those who press a key something long, others something short; never the
    same again, so that no sentence has been spoken before."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1000)

    async def respond(
        self, history: Sequence[Message], _tools: Sequence[Tool]
    ) -> AsyncIterator[Thought]:
        """Say a sentence, or many."""
        last = history[-1]
        if not (isinstance(last, Said) and last.are_keys):
            yield f"Thank you, that was number {next(self._numbers)}."
            return
        for _ in range(40):
            yield f"The order with the number {next(self._numbers)} has left our house. "


def conversation(brain: Brain) -> Conversation:
    """All defaults but the brain, and no hurry to ask whether somebody is there."""
    parts = Parts(
        detector=SileroDetector(),
        turns=SilenceTurns,
        recognizer=Speculation(MoonshineRecognizer()),
        brain=brain,
        voice=HibariVoice(),
    )
    options = Conversation.Options(greeting="Hello.", idle_s=60.0)
    return Conversation(options, parts=parts)


short = conversation(OneAnswer("Thank you, I have noted that."))

long = conversation(
    OneAnswer(
        "Let me tell you all about it. We are open from noon to ten in the evening, every "
        "day but Monday, and on Fridays and Saturdays the kitchen is open until eleven. "
        "There is live music from eight, and a garden when the weather is fine."
    )
)

teller = conversation(Teller())
