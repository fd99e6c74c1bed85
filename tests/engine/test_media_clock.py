"""The clock that moves the audio."""

import asyncio
from pathlib import Path

import pytest

from bridge.engine.phonebook import PhoneScript
from bridge.virtual_time import VirtualLoop
from tests.engine.setting import engine, voice


async def test_a_stall_does_not_bend_the_recording(tmp_path: Path) -> None:
    """The clock catches up, sample by sample; and skips what nobody could use."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    async with engine(tmp_path, n2=voice(tmp_path, 500)) as house:
        house.add("demo", "2", record=True)
        await asyncio.sleep(1.5)
        loop.spend(0.7)
        await asyncio.sleep(1.3)
        recording = house.room().recording
        assert recording is not None
        assert recording.duration_s == pytest.approx(3.0, abs=0.04)
        assert house.clock.late_ticks > 30
        loop.spend(30)
        await asyncio.sleep(1)
        assert recording.duration_s == pytest.approx(4.0, abs=0.06)


async def test_a_leg_that_fails_takes_nobody_along(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither in what it says nor in what it hears; other rooms go on."""

    def fail(*_given: object) -> None:
        raise ZeroDivisionError("a bug")

    async with engine(tmp_path) as house:
        broken = house.add("one", "2", stay_alone=True)
        other = house.add("one", "3")
        third = house.add("two", "4")
        await asyncio.sleep(1)
        broken.leg.say = fail  # type: ignore[method-assign, assignment]
        await asyncio.sleep(1)
        assert other.member is not None
        assert broken.hangup is not None
        assert broken.hangup.code == 5010
        other.leg.hear = fail  # type: ignore[method-assign, assignment]
        await asyncio.sleep(1)
        assert house.exchange.find("one") is None
        assert third.member is not None
    assert caplog.text.count("> failed") == 2


async def test_a_recording_goes_on_while_a_room_is_empty(tmp_path: Path) -> None:
    """Somebody is on their way; the gap is silence."""
    slow = PhoneScript(answers_after_s=30)
    async with engine(tmp_path, n3=slow) as house:
        line = house.add("demo", "2", record=True)
        await asyncio.sleep(2)
        house.add("demo", "3")
        line.leg.hang_up()
        await asyncio.sleep(10)
        recording = house.room().recording
        assert recording is not None
        assert recording.duration_s == pytest.approx(11.5, abs=0.1)
