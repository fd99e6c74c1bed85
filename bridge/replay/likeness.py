"""How much of one recording is found in another, and how far from its place."""

import dataclasses
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from bridge.audio.levels import rms_dbfs
from bridge.audio.pcm import Samples

__all__ = ["Likeness", "likeness"]

WINDOW_S = 0.25

EDGE_S = 0.06
"""An interruption a frame or two earlier makes no other speech of what was heard."""

SLACK_S = 1.0
"""So far from its place a stretch is still looked for."""

QUIETEST_DBFS = -45.0
"""Stretches more quiet than this say nothing."""

ALIKE = 0.8
"""Of the normalised correlation, 1 at most; other speech stays below a half."""

AS_GOOD = 0.01
"""Of places that are as good as the best, the nearest counts: a tone has many."""


@dataclasses.dataclass(frozen=True, slots=True)
class Likeness:
    """What became of one recording in another."""

    windows: int
    """Quarter-second stretches of it that were loud enough to compare."""
    found: int
    """Of these, how many are in the other."""
    offset_s: float
    """How much later they are there, by the median."""
    spread_s: float
    """Nine of ten are not farther than this from their place."""

    @property
    def share(self) -> float:
        """Of the windows, what was found; 1 where there are none."""
        return self.found / self.windows if self.windows else 1.0


def likeness(
    wanted: Samples, other: Samples, speech: Iterable[tuple[float, float]], rate_hz: int
) -> Likeness:
    """Look for the speech in a recording in another one.

    Args:
        wanted: What is looked for.
        other: Where.
        speech: From when to when there is some in `wanted`, in seconds.
        rate_hz: Of both.
    """
    length, slack = round(WINDOW_S * rate_hz), round(SLACK_S * rate_hz)
    around = np.pad(other, (slack, slack + length + len(wanted)))
    windows = 0
    offsets: list[int] = []
    for begin in _begins(speech, length, rate_hz):
        window = wanted[begin : begin + length]
        if rms_dbfs(window) < QUIETEST_DBFS:
            continue
        windows += 1
        offset = _offset(window, around[begin : begin + length + 2 * slack], slack)
        if offset is not None:
            offsets.append(offset)
    if not offsets:
        return Likeness(windows, 0, 0.0, 0.0)
    seconds = np.array(offsets) / rate_hz
    return Likeness(
        windows,
        len(offsets),
        float(np.median(seconds)),
        float(np.quantile(np.abs(seconds), 0.9)),
    )


def _begins(
    speech: Iterable[tuple[float, float]], length: int, rate_hz: int
) -> Iterator[int]:
    """Cut speech into windows; one at least of each stretch."""
    for begins_s, ends_s in speech:
        begin = max(0, round(begins_s * rate_hz))
        until = round((ends_s - EDGE_S) * rate_hz) - length
        yield from range(begin, max(begin, until) + 1, length)


def _offset(window: Samples, where: Samples, expected: int) -> int | None:
    """How much later than expected a window is; None if it is not there."""
    places = len(where) - len(window) + 1
    if places < 1:
        return None
    alike = _correlations(window.astype(np.float64), where.astype(np.float64))[:places]
    best = float(alike.max())
    if best < ALIKE:
        return None
    good = np.flatnonzero(alike >= best - AS_GOOD) - expected
    return int(good[np.abs(good).argmin()])


def _correlations(
    window: NDArray[np.float64], where: NDArray[np.float64]
) -> NDArray[np.float64]:
    size = 1 << (len(where) - 1).bit_length()
    spectrum = np.fft.rfft(where, size) * np.conj(np.fft.rfft(window, size))
    products = np.fft.irfft(spectrum, size)[: len(where) - len(window) + 1]
    energy = np.concatenate([[0.0], np.cumsum(where**2)])
    local = energy[len(window) :] - energy[: -len(window)]
    scale = np.sqrt(np.maximum(local, 1.0) * max(1.0, float(window @ window)))
    correlations: NDArray[np.float64] = products / scale
    return correlations
