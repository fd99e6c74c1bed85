"""Recognition begun on the guess that this was all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest

from bridge.audio.pcm import Samples, silence
from bridge.errors import ServiceError
from bridge.speech.recognition import Recognition, Recognized, Speculation
from bridge.tasks import background
from tests.speech.setting import Ears


class Lengths:
    """Understands of an utterance how long it is."""

    def __init__(self) -> None:
        self.asked = 0
        self.takes_s = 0.2

    async def recognize(self, utterance: Samples, rate_hz: int) -> str:
        self.asked += 1
        await asyncio.sleep(self.takes_s)
        return f"{len(utterance) / rate_hz:.1f}"


@asynccontextmanager
async def begun(ears: object) -> AsyncIterator[tuple[Recognition, list[Recognized]]]:
    """An utterance on its way."""
    told: list[Recognized] = []
    async with background() as spawn:
        made = Speculation(ears)  # type: ignore[arg-type]
        await made.load()
        yield made.begin(8000, told.append, spawn), told


async def test_the_guess_is_the_text_if_it_was_right() -> None:
    """It is there as soon as it is asked for."""
    ears = Lengths()
    async with begun(ears) as (recognition, told):
        recognition.push(silence(8000))
        recognition.pause()
        await asyncio.sleep(0.3)
        now_s = asyncio.get_running_loop().time()
        assert await recognition.finish() == "1.0"
        assert asyncio.get_running_loop().time() == now_s
    assert ears.asked == 1
    assert told == [Recognized("1.0", is_final=False), Recognized("1.0", is_final=True)]


async def test_a_wrong_guess_is_dropped() -> None:
    """Who speaks on is understood as a whole."""
    ears = Lengths()
    async with begun(ears) as (recognition, told):
        recognition.push(silence(8000))
        recognition.pause()
        await asyncio.sleep(0.05)
        recognition.resume()
        recognition.push(silence(8000))
        assert await recognition.finish() == "2.0"
    assert ears.asked == 2
    assert [each.text for each in told] == ["2.0", "2.0"]


async def test_a_long_utterance_is_understood_in_parts() -> None:
    """Cut at a pause once it is long, or anywhere before it is too long."""
    ears = Lengths()
    async with begun(ears) as (recognition, _told):
        recognition.push(silence(10 * 8000))
        recognition.pause()
        recognition.resume()
        for _ in range(150):
            recognition.push(silence(800))
        assert await recognition.finish() == "10.0 14.1 0.9"


async def test_what_nobody_wants_is_not_understood() -> None:
    """It is cancelled, and fails nobody."""
    ears = Ears()
    ears.texts = [ServiceError("recognizer", "down")]
    async with begun(ears) as (recognition, told):
        recognition.push(silence(800))
        recognition.pause()
        recognition.close()
        await asyncio.sleep(1.0)
    assert told == []


async def test_a_failure_is_the_one_s_who_asks() -> None:
    """And does not end the others' tasks."""
    ears = Ears()
    ears.texts = [ServiceError("recognizer", "down")]
    async with begun(ears) as (recognition, _told):
        recognition.push(np.zeros(800, np.int16))
        recognition.pause()
        await asyncio.sleep(1.0)
        with pytest.raises(ServiceError, match="down"):
            await recognition.finish()


async def said_before(recognition: Speculation, takes: Lengths) -> None:
    """Somebody has said something of 1 s, so that it is known how long that takes."""
    async with background() as spawn:
        first = recognition.begin(8000, lambda _heard: None, spawn)
        first.push(silence(8000))
        await first.finish()
    takes.asked = 0


async def test_a_quick_recognizer_is_not_asked_in_short_pauses() -> None:
    """And yet in time: when the turn ends, the text is there, of what was said."""
    ears = Lengths()
    ears.takes_s = 0.05
    speculation = Speculation(ears, spare_s=0.2)
    await said_before(speculation, ears)
    async with background() as spawn:
        recognition = speculation.begin(8000, lambda _heard: None, spawn)
        for _ in range(3):
            recognition.push(silence(2400))
            recognition.pause()
            await asyncio.sleep(0.08)
            recognition.resume()
        assert ears.asked == 0
        recognition.pause()
        recognition.push(silence(1600))
        await asyncio.sleep(0.2)
        now_s = asyncio.get_running_loop().time()
        assert await recognition.finish() == "0.9"
        assert asyncio.get_running_loop().time() == now_s
    assert ears.asked == 1


async def test_a_slow_recognizer_is_asked_at_once() -> None:
    """So is one that has never been seen at work."""
    ears = Lengths()
    speculation = Speculation(ears, spare_s=0.2)
    for is_known in (False, True):
        if is_known:
            await said_before(speculation, ears)
        async with background() as spawn:
            recognition = speculation.begin(8000, lambda _heard: None, spawn)
            recognition.push(silence(8000))
            recognition.pause()
            await asyncio.sleep(0.2)
            began_s = asyncio.get_running_loop().time()
            await recognition.finish()
            took_s = asyncio.get_running_loop().time() - began_s
        assert took_s == pytest.approx(0.0, abs=0.001), is_known


async def test_a_guess_that_waits_is_dropped_with_the_utterance() -> None:
    """The call may end in a pause."""
    ears = Lengths()
    ears.takes_s = 0.05
    speculation = Speculation(ears)
    await said_before(speculation, ears)
    async with background() as spawn:
        recognition = speculation.begin(8000, lambda _heard: None, spawn)
        recognition.push(silence(8000))
        recognition.pause()
        recognition.close()
        await asyncio.sleep(1.0)
    assert ears.asked == 0


async def test_silence_is_no_text() -> None:
    """Nothing was pushed."""
    async with begun(Lengths()) as (recognition, _told):
        assert await recognition.finish() == ""


async def test_a_cut_loses_no_sound() -> None:
    """What was pushed after the guess belongs to the next part."""
    async with begun(Lengths()) as (recognition, _told):
        recognition.push(silence(10 * 8000))
        recognition.pause()
        recognition.push(silence(1600))
        recognition.resume()
        recognition.push(silence(8000))
        assert await recognition.finish() == "10.0 1.2"
