"""Samples, frames, saturation."""

import numpy as np

from bridge.audio import pcm


def test_a_frame_is_20_ms() -> None:
    """At each rate a stream can have."""
    assert [pcm.frame_samples(hz) for hz in (8000, 16000, 24000)] == [160, 320, 480]


def test_saturation_rounds_and_stays_in_range() -> None:
    """Nothing wraps around."""
    values = np.array([0.4, 0.6, -0.6, 40000.0, -40000.0, 32767.4])

    assert pcm.saturate(values).tolist() == [0, 1, -1, 32767, -32768, 32767]


def test_silence_is_zero() -> None:
    """And of the right type."""
    silence = pcm.silence(3)
    assert silence.dtype == np.int16
    assert silence.tolist() == [0, 0, 0]
