"""What is heard of ourselves."""

import numpy as np
import pytest

from bridge.audio.pcm import Samples, silence
from bridge.speech.echo import ALIKE, likeness

GENERATOR = np.random.default_rng(3)


def noise(seconds: float) -> Samples:
    return GENERATOR.normal(0, 3000, round(seconds * 8000)).astype(np.int16)


@pytest.mark.parametrize("gain", [1.0, 0.1, -0.5])
def test_what_we_said_is_recognized(gain: float) -> None:
    """Wherever it lies, softer, and upside down as some lines have it."""
    said = noise(1.2)
    heard = (said[3000:4600] * gain).astype(np.int16)
    assert (likeness(heard, said) or 0) > 0.9


def test_a_voice_over_it_is_not() -> None:
    """As long as it is not much softer than the echo."""
    said = noise(1.2)
    both = (said[3000:4600] * 0.3 + noise(0.2) * 0.6).astype(np.int16)
    assert (likeness(both, said) or 1) < ALIKE
    assert (likeness(noise(0.2), said) or 1) < ALIKE


def test_silence_is_no_echo() -> None:
    """Neither of something nor of nothing."""
    assert likeness(silence(1600), noise(1.0)) is None
    assert likeness(noise(0.2), noise(0.1)) is None
    assert likeness(silence(0), silence(0)) is None
    assert likeness(np.concatenate([noise(0.2), silence(800)]), noise(1.0)) is None
    assert likeness(noise(0.2), silence(8000)) == 0.0


def test_the_edge_of_what_was_said_is_no_likeness() -> None:
    """A few samples next to silence are like everything."""
    said = np.concatenate([silence(8000), noise(0.01), silence(3000)])
    assert (likeness(noise(0.2), said) or 0) < ALIKE
