"""How loud audio is, in dBFS.

0 dBFS is the largest int16, 32768; a sine that just fits has an RMS level of -3.01.
"""

from collections.abc import Sequence

import numpy as np

from bridge.audio.pcm import Samples

__all__ = ["FLOOR_DBFS", "peak_dbfs", "rms_dbfs", "rms_dbfs_of_each"]

FULL_SCALE = 32768.0

FLOOR_DBFS = -96.0
"""What silence, and nothing at all, is said to have: below the smallest int16."""


SMALLEST_POWER = 1e-12
"""Below the floor, and a number that has a logarithm."""


def rms_dbfs(samples: Samples) -> float:
    """Level of the root mean square."""
    if not len(samples):
        return FLOOR_DBFS
    floats = samples.astype(np.float32)
    return _dbfs(float(np.sqrt(np.dot(floats, floats) / len(floats))))


def rms_dbfs_of_each(frames: Sequence[Samples]) -> list[float]:
    """Levels of frames of the same length, for little more than the price of one."""
    if not frames or not len(frames[0]):
        return [FLOOR_DBFS] * len(frames)
    floats = np.concatenate(frames).reshape(len(frames), -1).astype(np.float32)
    powers = np.einsum("ij,ij->i", floats, floats) / (floats.shape[1] * FULL_SCALE**2)
    levels = 10.0 * np.log10(np.maximum(powers, SMALLEST_POWER))
    heights: list[float] = np.maximum(levels, FLOOR_DBFS).tolist()
    return heights


def peak_dbfs(samples: Samples) -> float:
    """Level of the largest sample."""
    if not len(samples):
        return FLOOR_DBFS
    return _dbfs(float(np.max(np.abs(samples.astype(np.int32)))))


def _dbfs(amplitude: float) -> float:
    if amplitude <= 0.0:
        return FLOOR_DBFS
    return max(FLOOR_DBFS, 20.0 * float(np.log10(amplitude / FULL_SCALE)))
