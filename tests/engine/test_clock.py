"""Two clocks that agree."""

import asyncio
import datetime

from bridge.engine.clock import Clock


async def test_the_wall_goes_with_the_loop() -> None:
    """An hour of the one is an hour of the other."""
    clock = Clock()
    began, began_s = clock.when(), clock.now_s
    await asyncio.sleep(3600)

    assert clock.when() - began == datetime.timedelta(hours=1)
    assert clock.when(began_s) == began
    assert clock.epoch_s(began_s) == clock.epoch_s(clock.now_s) - 3600
    assert began.tzinfo is datetime.UTC
    assert began.microsecond == 0
    assert abs(began - datetime.datetime.now(datetime.UTC)).total_seconds() < 10
