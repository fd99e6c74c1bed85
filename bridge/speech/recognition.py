"""Speech to text: the interfaces, and a streaming recognizer made of a whole-utterance
one."""

import asyncio
from collections.abc import Callable
from typing import Protocol, TypeAlias

import msgspec
import numpy as np

from bridge.audio.pcm import Samples
from bridge.speech.pace import Pace
from bridge.speech.turns import TurnOptions
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


SPARE_S = TurnOptions().end_s - TurnOptions().pause_s

MARGIN_S = 0.06
"""With a third of it one text in ten came 20 ms late, at 16 calls on two cores."""


class Speculation:
    """Makes a whole-utterance recognizer quick: it begins in each pause, on the guess
    that this was all, so that the text is there when the turn is seen to have ended.

    Two in five such guesses are wrong, and cost as much as the right ones. So a quick
    recognizer is given what was said only when it has just the time it needs.

    Long utterances are understood part by part, cut at pauses, while the rest is still
    being said.

    Args:
        recognizer: Understands.
        spare_s: From the notice of a pause to the turn's end that it may be.
    """

    def __init__(self, recognizer: Recognizer, spare_s: float = SPARE_S) -> None:
        self._spare_s = spare_s
        self._pace = Pace()
        self._recognizer = recognizer

    async def load(self) -> None:
        """Get the recognizer ready, if it needs that."""
        load = getattr(self._recognizer, "load", None)
        if load is not None:
            await load()

    def begin(self, rate_hz: int, on_text: OnText, spawn: Spawn) -> Recognition:
        """Begin with an utterance."""
        return _Guessing(self, rate_hz, on_text, spawn)

    async def recognize(self, utterance: Samples, rate_hz: int) -> str:
        """Return what was said, and learn how long that takes."""
        now = asyncio.get_running_loop().time
        began_s = now()
        text = await self._recognizer.recognize(utterance, rate_hz)
        self._pace.learn(len(utterance) / rate_hz, now() - began_s)
        return text

    def waits_s(self, length_s: float) -> float:
        """How long the guess about an utterance of some length can wait."""
        return max(0.0, self._spare_s - MARGIN_S - self._pace.expected_s(length_s))


class _Guessing:
    def __init__(
        self, speculation: Speculation, rate_hz: int, on_text: OnText, spawn: Spawn
    ) -> None:
        self._speculation = speculation
        self._rate_hz = rate_hz
        self._on_text = on_text
        self._spawn = spawn
        self._parts: list[Samples] = []
        self._samples = 0
        self._guessed = 0
        """Of the parts, so many are in the guess."""
        self._timer: asyncio.TimerHandle | None = None
        """Until a guess is begun."""
        self._done: list[asyncio.Future[str]] = []
        self._guess: asyncio.Future[str] | None = None

    def push(self, samples: Samples) -> None:
        self._parts.append(samples)
        self._samples += len(samples)
        if self._samples > LONGEST_S * self._rate_hz:
            # Not one pause in so long: there is no good place to cut.
            self._guess_now()
            self._keep_guess()

    def pause(self) -> None:
        if self._guess is None and self._timer is None and self._samples:
            self._guessed = len(self._parts)
            waits_s = self._speculation.waits_s(self._samples / self._rate_hz)
            if waits_s:
                loop = asyncio.get_running_loop()
                self._timer = loop.call_later(waits_s, self._guess_now)
            else:
                self._guess_now()

    def resume(self) -> None:
        if self._guess is None and self._timer is None:
            return
        if self._samples > CUT_FROM_S * self._rate_hz:
            self._guess_now()
            self._keep_guess()
        else:
            self._drop_guess()

    async def finish(self) -> str:
        self._guess_now()
        self._keep_guess()
        text = await self._text()
        self._on_text(Recognized(text, is_final=True))
        return text

    def close(self) -> None:
        self._drop_guess()
        for each in self._done:
            each.cancel()

    def _guess_now(self) -> None:
        """Have recognized what was said until the pause, or all if there is none."""
        if self._guess is not None:
            return
        if self._timer is None:
            self._guessed = len(self._parts)
        else:
            self._timer.cancel()
            self._timer = None
        if self._guessed:
            self._guess = self._recognize(np.concatenate(self._parts[: self._guessed]))

    def _drop_guess(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._guess is not None:
            self._guess.cancel()
            self._guess = None

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
                text = await self._speculation.recognize(utterance, self._rate_hz)
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
