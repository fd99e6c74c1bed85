"""Sums of voices that saturate instead of wrapping around."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from bridge.audio.pcm import Samples, saturate, silence

__all__ = ["mix", "mix_matrix"]


def mix(voices: Iterable[Samples]) -> Samples:
    """Add voices of any lengths, each from its first sample on.

    The order does not matter: the sum is taken in 32 bits and saturated once.
    """
    parts = list(voices)
    total = np.zeros(max((len(part) for part in parts), default=0), np.int32)
    for part in parts:
        total[: len(part)] += part
    return saturate(total) if parts else silence(0)


def mix_matrix(hears: NDArray[np.bool_], voices: Samples) -> Samples:
    """Mix for every listener of every room at once.

    Args:
        hears: Shape `(rooms, listeners, speakers)`: who hears whom.
        voices: Shape `(rooms, speakers, samples)`, int16.

    Returns:
        Shape `(rooms, listeners, samples)`, int16, saturated.
    """
    # float32 holds sums of 256 int16 exactly, and its products run in BLAS.
    total = hears.astype(np.float32) @ voices.astype(np.float32)
    return saturate(total)
