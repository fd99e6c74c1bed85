"""A disk that is full, while calls are recorded."""

import asyncio
from pathlib import Path

from bridge.multiparty.vocabulary import EventName
from tests.chaos import engine_stage as stage

pytestmark = stage.needs_small_disks


async def test_a_recording_that_finds_no_room_ends_alone(tmp_path: Path) -> None:
    """The call goes on, what there was is a WAV, and with room there is another.

    An engine with its recordings elsewhere does not notice.
    """
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with stage.small_disk(tmp_path, 1024) as disk:
        async with (
            stage.receiver() as receiver,
            stage.engine(tmp_path, "--recordings", str(disk / "in")) as engine,
            stage.engine(elsewhere) as other,
        ):
            callback = {"recording_callback_url": f"{receiver.url}/cb"}
            for house in (engine, other):
                await house.add("demo", "+0")
                await house.add("demo", "+1")
            for house in (engine, other):
                await house.joined("demo", 2)
            undisturbed = await other.record("demo")
            ballast = stage.fill(disk, leaves_bytes=60_000)
            failing = await engine.record("demo", **callback)
            await stage.eventually(receiver.has(EventName.RECORDING_FAILED))

            # It is over, as everybody says; the call is not.
            mpc = await engine.shown("demo")
            assert (mpc["status"], mpc["recording"]) == ("Active", "not-recording")
            assert len(await engine.members("demo")) == 2
            again = await engine.ask("DELETE", "name_demo/Record/")
            assert again.status_code == 400
            failed = receiver.forms()[-1]
            assert float(failed["RecordingDuration"]) >= 2
            assert "No space left on device" in engine.log
            kept = stage.sound(await engine.file(failing["recording_url"]))
            assert 2.0 <= len(kept) / 8000 <= 4.0
            assert stage.missing(kept, 440, 700) == {}

            # An MP3 that finds no room leaves its WAV.
            ballast.unlink()
            mp3 = await engine.record("demo", file_format="mp3", **callback)
            await asyncio.sleep(2)
            ballast = stage.fill(disk)
            await engine.stop_recording("demo")
            wav = stage.sound(await engine.file(mp3["recording_url"]))
            assert len(wav) / 8000 >= 1.0
            await stage.eventually(
                lambda: receiver.names().count(EventName.RECORDING_FAILED) == 2
            )
            assert not list(disk.glob("in/*.part"))

            # There is room: the same call, as if nothing had been.
            ballast.unlink()
            whole = await engine.record("demo", **callback)
            await asyncio.sleep(2)
            await engine.stop_recording("demo")
            await other.stop_recording("demo")
            audio = stage.sound(await engine.file(whole["recording_url"]))
            assert len(audio) / 8000 >= 1.0
            assert stage.missing(audio, 440, 700) == {}
            await stage.eventually(receiver.has(EventName.RECORDING_COMPLETED))
            calm = stage.sound(await other.file(undisturbed["recording_url"]))
            assert len(calm) / 8000 >= 4.0
            assert stage.missing(calm, 440, 700) == {}
            assert "ERROR" not in other.log


async def test_a_recording_that_finds_no_room_at_all(tmp_path: Path) -> None:
    """Is told as one that failed; the rest of the call's life is as always."""
    with stage.small_disk(tmp_path, 256) as disk:
        async with (
            stage.receiver() as receiver,
            stage.engine(tmp_path, "--recordings", str(disk / "in")) as engine,
        ):
            stage.fill(disk)
            await engine.add("demo", "+0", status_callback_url=f"{receiver.url}/mpc")
            await engine.joined("demo")
            await engine.record("demo", recording_callback_url=f"{receiver.url}/cb")
            await stage.eventually(lambda: len(receiver.names()) == 2)
            assert receiver.names() == [
                EventName.RECORDING_INITIATED,
                EventName.RECORDING_FAILED,
            ]
            assert (await engine.ask("DELETE", "name_demo/")).is_success
            await stage.eventually(receiver.has(EventName.MPC_END, "/mpc"))
