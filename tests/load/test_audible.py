"""When a bot is heard, from the times its audio is played."""

import numpy as np
import pytest

from bridge.audio.pcm import Samples, silence
from bridge.audio.tones import tone
from bridge.load.audible import Audible


def beep(seconds: float) -> Samples:
    return tone(500, seconds, 8000)


def heard(*parts: tuple[float, Samples]) -> Audible:
    audible = Audible(8000)
    for at_s, samples in parts:
        audible.hear(samples, at_s)
    return audible


def test_it_begins_and_ends_with_its_sound() -> None:
    speech = np.concatenate([silence(800), beep(1.0), silence(800)])
    audible = heard((5.0, speech))
    assert audible.first_after(0.0, 5.05) is None
    assert audible.first_after(0.0, 5.2) == pytest.approx(5.1, abs=0.002)
    assert audible.quiet_since(5.5) is None
    assert audible.quiet_since(6.5) == pytest.approx(6.1, abs=0.002)


def test_silence_is_never_heard() -> None:
    audible = heard((0.0, silence(8000)))
    assert audible.first_after(0.0, 9.0) is None
    assert audible.quiet_since(9.0) is None
    assert audible.speaking_since(0.5) is None


def test_frames_that_meet_are_one_sound_and_pauses_are_within_speech() -> None:
    audible = heard(*((at * 0.02, beep(0.02)) for at in range(50)), (1.2, beep(1.0)))
    assert audible.speaking_since(0.5) == pytest.approx(0.0, abs=0.002)
    assert audible.speaking_since(1.5) == pytest.approx(0.0, abs=0.002)
    assert audible.speaking_since(3.0) is None


def test_a_cut_ends_it() -> None:
    audible = heard((1.0, beep(5.0)))
    audible.cut(2.0)
    assert audible.quiet_since(3.0) == pytest.approx(2.0)
    assert audible.silent_from(1.9, 0.5, 3.0) == pytest.approx(2.0)


def test_silence_after_an_interruption() -> None:
    audible = heard((0.0, beep(1.0)), (1.3, beep(0.5)), (5.0, beep(1.0)))
    assert audible.silent_from(0.5, 0.5, 1.2) is None
    assert audible.silent_from(0.5, 0.5, 2.2) is None
    assert audible.silent_from(0.5, 0.5, 2.4) == pytest.approx(1.8, abs=0.002)
    assert audible.silent_from(0.5, 0.5, 9.0) == pytest.approx(1.8, abs=0.002)


def test_what_is_still_to_come_is_not_heard_yet() -> None:
    audible = heard((10.0, beep(1.0)))
    assert audible.quiet_since(9.0) is None
    assert audible.first_after(0.0, 9.0) is None
    assert audible.is_at(10.5)
    assert not audible.is_at(9.5)
