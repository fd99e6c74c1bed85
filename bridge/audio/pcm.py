"""The sample type, frames, and saturation."""

import functools
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "FRAME_MS",
    "INT16",
    "Floats",
    "Samples",
    "frame_samples",
    "quiet",
    "saturate",
    "saturate_in_place",
    "silence",
]

INT16 = np.dtype(np.int16)

Samples: TypeAlias = NDArray[np.int16]
"""Mono audio: int16, shape `(n,)`, host byte order."""

Floats: TypeAlias = NDArray[np.float32]
"""Mono audio on the int16 scale (-32768 to 32767), not yet rounded."""

LOWEST, HIGHEST = np.float32(-32768), np.float32(32767)

FRAME_MS = 20
"""Media time of one frame; the stream carries 50 a second."""


def frame_samples(rate_hz: int) -> int:
    """Samples in one frame at a rate (160 at 8 kHz)."""
    return rate_hz * FRAME_MS // 1000


def silence(count: int) -> Samples:
    """Digital silence of so many samples."""
    return np.zeros(count, dtype=np.int16)


@functools.lru_cache(maxsize=16)
def quiet(count: int) -> Samples:
    """Digital silence that cannot be written to, and so need not be made anew."""
    samples = silence(count)
    samples.flags.writeable = False
    return samples


def saturate(values: NDArray[Any]) -> Samples:
    """Round to the nearest int16; what is beyond the range becomes its edge.

    Args:
        values: Numbers on the int16 scale, of any shape.
    """
    return _clamped(np.rint(values))


def saturate_in_place(values: Floats) -> Samples:
    """Do as `saturate` does, overwriting the values: only the result is made anew."""
    return _clamped(np.rint(values, out=values))


def _clamped(rounded: NDArray[Any]) -> Samples:
    np.minimum(rounded, HIGHEST, out=rounded)
    np.maximum(rounded, LOWEST, out=rounded)
    samples: Samples = rounded.astype(np.int16)
    return samples
