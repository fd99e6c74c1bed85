"""Who speaks, by level alone."""

import numpy as np
import pytest

from bridge.audio.activity import Activity
from bridge.audio.pcm import Samples, silence
from bridge.audio.tones import tone


def changes(sound: Samples) -> list[tuple[float, bool]]:
    """When speech begins and ends, in seconds."""
    activity = Activity()
    found = []
    for place in range(0, len(sound) - 159, 160):
        if activity.push(sound[place : place + 160]):
            found.append(((place + 160) / 8000, activity.is_speaking))
    return found


def noise(seconds: float, level: float) -> Samples:
    made = np.random.default_rng(1).normal(0, level, round(seconds * 8000))
    return made.astype(np.int16)


def test_speech_begins_at_once_and_ends_after_a_pause() -> None:
    """A pause within it is none."""
    speech = tone(300, 1.0, 8000, -20.0)
    sound = np.concatenate(
        [silence(8000), speech, silence(2400), speech, silence(16000)]
    )

    (begins, ends) = changes(sound)

    assert begins[0] == pytest.approx(1.06)
    assert ends[0] == pytest.approx(3.9)
    assert (begins[1], ends[1]) == (True, False)


def test_a_click_is_no_speech() -> None:
    """It is too short."""
    sound = np.concatenate([silence(8000), tone(300, 0.03, 8000), silence(8000)])
    assert changes(sound) == []


def test_a_constant_hum_is_background() -> None:
    """After a while; speech above it is still found."""
    hum = noise(20.0, 300.0)
    assert len([at for at, begins in changes(hum) if begins]) <= 1
    loud = hum.copy()
    loud[-80000:-72000] += tone(300, 1.0, 8000, -15.0)
    begins = [at for at, begins in changes(loud) if begins]
    assert begins[-1] == pytest.approx(10.06, abs=0.05)
