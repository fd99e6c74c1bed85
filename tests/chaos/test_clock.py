"""Clocks that are set while calls go on."""

import asyncio
from pathlib import Path

from tests.chaos.bystanders import standing_by
from tests.chaos.caller import Caller
from tests.chaos.stage import staged
from tests.needs import needs

LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))


@needs(LIBRARIES, "libfaketime: apt-get install faketime")
async def test_no_call_goes_by_the_clock_on_the_wall(tmp_path: Path) -> None:
    """An hour on, a day back: nothing is torn, nothing expires; the log shows it."""
    clock = tmp_path / "clock"
    clock.write_text("+0\n")
    faked = {
        "LD_PRELOAD": str(LIBRARIES[0]),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    deadlines = ("--ping-interval-s", "1", "--idle-timeout-s", "30")
    with staged(*deadlines, bots="radio", environment=faked) as stage:
        listeners = standing_by(stage.url("radio"), stage.pid, 2)
        async with listeners as others, others.undisturbed():
            for offset in ("+3600s", "-86400s"):
                clock.write_text(f"{offset}\n")
                await asyncio.sleep(0.3)
                async with Caller(stage.url("radio")) as caller:
                    await caller.until_loud(20)
                    caller.socket.hang_up()
                    await stage.end_of(caller.stream_id)
        metrics = await stage.metrics()
    days = {str(line["time"])[:10] for line in stage.lines}
    assert len(days) >= 2
    assert metrics["streams{end=closed}"] == 2
    assert metrics["streams_active"] == 2
