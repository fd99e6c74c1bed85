"""A clock on the wall that jumps while calls go on."""

import asyncio
import signal
from pathlib import Path

from tests.chaos import engine_stage as stage
from tests.needs import needs

FAKETIME = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))

pytestmark = [
    needs(FAKETIME, "libfaketime: apt install libfaketime"),
]


async def test_a_clock_that_jumps_makes_nothing_longer_or_shorter(
    tmp_path: Path,
) -> None:
    """An hour ahead, then back by two: durations are what they were."""
    wall = tmp_path / "wall"
    wall.write_text("+0")
    environment = {
        "LD_PRELOAD": str(FAKETIME[-1]),
        "FAKETIME_TIMESTAMP_FILE": str(wall),
        "FAKETIME_CACHE_DURATION": "1",
        "DONT_FAKE_MONOTONIC": "1",
        # Its "fix" makes threads wait by the clock that jumps.
        "FAKETIME_FORCE_MONOTONIC_FIX": "0",
    }
    async with stage.receiver() as receiver:
        status = {"status_callback_url": f"{receiver.url}/cb"}
        async with stage.engine(tmp_path, environment=environment) as engine:
            await engine.add("demo", "+0", **status)
            await engine.add("demo", "+1")
            await engine.joined("demo", 2)
            recorded = await engine.record(
                "demo", recording_callback_url=f"{receiver.url}/rec"
            )
            wall.write_text("+3600")
            await asyncio.sleep(1.5)
            wall.write_text("-3600")
            await asyncio.sleep(1.5)
            uuid = f"uuid_{(await engine.shown('demo'))['mpc_uuid']}"
            await engine.stop_recording("demo")
            assert (await engine.ask("DELETE", "name_demo/")).is_success
            await stage.eventually(receiver.has("MPCEnd"))

            mpc = await engine.shown(uuid)
            assert 1 <= int(mpc["duration"]) <= 50
            assert mpc["billed_duration"] == 120
            for member in await engine.members(uuid):
                assert 1 <= int(member["duration"]) <= 50
            assert 1 <= float(receiver.forms("/rec")[-1]["RecordingDuration"]) <= 50
            audio = stage.sound(await engine.file(recorded["recording_url"]))
            assert 2.0 <= len(audio) / 8000 <= 50
            assert stage.missing(audio, 440, 700) == {}

            # Killed, and started on a clock that is a day behind.
            await engine.add("left", "+2")
            await engine.joined("left")
            left = f"uuid_{(await engine.shown('left'))['mpc_uuid']}"
            began = await engine.record("left")
            await engine.shown("left")
            await asyncio.sleep(1.5)
            await engine.ends(signal.SIGKILL)
        wall.write_text("-86400")
        async with stage.engine(
            tmp_path, "--port", engine.port, environment=environment
        ) as engine:
            mpc = await engine.shown(left)
            assert mpc["status"] == "Ended"
            assert mpc["end_time"] >= mpc["creation_time"]
            for member in await engine.members(left):
                assert member["exit_time"] >= member["join_time"]
            kept = stage.sound(await engine.file(began["recording_url"]))
            assert stage.missing(kept, 1000) == {}
