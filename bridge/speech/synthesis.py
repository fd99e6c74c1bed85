"""Text to speech: the interface, and what all voices need."""

import re
from collections.abc import AsyncIterator
from typing import Protocol

import msgspec
import numpy as np

from bridge.audio.pcm import Samples

__all__ = [
    "SLOW_LETTERS_PER_S",
    "Speech",
    "Synthesizer",
    "Word",
    "clauses",
    "spoken",
    "timed",
]


class Word(msgspec.Struct, frozen=True):
    """One word of a piece of speech, as it stands in the text."""

    text: str
    end_samples: int
    """Where in the piece it has been said."""


class Speech(msgspec.Struct, frozen=True, eq=False):
    """A piece of speech."""

    samples: Samples
    """int16, shape `(n,)`."""
    words: tuple[Word, ...]
    """All of its text, in order."""


class Synthesizer(Protocol):
    """Speaks."""

    def speak(self, text: str, rate_hz: int) -> AsyncIterator[Speech]:
        """Say a text, piece by piece, each as soon as it is made; nothing if there is
        nothing to say."""


async def spoken(voice: Synthesizer, text: str, rate_hz: int) -> Samples:
    """Say a text as a whole."""
    pieces = [piece.samples async for piece in voice.speak(text, rate_hz)]
    return np.concatenate(pieces) if pieces else np.zeros(0, np.int16)


def timed(samples: Samples, text: str) -> Speech:
    """A piece of speech whose words' places are not known.

    They are guessed by their letters, each one word late: a word is never said to have
    been heard that was not, as far as letters tell.
    """
    words = text.split()
    letters = np.cumsum([len(word) + 1 for word in words])
    ends = [round(len(samples) * float(each) / letters[-1]) for each in letters]
    late = [*ends[1:], len(samples)]
    return Speech(samples, tuple(map(Word, words, late)))


SLOW_LETTERS_PER_S = 10.0
"""Nobody speaks more slowly: so many letters were said for sure."""

CLAUSE_END = re.compile(r"(?<=[.!?…])[\"”')\]]*\s+|(?<=[,;:—])\s+|\n+")

ABBREVIATION = re.compile(r"\b(?:Mr|Mrs|Ms|Dr|St|No|[A-Z])\.$")

SHORTEST = 12
"""Letters; a shorter clause is said together with the next, as one breath."""


async def clauses(text: AsyncIterator[str]) -> AsyncIterator[str]:
    """Cut a text that is still being written into what can be said already.

    The first clause goes out at its first comma, so that speech begins early; then
    whole sentences do, which sound better.
    """
    waiting, is_first = "", True
    async for delta in text:
        waiting += delta
        while (place := _cut(waiting, is_first=is_first)) is not None:
            clause, waiting = waiting[:place].strip(), waiting[place:]
            is_first = False
            yield clause
    if waiting.strip():
        yield waiting.strip()


def _cut(text: str, *, is_first: bool) -> int | None:
    for end in CLAUSE_END.finditer(text):
        before = text[: end.start()]
        is_sentence = before.rstrip("\"”')]")[-1:] in ".!?…" or "\n" in end.group()
        is_whole = len(before) >= SHORTEST and not ABBREVIATION.search(before)
        if is_whole and (is_sentence or is_first):
            return end.end()
    return None
