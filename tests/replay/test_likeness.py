"""How much of one recording is found in another."""

import numpy as np
import pytest

from bridge.audio.pcm import Samples, silence
from bridge.replay.likeness import likeness

RATE = 8000


def noise(seconds: float, seed: int) -> Samples:
    """No two are alike."""
    random = np.random.default_rng(seed)
    return (random.standard_normal(round(seconds * RATE)) * 3000).astype(np.int16)


def test_the_same_is_found_at_its_place() -> None:
    """All of it."""
    said = noise(3, 1)

    found = likeness(said, said, [(0.0, 3.0)], RATE)

    assert found.windows == 11
    assert found.share == 1.0
    assert (found.offset_s, found.spread_s) == (0.0, 0.0)


@pytest.mark.parametrize("late_s", [-0.5, -0.02, 0.02, 0.9])
def test_what_comes_at_another_time_is_found_there(late_s: float) -> None:
    """Within a second."""
    said = np.concatenate([silence(RATE), noise(2, 1), silence(2 * RATE)])
    shifted = np.roll(said, round(late_s * RATE))

    found = likeness(said, shifted, [(1.0, 3.0)], RATE)

    assert found.share == 1.0
    assert found.offset_s == pytest.approx(late_s)


def test_other_sound_is_not_found() -> None:
    """Nor silence, nor nothing."""
    said = noise(2, 1)
    for other in (noise(2, 2), silence(2 * RATE), silence(0)):
        assert likeness(said, other, [(0.0, 2.0)], RATE).share == 0.0


def test_half_of_it_is_half() -> None:
    """What was said is there, what came after is not."""
    said = noise(4, 1)
    other = np.concatenate([said[: 2 * RATE], noise(2, 2)])

    found = likeness(said, other, [(0.0, 4.0)], RATE)

    assert found.share == pytest.approx(0.5, abs=0.05)


def test_the_cut_of_an_interruption_is_no_difference() -> None:
    """A frame more or less of it."""
    said = noise(1.5, 1)
    cut = said.copy()
    cut[-480:] = 0

    assert likeness(said, cut, [(0.0, 1.5)], RATE).share == 1.0


def test_where_nothing_was_said_nothing_is_missing() -> None:
    """And silence within speech says nothing."""
    assert likeness(silence(RATE), noise(1, 1), [], RATE).share == 1.0
    assert likeness(silence(RATE), noise(1, 1), [(0.0, 1.0)], RATE).windows == 0


def test_of_many_places_the_nearest_counts() -> None:
    """A tone is everywhere."""
    time = np.arange(2 * RATE) / RATE
    said = (5000 * np.sin(2 * np.pi * 440 * time)).astype(np.int16)

    assert abs(likeness(said, said, [(0.0, 2.0)], RATE).offset_s) < 0.003
