"""Where one recording lies in another: delay, likeness, and whether it slips."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from bridge.audio.levels import rms_dbfs
from bridge.audio.pcm import Samples

__all__ = ["Alignment", "align"]

WINDOW_S = 0.25
LEAST_LEVEL_DBFS = -45.0
"""Windows more quiet than this say nothing about their place."""

ALIKE = 0.8
"""A stretch is where it belongs from this likeness on; 20 ms off, speech has little."""


@dataclasses.dataclass(frozen=True, slots=True)
class Alignment:
    """How a signal follows a reference."""

    delay_s: float
    """How much later it is."""
    correlation: float
    """Peak of the normalised cross-correlation, -1 to 1."""
    windows: int
    """Quarter-second stretches of the reference that were loud enough to compare."""
    slipped: int
    """Of these, how many are not where they belong: a frame lost or repeated moves all
    that follow it."""


def align(reference: Samples, signal: Samples, rate_hz: int) -> Alignment:
    """Find a reference in a signal.

    Args:
        reference: What was said.
        signal: What came back; not earlier than the reference.
        rate_hz: Of both.
    """
    count = max(len(reference), len(signal))
    first = np.zeros(count)
    first[: len(reference)] = reference
    second = np.zeros(count)
    second[: len(signal)] = signal
    delay = int(_correlation(first, second)[:count].argmax())
    likeness = _likeness(first[: count - delay], second[delay:])
    windows, slipped = _slips(first, second, delay, rate_hz)
    return Alignment(delay / rate_hz, likeness, windows, slipped)


def _slips(
    first: NDArray[np.float64], second: NDArray[np.float64], delay: int, rate_hz: int
) -> tuple[int, int]:
    """Compare stretch by stretch, each at its expected place."""
    length = round(WINDOW_S * rate_hz)
    windows = slipped = 0
    for begin in range(0, len(first) - length - delay, length):
        window = first[begin : begin + length]
        if rms_dbfs(window.astype(np.int16)) < LEAST_LEVEL_DBFS:
            continue
        echo = second[begin + delay : begin + delay + length]
        windows += 1
        slipped += _likeness(window, echo) < ALIKE
    return windows, slipped


def _likeness(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Normalised correlation at lag zero; 0 where one is silent."""
    energy = float(np.sqrt((first @ first) * (second @ second)))
    return float(first @ second) / energy if energy else 0.0


def _correlation(
    first: NDArray[np.float64],
    second: NDArray[np.float64],
) -> NDArray[np.float64]:
    size = 2 * len(first)
    spectrum = np.fft.rfft(second, size) * np.conj(np.fft.rfft(first, size))
    return np.fft.irfft(spectrum, size)
