"""Which windows of audio cannot wait."""

import numpy as np
import pytest

from bridge.audio.pcm import Floats
from bridge.speech.urgency import SETTLED_SILENCE, SETTLED_VOICE, Urgency

WINDOW = 256


def noise(dbfs: float, seed: int = 0) -> Floats:
    scale = 32768.0 * 10 ** (dbfs / 20)
    return np.random.default_rng(seed).normal(0, scale, WINDOW).astype(np.float32)


def pressed(
    urgency: Urgency, dbfs: float, probability: float, count: int
) -> list[bool]:
    """What is pressing of some windows alike, each looked at before the next."""
    found = []
    for seed in range(count):
        found.append(urgency.presses(noise(dbfs, seed)))
        urgency.learn(probability)
    return found


@pytest.mark.parametrize("line_dbfs", [-96.0, -66.0, -45.0])
def test_silence_that_goes_on_can_wait(line_dbfs: float) -> None:
    """On a line with noise too, once it is known; what rises above it cannot."""
    urgency = Urgency()
    # A call may begin in noise.
    pressed(urgency, line_dbfs, 0.02, 1000)
    assert not any(pressed(urgency, line_dbfs, 0.02, 50))
    assert urgency.presses(noise(line_dbfs + 12 if line_dbfs > -72 else -55))


def test_speech_presses_until_a_turn_has_begun() -> None:
    """While it goes on it can wait; the first quiet window cannot."""
    urgency = Urgency()
    began = pressed(urgency, -20.0, 0.9, SETTLED_VOICE)
    assert all(began)
    assert not any(pressed(urgency, -20.0, 0.9, 20))
    assert urgency.presses(noise(-66.0))


def test_silence_after_speech_presses_until_a_turn_has_ended() -> None:
    """Each window of it may be the one that ends the turn."""
    urgency = Urgency()
    pressed(urgency, -20.0, 0.9, 20)
    urgency.learn(0.1)
    after = pressed(urgency, -66.0, 0.02, SETTLED_SILENCE)
    assert all(after[:-1])
    assert not any(pressed(urgency, -66.0, 0.02, 10))


def test_what_the_detector_takes_for_noise_is_no_speech() -> None:
    """Loud as it may be, it presses: it may become speech."""
    urgency = Urgency()
    assert all(pressed(urgency, -20.0, 0.1, 30))
