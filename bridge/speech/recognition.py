"""Speech to text: the interfaces, and a streaming recognizer made of a whole-utterance
one."""

import asyncio
from collections.abc import Callable
from typing import Protocol, TypeAlias

import msgspec
import numpy as np

from bridge.audio.pcm import Samples
from bridge.tasks import Spawn

__all__ = [
    "OnText",
    "Recognition",
    "Recognized",
    "Recognizer",
    "Speculation",
    "StreamingRecognizer",
]

LONGEST_S = 14.0
"""Recognizers do badly on longer utterances, and take long for them."""

CUT_FROM_S = 9.0
"""From this length on, any pause is taken to cut a long utterance."""


class Recognized(msgspec.Struct, frozen=True):
    """What has been understood of the running utterance."""

    text: str
    """Of all of it, so far."""
    is_final: bool


OnText: TypeAlias = Callable[[Recognized], None]


class Recognizer(Protocol):
    """Understands speech, an utterance at a time."""

    async def recognize(self, utterance: Samples, rate_hz: int) -> str:
        """Return what was said; empty if nothing was understood."""


class Recognition(Protocol):
    """One utterance on its way in."""

    def push(self, samples: Samples) -> None:
        """Take the next part, speech or the pauses in it."""

    def pause(self) -> None:
        """Take note that the speaker is quiet: it may soon be asked for the text."""

    def resume(self) -> None:
        """Take note that they speak again."""

    async def finish(self) -> str:
        """That was all: return what was said."""

    def close(self) -> None:
        """Nobody wants to know any more."""


class StreamingRecognizer(Protocol):
    """Understands speech while it is spoken."""

    def begin(self, rate_hz: int, on_text: OnText, spawn: Spawn) -> Recognition:
        """Begin with an utterance.

        Args:
            rate_hz: Of its audio.
            on_text: Told what is understood on the way.
            spawn: Runs what goes on meanwhile.
        """


class Speculation:
    """Makes a whole-utterance recognizer quick: it begins at each pause, on the guess
    that this was all, so that the text is there when the turn is seen to have ended.

    Long utterances are understood part by part, cut at pauses, while the rest is still
    being said.

    Args:
        recognizer: Understands.
    """

    def __init__(self, recognizer: Recognizer) -> None:
        self._recognizer = recognizer

    async def load(self) -> None:
        """Get the recognizer ready, if it needs that."""
        load = getattr(self._recognizer, "load", None)
        if load is not None:
            await load()

    def begin(self, rate_hz: int, on_text: OnText, spawn: Spawn) -> Recognition:
        """Begin with an utterance."""
        return _Guessing(self._recognizer, rate_hz, on_text, spawn)


class _Guessing:
    def __init__(
        self, recognizer: Recognizer, rate_hz: int, on_text: OnText, spawn: Spawn
    ) -> None:
        self._recognizer = recognizer
        self._rate_hz = rate_hz
        self._on_text = on_text
        self._spawn = spawn
        self._parts: list[Samples] = []
        self._samples = 0
        self._guessed = 0
        """Of the parts, so many are in the guess."""
        self._done: list[asyncio.Future[str]] = []
        self._guess: asyncio.Future[str] | None = None

    def push(self, samples: Samples) -> None:
        self._parts.append(samples)
        self._samples += len(samples)
        if self._samples > LONGEST_S * self._rate_hz:
            # Not one pause in so long: there is no good place to cut.
            self.pause()
            self._keep_guess()

    def pause(self) -> None:
        if self._guess is None and self._samples:
            self._guess = self._recognize(np.concatenate(self._parts))
            self._guessed = len(self._parts)

    def resume(self) -> None:
        if self._guess is None:
            return
        if self._samples > CUT_FROM_S * self._rate_hz:
            self._keep_guess()
        else:
            self._guess.cancel()
            self._guess = None

    async def finish(self) -> str:
        self.pause()
        self._keep_guess()
        text = await self._text()
        self._on_text(Recognized(text, is_final=True))
        return text

    def close(self) -> None:
        for each in [*self._done, *([self._guess] if self._guess else [])]:
            each.cancel()

    def _keep_guess(self) -> None:
        """What has been guessed is a part of its own."""
        if self._guess is None:
            return
        self._done.append(self._guess)
        self._guess = None
        del self._parts[: self._guessed]
        self._samples = sum(map(len, self._parts))

    async def _text(self) -> str:
        texts = [await each for each in self._done]
        return " ".join(text for text in texts if text)

    def _recognize(self, utterance: Samples) -> "asyncio.Future[str]":
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        before = list(self._done)

        async def work() -> None:
            try:
                text = await self._recognizer.recognize(utterance, self._rate_hz)
            # It is the one's who waits for the text.
            except Exception as error:  # noqa: BLE001
                if not answer.done():
                    answer.set_exception(error)
                return
            if not answer.done():
                answer.set_result(text)
                known = [each.result() for each in before if _is_known(each)]
                self._on_text(
                    Recognized(" ".join([*known, text]).strip(), is_final=False)
                )

        task = self._spawn("recognition", work())
        # Either's end is the other's; and a failure nobody asks for is nobody's.
        answer.add_done_callback(lambda _answer: task.cancel())
        answer.add_done_callback(
            lambda _answer: answer.cancelled() or answer.exception()
        )
        task.add_done_callback(lambda _task: answer.cancel())
        return answer


def _is_known(answer: "asyncio.Future[str]") -> bool:
    return answer.done() and not answer.cancelled() and answer.exception() is None
