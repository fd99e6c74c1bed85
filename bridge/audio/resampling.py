"""Between the wire's rate and a bot's, chunk by chunk, with a constant delay.

One chunk in, one chunk out: a linear-phase polyphase FIR filter whose taps span 24
samples of the slower rate, so that it lags by 12 of them, 1.5 ms at 8 kHz, in each
direction. The prototype is a Kaiser-windowed sinc (Kaiser 1974; Crochiere and
Rabiner, "Multirate Digital Signal Processing", 1983, chapter 4): within 0.7 dB up to
0.425 of the slower rate (3.4 kHz at 8 kHz), and 70 dB down from 0.575 (4.6 kHz) on.

The usual streaming resamplers return nothing for most 20 ms chunks and much for a
few; over a phone line that is 17-180 ms of delay, and it starves the far end.
"""

import functools
from math import gcd
from typing import Protocol

import numpy as np
import soxr

try:
    from bridge.audio import _fir
except ImportError:  # Nothing was compiled when it was installed.
    _fir = None  # type: ignore[assignment]
from bridge.audio.pcm import INT16, Floats, Samples, saturate, saturate_in_place

__all__ = ["Polyphase", "Resampler", "resample", "resampler", "taps_by_lane"]

HALF_TAPS = 12
"""Delay in samples of the slower rate; the filter has twice as many and one."""

KAISER_BETA = 7.0
"""Trades the width of the transition for the depth of the stop band."""

CUTOFF = 0.95
"""Of half the slower rate. Below 1 so that images of 3.4 kHz fall in the stop band."""

SMALL_RATIO = 6
"""Up to 8 <-> 48 kHz our filter serves; other ratios (22.05 kHz voices) are soxr's."""


class Resampler(Protocol):
    """A stream of samples at one rate becomes one at another."""

    delay_samples: int
    """How far the output lags behind the input, in samples of the output."""

    def process(self, samples: Samples) -> Samples:
        """Take the next chunk, of any length, and return what is now known."""

    def flush(self) -> Samples:
        """End the stream: return the lagging rest, and start anew."""

    def reset(self) -> None:
        """Forget what has been heard, as before a new stream."""


def resampler(from_hz: int, to_hz: int) -> Resampler:
    """Make the resampler for a pair of rates.

    Raises:
        ValueError: If a rate is not positive.
    """
    if from_hz <= 0 or to_hz <= 0:
        raise ValueError(f"cannot resample from {from_hz} Hz to {to_hz} Hz")
    if from_hz == to_hz:
        return Identity()
    common = gcd(from_hz, to_hz)
    if max(from_hz, to_hz) // common <= SMALL_RATIO:
        return Polyphase(up=to_hz // common, down=from_hz // common)
    return AnyRatio(from_hz, to_hz)


def resample(samples: Samples, from_hz: int, to_hz: int) -> Samples:
    """Convert a whole recording; nothing lags and nothing is cut off."""
    if from_hz == to_hz:
        return samples
    floats = soxr.resample(samples.astype(np.float32), from_hz, to_hz)
    return saturate(floats)


class Identity:
    """Equal rates: what comes in goes out."""

    delay_samples = 0

    def process(self, samples: Samples) -> Samples:
        """Return the chunk itself."""
        return samples

    def flush(self) -> Samples:
        """Return nothing: nothing lags."""
        return np.empty(0, np.int16)

    def reset(self) -> None:
        """Do nothing: there is no state."""


def prototype(up: int, down: int) -> Floats:
    """The low-pass filter at `up` times the input's rate, of unit gain there."""
    half = HALF_TAPS * max(up, down)
    place = np.arange(-half, half + 1)
    cutoff = CUTOFF / max(up, down)
    taps = np.sinc(cutoff * place) * np.kaiser(2 * half + 1, KAISER_BETA)
    normal: Floats = (taps / taps.sum()).astype(np.float32)
    return normal


@functools.cache
def phases(up: int, down: int) -> Floats:
    """The filter as a matrix: a window of the input times it is `up` outputs.

    Output `r` of a block stands at `r * down` on the common grid, input `q` (counted
    from the block's first, so negative for what came before) at `q * up`.
    """
    taps = prototype(up, down) * up
    before = -(-(len(taps) - 1) // up)
    matrix = np.zeros((before + down, up), np.float32)
    for row, q in enumerate(range(-before, down)):
        for r in range(up):
            tap = r * down - q * up
            if 0 <= tap < len(taps):
                matrix[row, r] = taps[tap]
    return matrix


@functools.cache
def taps_by_lane(up: int, down: int) -> Floats:
    """The matrix of `phases` as `_fir.c` reads it: by output, lane, and age."""
    by_lane = phases(up, down).reshape(-1, down, up).transpose(2, 1, 0)
    taps: Floats = np.ascontiguousarray(by_lane)
    return taps


class Polyphase:
    """Small whole ratios: each `down` samples in give `up` samples out.

    Args:
        up, down: The ratio, in lowest terms.
        is_compiled: Whether to filter in C; None: if it was compiled.
    """

    __slots__ = ("_block_bytes", "_down", "_rest", "_up", "delay_samples", "filter")

    def __init__(self, up: int, down: int, *, is_compiled: bool | None = None) -> None:
        compiled = _fir is not None if is_compiled is None else is_compiled
        self.filter: Filter = (
            _fir.Filter(taps_by_lane(up, down), up, down)
            if compiled
            else NumpyFilter(phases(up, down), up, down)
        )
        """Of whole blocks; what goes through it directly is not kept back."""
        self._up = up
        self._down = down
        self._block_bytes = down * INT16.itemsize
        self._rest = b""
        """Received, and less than a block."""
        self.delay_samples = HALF_TAPS * max(up, down) // down

    def reset(self) -> None:
        """Start from silence."""
        self._rest = b""
        self.filter.reset()

    @property
    def filter_of_any(self) -> "Filter | None":
        """What may be used instead where any number of samples makes whole blocks."""
        return self.filter if self._down == 1 else None

    @property
    def keeps_a_rest(self) -> bool:
        """Whether less than a block waits for what comes next."""
        return bool(self._rest)

    def process(self, samples: Samples) -> Samples:
        """Return `up / down` times as many samples (a rest waits for its block)."""
        if self._rest or len(samples) % self._down:
            return np.frombuffer(self.process_bytes(samples.tobytes()), INT16)
        chunk = np.ascontiguousarray(samples)
        return np.frombuffer(self.filter.process(chunk), INT16)

    def process_bytes(self, samples: bytes) -> bytes | bytearray:
        """Do as `process` does with the bytes of int16, in host byte order."""
        if self._rest or len(samples) % self._block_bytes:
            samples = self._rest + samples
            whole = len(samples) - len(samples) % self._block_bytes
            self._rest = samples[whole:]
            samples = samples[:whole]
        return self.filter.process(samples)

    def flush(self) -> Samples:
        """Push the lagging samples out with silence."""
        count = -(-self.delay_samples * self._down // self._up)
        rest = self.process(np.zeros(count, np.int16))
        self.reset()
        return rest


class Filter(Protocol):
    """Whole blocks in, whole blocks out; `_fir.c` has one, and here is the other."""

    def process(self, samples: Samples | bytes) -> bytearray:
        """Filter the next int16 samples, a multiple of `down`."""

    def reset(self) -> None:
        """Go back to silence."""


class NumpyFilter:
    """The filter where nothing was compiled, three to five times slower.

    A stream brings chunks of one length, 50 times a second: for these every array is
    made once and used again, since making them costs as much as the filter.

    Args:
        matrix: Of `phases`.
        up, down: The ratio.
    """

    def __init__(self, matrix: Floats, up: int, down: int) -> None:
        self._matrix = matrix
        self._up = up
        self._down = down
        self._before = len(matrix) - down
        self.reset()

    def reset(self) -> None:
        """Go back to silence."""
        self._make_arrays(np.zeros(self._before, np.float32), 0)

    def _make_arrays(self, heard: Floats, count: int) -> None:
        """Make the arrays for chunks of one length."""
        before, blocks = self._before, count // self._down
        line = np.empty(before + count, np.float32)
        line[:before] = heard
        self._count = count
        self._heard = line[:before]
        self._chunk = line[before:]
        self._last = line[count:]
        self._windows = _windows(line, blocks, before + self._down, self._down)
        self._block = np.empty((blocks, self._up), np.float32)
        self._flat = self._block.reshape(-1)

    def process(self, samples: Samples | bytes) -> bytearray:
        """Filter the next int16 samples, a multiple of `down`."""
        chunk = np.frombuffer(samples, INT16)
        if len(chunk) != self._count:
            self._make_arrays(self._heard, len(chunk))
        self._chunk[:] = chunk
        np.matmul(self._windows, self._matrix, out=self._block)
        # Where a chunk is shorter than the memory, both overlap: numpy sees to that.
        self._heard[:] = self._last
        return bytearray(saturate_in_place(self._flat).data)


def _windows(line: Floats, blocks: int, width: int, down: int) -> Floats:
    """Overlapping windows without a copy; `as_strided` is slower than the filter."""
    stride = line.itemsize
    windows: Floats = np.ndarray(
        (blocks, width), np.float32, line, strides=(stride * down, stride)
    )
    return windows


class AnyRatio:
    """Every other ratio, by soxr: it answers in uneven chunks, a little late."""

    delay_samples = 0

    def __init__(self, from_hz: int, to_hz: int) -> None:
        self._stream = soxr.ResampleStream(from_hz, to_hz, 1, dtype="int16")

    def process(self, samples: Samples) -> Samples:
        """Return what soxr can give by now, which may be nothing."""
        chunk: Samples = self._stream.resample_chunk(samples)
        return chunk

    def flush(self) -> Samples:
        """Return the rest."""
        rest: Samples = self._stream.resample_chunk(np.empty(0, np.int16), last=True)
        self._stream.clear()
        return rest

    def reset(self) -> None:
        """Start anew."""
        self._stream.clear()
