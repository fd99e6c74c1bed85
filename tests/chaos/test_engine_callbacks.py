"""Receivers of callbacks that are down or hang; minutes of it are in virtual time."""

import asyncio
import signal
from pathlib import Path

from tests.chaos import engine_stage as stage


def in_order(forms: list[stage.Form]) -> bool:
    """Whether callbacks came as they were numbered, and none is missing."""
    numbers = [int(form["SequenceNumber"]) for form in forms]
    return numbers == list(range(1, len(numbers) + 1))


async def test_a_receiver_that_is_down_and_one_that_hangs(tmp_path: Path) -> None:
    """Theirs come late, in order, or are told as lost; others' come at once."""
    async with (
        stage.receiver() as good,
        stage.receiver() as down,
        stage.receiver() as hangs,
        stage.engine(tmp_path) as engine,
    ):
        down.down()
        hangs.hangs = True
        for name, receiver in (("down", down), ("hangs", hangs)):
            for number in range(30):
                mpc = f"{name}-{number}"
                callback = f"{receiver.url}/{mpc}"
                await engine.add(mpc, "+0", status_callback_url=callback)
        for number in range(10):
            mpc = f"good-{number}"
            await engine.add(mpc, "+1", status_callback_url=f"{good.url}/{mpc}")
        for name in ("good", "down", "hangs"):
            for number in range(10):
                await engine.joined(f"{name}-{number}")
        recorded = await engine.record("good-0")
        for name in ("good", "down", "hangs"):
            for number in range(10):
                assert (
                    await engine.ask(
                        "POST", f"name_{name}-{number}/Participant/1/", mute=number > 0
                    )
                ).is_success
        await asyncio.sleep(1)
        for name in ("good", "down"):
            for number in range(1, 10):
                assert (await engine.ask("DELETE", f"name_{name}-{number}/")).is_success
        for number in range(1, 10):
            path = f"/good-{number}"
            await stage.eventually(good.has("MPCEnd", path))
            assert in_order(good.forms(path))

        # Down for some seconds: nothing is missing in the end.
        await down.up()
        for number in range(1, 10):
            path = f"/down-{number}"
            await stage.eventually(down.has("MPCEnd", path), 30)
            assert in_order(down.forms(path))
        # Hanging: the first of each call, and nothing that would overtake it.
        for number in range(30):
            forms = hangs.forms(f"/hangs-{number}")
            assert {form["SequenceNumber"] for form in forms} == {"1"}

        await engine.stop_recording("good-0")
        audio = stage.sound(await engine.file(recorded["recording_url"]))
        assert len(audio) / 8000 >= 1.0
        assert stage.missing(audio, 700) == {}
        states = {}
        for each in await engine.callbacks():
            whose = each["target"]["url"].rpartition("/")[2].partition("-")[0]
            states[whose] = each["state"]
            assert whose != "good" or each["attempts"] == 1
        assert states == {"good": "delivered", "down": "delivered", "hangs": "waiting"}

        assert await engine.ends(signal.SIGTERM) == 0
        assert engine.log.count(f"not told to {hangs.url}/hangs-") == 30
        assert "MPCEnd" in engine.log
