"""Whether what is heard is what we say ourselves, come back: no I/O, no clock."""

import numpy as np

from bridge.audio.levels import rms_dbfs
from bridge.audio.pcm import Samples

__all__ = ["ALIKE", "likeness"]

ALIKE = 0.6
"""From this likeness on it is an echo. A voice over an echo of half its strength is
below; so is an echo that a bad line has torn."""

QUIET_DBFS = -50.0


def likeness(heard: Samples, said: Samples) -> float | None:
    """How much a stretch of what is heard is like some place in what was said.

    Args:
        heard: The last of what is heard, 60 to 300 ms.
        said: What was said about then, longer than that by all delays that may be.

    Returns:
        The peak of the normalised cross-correlation, 0 to 1; None if what is heard has
        become silent, or nothing was said, so that nothing can be told.
    """
    count = len(heard)
    if not count or len(said) < count or rms_dbfs(heard[-(count // 4) :]) < QUIET_DBFS:
        return None
    template = heard.astype(np.float64)
    line = said.astype(np.float64)
    size = 1 << (len(line) + count).bit_length()
    spectrum = np.fft.rfft(line, size) * np.conj(np.fft.rfft(template, size))
    places = len(line) - count + 1
    # Some lines turn it upside down.
    match = np.abs(np.fft.irfft(spectrum, size)[:places])
    passed = np.concatenate([[0.0], np.cumsum(line * line)])
    energy = (passed[count:] - passed[:-count])[:places]
    # Where next to nothing was said, chance alone would be like anything.
    scale = np.sqrt(np.maximum(energy, energy.max() * 0.01 + 1.0))
    return float(np.max(match / scale) / np.sqrt(template @ template))
