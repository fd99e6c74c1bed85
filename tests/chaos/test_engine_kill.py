"""An engine that is killed, or told to stop, in the middle of everything."""

import asyncio
import signal
from pathlib import Path

import httpx

from tests.chaos import engine_stage as stage
from tests.patience import until

CALLS = 50
AGENTS = 10


async def streams(bridge: stage.Process) -> int:
    """How many calls a bridge has."""
    url = f"http://127.0.0.1:{bridge.facts['port']}/metrics"
    async with httpx.AsyncClient() as http:
        text = (await http.get(url)).text
    (line,) = [
        line for line in text.splitlines() if line.startswith("bridge_streams_active ")
    ]
    return round(float(line.split()[1]))


async def _are(bridge: stage.Process, count: int) -> bool:
    return await streams(bridge) == count


def kind(number: int) -> str:
    return "mp3" if number % 2 else "wav"


async def test_a_kill_in_the_middle_of_fifty_calls(tmp_path: Path) -> None:
    """Streams end, and the next engine knows of each call and serves its recording."""
    async with stage.bridge(tmp_path) as bridge:
        async with stage.engine(tmp_path) as engine:
            files = {}
            for number in range(CALLS):
                await engine.add(f"mpc{number}", f"+{number % 5}")
                if number < AGENTS:
                    await engine.add_agent(
                        f"mpc{number}", bridge.facts["url"], mute=True
                    )
            for number in range(CALLS):
                await engine.joined(f"mpc{number}")
            for number in range(CALLS):
                name = f"mpc{number}"
                started = await engine.record(name, file_format=kind(number))
                uuid = (await engine.shown(name))["mpc_uuid"]
                files[number] = (uuid, started["recording_url"])
            await until(lambda: _are(bridge, AGENTS))
            await asyncio.sleep(3)
            await engine.ends(signal.SIGKILL)
        await until(lambda: _are(bridge, 0))

        async with stage.engine(tmp_path, "--port", engine.port) as engine:
            for number, (uuid, url) in files.items():
                mpc = await engine.shown(f"uuid_{uuid}")
                assert (mpc["status"], mpc["recording"]) == ("Ended", "not-recording")
                for member in await engine.members(f"uuid_{uuid}"):
                    assert member["exit_time"] >= member["join_time"]
                audio = stage.sound(await engine.file(url))
                assert len(audio) / 8000 >= 1.0, number
                assert stage.missing(audio, stage.HUMS_HZ[number % 5]) == {}, number
            names = {path.suffix for path in (tmp_path / "recordings").iterdir()}
            assert names == {".mp3", ".wav"}
            assert engine.log.count("was cut off") == CALLS
            # It takes calls as if nothing had been.
            await engine.add("mpc0", "+0")
            await stage.eventually(engine.says("mpc0: customer joins"))


async def test_told_to_stop_in_the_middle_of_everything(tmp_path: Path) -> None:
    """What can be finished is, and what cannot is said; then it ends, with 0."""
    calls = 8
    async with (
        stage.bridge(tmp_path) as bridge,
        stage.receiver() as good,
        stage.receiver() as hangs,
        stage.engine(tmp_path, "--log-level", "debug") as engine,
    ):
        hangs.hangs = True
        uuids = []
        for number in range(calls):
            await engine.add(
                *(f"mpc{number}", f"+{number % 5}"),
                status_callback_url=f"{good.url}/{number}",
                record=True,
                record_file_format=kind(number),
                recording_callback_url=f"{good.url}/rec",
                record_participant_track=True,
            )
            await engine.add_agent(f"mpc{number}", bridge.facts["url"], mute=True)
        for number in range(calls):
            await engine.joined(f"mpc{number}")
        await asyncio.sleep(2)
        for number in range(calls):
            uuids.append((await engine.shown(f"mpc{number}"))["mpc_uuid"])
            # Sounds that never come, phones that ring, and dials that just begin.
            await engine.ask(
                "POST", f"name_mpc{number}/Member/all/Play/", url=hangs.url
            )
            await engine.add(f"mpc{number}", "+4", delay_dial=3)
            await engine.add(
                f"late{number}", "+3", status_callback_url=f"{hangs.url}/late"
            )
        assert await engine.ends(signal.SIGTERM) == 0
        await until(lambda: _are(bridge, 0))

        for number in range(calls):
            assert good.names(f"/{number}")[-1] == "MPCEnd", number
        recorded = good.names("/rec")
        assert recorded.count("MPCRecordingCompleted") == calls
        assert recorded.count("ParticipantRecordingCompleted") >= calls
        assert not any("Failed" in name for name in recorded)
        assert f"not told to {hangs.url}/late" in engine.log
        assert "Traceback" not in engine.log
        left = list((tmp_path / "recordings").iterdir())
        assert {path.suffix for path in left} == {".mp3", ".wav"}

        async with stage.engine(tmp_path, "--port", engine.port) as engine:
            assert "was cut off" not in engine.log
            for uuid in uuids:
                mpc = await engine.shown(f"uuid_{uuid}")
                assert mpc["status"] == "Ended"
                assert mpc["termination_cause"] == "Hangup API Triggered"
            for form in good.forms("/rec"):
                if form["EventName"] != "MPCRecordingCompleted":
                    continue
                number = int(form["MPCName"].removeprefix("mpc"))
                audio = stage.sound(await engine.file(form["RecordingURL"]))
                assert len(audio) / 8000 >= 1.0
                assert stage.missing(audio, stage.HUMS_HZ[number % 5]) == {}
