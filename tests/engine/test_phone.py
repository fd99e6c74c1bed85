"""A simulated phone."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bridge.audio import files
from bridge.audio.dtmf import DtmfDetector
from bridge.audio.pcm import Samples, silence
from bridge.audio.tones import tone
from bridge.engine.phone import BusyError, Phone
from bridge.engine.phonebook import KeyPress, PhoneScript, Reply
from bridge.tasks import background


class Line:
    """Takes 20 ms from a phone, 50 times a second, once it has answered."""

    def __init__(self, script: PhoneScript) -> None:
        self.phone = Phone("+1", script)
        self.answered_s: float | None = None
        self.ended_s: float | None = None
        self.said: list[Samples] = []
        self.keys = ""

    async def live(
        self, seconds: float, hears: Callable[[float], Samples] | None = None
    ) -> None:
        def keys(digits: str) -> None:
            self.keys += digits

        self.phone.on_keys = keys
        async with background(leg=self._leg()):
            for tick in range(round(seconds * 50)):
                await asyncio.sleep(0.02)
                if self.answered_s is not None and self.ended_s is None:
                    self.said.append(self.phone.say())
                    heard = self.said[-1] if hears is None else hears(tick * 0.02)
                    self.phone.hear(heard)
                    self.phone.press("1")

    async def _leg(self) -> None:
        now = asyncio.get_running_loop().time

        def answered() -> None:
            self.answered_s = now()

        await self.phone.run(answered)
        self.ended_s = now()

    def sound(self) -> Samples:
        return np.concatenate(self.said)


def speech(folder: Path, seconds: float = 1.0) -> Path:
    files.write(folder / "a.wav", tone(440, seconds, 8000), 8000)
    return folder / "a.wav"


async def test_it_answers_speaks_and_hangs_up(tmp_path: Path) -> None:
    """After the times its script says, to the sample."""
    path = speech(tmp_path)
    line = Line(
        PhoneScript(
            says=path, says_after_s=0.505, answers_after_s=0.5, hangs_up_after_s=3.0
        )
    )

    await line.live(5.0)

    assert line.answered_s == pytest.approx(0.5)
    assert line.ended_s == pytest.approx(3.5)
    sound = line.sound()
    assert not sound[:4040].any()
    assert sound[4040 : 4040 + 8000].tolist() == files.read(path, 8000).tolist()
    assert not sound[12040:].any()
    assert repr(line.phone) == "<Phone +1 down>"


async def test_it_may_hang_up_when_all_is_said(tmp_path: Path) -> None:
    """No earlier, and no later than a tick."""
    line = Line(PhoneScript(says=speech(tmp_path), hangs_up_when_said=True))

    await line.live(3.0)

    assert line.ended_s == pytest.approx(1.48, abs=0.03)


async def test_it_may_say_it_again_and_again(tmp_path: Path) -> None:
    """Until somebody hangs up."""
    line = Line(
        PhoneScript(says=speech(tmp_path, 0.1), repeats=True, answers_after_s=0)
    )

    await line.live(1.0)
    line.phone.hang_up()

    assert np.count_nonzero(line.sound()) > 7500


async def test_it_presses_keys(tmp_path: Path) -> None:
    """Told to the engine beside the audio, as a network carries them."""
    keys = [KeyPress(after_s=1.0, digits="5"), KeyPress(after_s=0.5, digits="12")]
    line = Line(PhoneScript(says=speech(tmp_path, 0.1), keys=keys))

    await line.live(3.0)

    assert line.keys == "125"
    assert DtmfDetector(8000).push(line.sound()) == ""


async def test_a_busy_phone_does_not_answer() -> None:
    """It says so at once."""
    with pytest.raises(BusyError, match=r"\+1 is busy"):
        await Phone("+1", PhoneScript(outcome="busy")).run(lambda: None)


async def test_a_phone_nobody_answers_rings_until_given_up() -> None:
    """And is silent when asked."""
    line = Line(PhoneScript(outcome="no-answer"))

    await line.live(2.0)

    assert line.answered_s is None
    assert not line.phone.say().any()


async def test_it_replies_to_what_it_hears(tmp_path: Path) -> None:
    """When the other side has spoken and is silent; or right into what it says."""
    path = speech(tmp_path, 0.4)
    replies = [
        Reply(says=path, after_silence_s=0.5),
        Reply(says=path, into_speech_s=0.3),
    ]
    script = PhoneScript(
        answers_after_s=0.0, replies=replies, hangs_up_after_silence_s=1.0
    )

    def hears(at_s: float) -> Samples:
        speaks = 1.0 <= at_s < 1.5 or 3.0 <= at_s < 5.0
        return tone(300, 0.02, 8000, -20.0) if speaks else silence(160)

    line = Line(script)
    await line.live(8.0, hears)

    sounds = [tick * 0.02 for tick, said in enumerate(line.said) if np.any(said)]
    first = [at for at in sounds if at < 2.9]
    second = [at for at in sounds if at > 2.9]
    assert first[0] == pytest.approx(2.0, abs=0.1)
    assert second[0] == pytest.approx(3.3, abs=0.1)
    assert len(first) == len(second) == 20
    assert line.ended_s == pytest.approx(6.0, abs=0.1)
