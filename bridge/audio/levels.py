"""How loud audio is, in dBFS.

0 dBFS is the largest int16, 32768; a sine that just fits has an RMS level of -3.01.
"""

import numpy as np

from bridge.audio.pcm import Samples

__all__ = ["FLOOR_DBFS", "peak_dbfs", "rms_dbfs"]

FULL_SCALE = 32768.0

FLOOR_DBFS = -96.0
"""What silence, and nothing at all, is said to have: below the smallest int16."""


def rms_dbfs(samples: Samples) -> float:
    """Level of the root mean square."""
    if not len(samples):
        return FLOOR_DBFS
    floats = samples.astype(np.float32)
    return _dbfs(float(np.sqrt(np.dot(floats, floats) / len(floats))))


def peak_dbfs(samples: Samples) -> float:
    """Level of the largest sample."""
    if not len(samples):
        return FLOOR_DBFS
    return _dbfs(float(np.max(np.abs(samples.astype(np.int32)))))


def _dbfs(amplitude: float) -> float:
    if amplitude <= 0.0:
        return FLOOR_DBFS
    return max(FLOOR_DBFS, 20.0 * float(np.log10(amplitude / FULL_SCALE)))
