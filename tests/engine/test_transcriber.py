"""Real-time transcription, with a recognizer that knows tones."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bridge.audio.pcm import Samples
from tests.engine.setting import WEB, engine, hears, voice


class Recognizer:
    """Hears tones."""

    def __init__(self) -> None:
        self.fails = False
        self.lengths: list[float] = []

    async def recognize(self, utterance: Samples, rate_hz: int) -> str:
        self.lengths.append(len(utterance) / rate_hz)
        if self.fails:
            raise ZeroDivisionError("a bug")
        return "five hundred" if hears(utterance, 500) else ""


TRANSCRIPT: dict[str, Any] = {"transcript": True, "transcription_url": f"{WEB}/said"}


async def test_what_is_said_is_told(tmp_path: Path) -> None:
    """An utterance at a time, with who said it."""
    recognizer = Recognizer()
    once = voice(tmp_path, 500, repeats=False, says_after_s=1)
    other = voice(tmp_path, 900, repeats=False, says_after_s=4)
    async with engine(
        tmp_path, options={"recognizer": recognizer}, n2=once, n3=other
    ) as house:
        line = house.add("demo", "2", **TRANSCRIPT)
        house.add("demo", "3", "agent")
        await asyncio.sleep(8)
        await house.settled()

        (said,) = house.told("/said")
        assert said["transcription"] == "five hundred"
        assert said["call_uuid"] == line.call_uuid
        assert (said["mpc_name"], said["role"]) == ("demo", "customer")
        assert float(said["duration"]) == pytest.approx(1.9, abs=0.1)
        assert len(recognizer.lengths) == 2


async def test_the_last_words_are_told_too(tmp_path: Path) -> None:
    """Of one who hangs up in mid-sentence; a long speech is cut."""
    recognizer = Recognizer()
    talks = voice(tmp_path, 500, hangs_up_after_s=3)
    async with engine(tmp_path, options={"recognizer": recognizer}, n2=talks) as house:
        line = house.add("demo", "2", **TRANSCRIPT)
        assert line.room is not None
        await house.exchange.ended(line.room)
        await asyncio.sleep(0.1)
        await house.settled()
        assert len(house.told("/said")) == 1


async def test_a_long_speech_is_cut(tmp_path: Path) -> None:
    """Recognizers do badly on long ones."""
    recognizer = Recognizer()
    talks = voice(tmp_path, 500, 5.0, says_after_s=2)
    async with engine(tmp_path, options={"recognizer": recognizer}, n2=talks) as house:
        house.add("demo", "2", **TRANSCRIPT)
        await asyncio.sleep(20)
        assert max(recognizer.lengths) <= 14.05


async def test_a_recognizer_that_fails_ends_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its traceback is logged; who is muted is not listened to."""
    recognizer = Recognizer()
    recognizer.fails = True
    once = voice(tmp_path, 500, repeats=False, says_after_s=1)
    async with engine(tmp_path, options={"recognizer": recognizer}, n2=once) as house:
        house.add("demo", "2", **TRANSCRIPT)
        house.add("demo", "2", mute=True)
        await asyncio.sleep(5)
        assert house.room().room.members
        assert house.told("/said") == []
    assert caplog.text.count("was not transcribed") == 1


async def test_without_a_url_nothing_is_recognized(tmp_path: Path) -> None:
    """Nobody could be told."""
    recognizer = Recognizer()
    once = voice(tmp_path, 500, repeats=False, says_after_s=1)
    async with engine(tmp_path, options={"recognizer": recognizer}, n2=once) as house:
        house.add("demo", "2", transcript=True)
        await asyncio.sleep(5)
        assert recognizer.lengths == []
