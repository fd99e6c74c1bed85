"""Where one recording lies in another."""

import numpy as np

from bridge.audio.alignment import align
from bridge.audio.pcm import Samples, silence


def noise(count: int) -> Samples:
    return np.random.default_rng(7).integers(-9000, 9000, count).astype(np.int16)


def test_a_delay_is_found() -> None:
    """To the sample, and the likeness is full."""
    sound = noise(16000)

    found = align(sound, np.concatenate((silence(664), sound)), 8000)

    assert found.delay_s == 0.083
    assert found.correlation > 0.999
    assert found.windows > 5
    assert found.slipped == 0


def test_a_lost_frame_moves_all_that_follows() -> None:
    """Half of the windows slipped where the hole is in the middle."""
    sound = noise(16000)
    torn = np.concatenate((silence(80), sound[:8000], sound[8160:]))

    found = align(sound, torn, 8000)

    assert found.slipped >= found.windows // 2 - 1 > 0


def test_silence_is_like_nothing() -> None:
    """No window is loud enough to compare, and no number is made up."""
    found = align(silence(8000), silence(8000), 8000)

    assert (found.correlation, found.windows, found.slipped) == (0.0, 0, 0)


def test_an_echo_that_stays_away_slipped_everywhere() -> None:
    """Silence in place of speech is not where it belongs."""
    found = align(noise(8000), silence(8000), 8000)

    assert found.correlation == 0.0
    assert found.slipped == found.windows > 0
