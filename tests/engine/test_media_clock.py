"""The clock that moves the audio."""

import asyncio
from pathlib import Path

import pytest

from tests.engine.setting import engine, voice
from tests.virtual_time import VirtualLoop


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
