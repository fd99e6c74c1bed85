"""G.711: mu-law and A-law by table.

The tables are built as ITU-T G.191's reference software does it (`ulaw_compress`
and its siblings), which fixes what G.711 leaves open: an input that lies exactly
on a decision value belongs to the interval above it, and negative inputs mirror
through the one's complement.
"""

import numpy as np
from numpy.typing import NDArray

from bridge.audio.pcm import INT16, Samples

try:
    from bridge.audio import _fir
except ImportError:  # It was installed without a compiler.
    _fir = None  # type: ignore[assignment]

__all__ = ["alaw_decode", "alaw_encode", "ulaw_decode", "ulaw_encode"]

ULAW_BIAS = 33
ULAW_CLIP = 0x1FFF


def _inputs() -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Every int16 by its bit pattern: its magnitude, and whether it is negative."""
    values = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)
    negative = values < 0
    return np.where(negative, ~values, values), negative


def _ulaw_encoder() -> NDArray[np.uint8]:
    magnitude, negative = _inputs()
    biased = np.minimum((magnitude >> 2) + ULAW_BIAS, ULAW_CLIP)
    # The segment is the place of the highest bit, counted from bit 5.
    segment = np.floor(np.log2(biased)).astype(np.int32) - 4
    code = ((8 - segment) << 4) | (0xF - ((biased >> segment) & 0xF))
    codes: NDArray[np.uint8] = np.where(negative, code, code | 0x80).astype(np.uint8)
    return codes


def _ulaw_decoder() -> Samples:
    code = np.arange(256)
    exponent = (~code >> 4) & 7
    step = 8 << exponent
    value = (0x80 << exponent) + step * (~code & 0xF) + step // 2 - 4 * ULAW_BIAS
    values: Samples = np.where(code & 0x80, value, -value).astype(np.int16)
    return values


def _alaw_encoder() -> NDArray[np.uint8]:
    magnitude, negative = _inputs()
    level = magnitude >> 4
    # The first two segments have the same step and share a straight line.
    exponent = np.floor(np.log2(np.maximum(level, 16))).astype(np.int32) - 3
    curved = ((level >> (exponent - 1)) - 16) + (exponent << 4)
    code = np.where(level > 15, curved, level)
    codes: NDArray[np.uint8] = (np.where(negative, code, code | 0x80) ^ 0x55).astype(
        np.uint8
    )
    return codes


def _alaw_decoder() -> Samples:
    code = np.arange(256) ^ 0x55
    exponent = (code >> 4) & 7
    mantissa = (code & 0xF) + np.where(exponent > 0, 16, 0)
    value = ((mantissa << 4) + 8) << np.maximum(exponent - 1, 0)
    values: Samples = np.where(code & 0x80, value, -value).astype(np.int16)
    return values


class Law:
    """Both tables of one law.

    Args:
        codes: Of every int16, by its bit pattern.
        values: Of every code.
    """

    def __init__(self, codes: NDArray[np.uint8], values: Samples) -> None:
        self._codes = codes
        self._values = values
        # For who looks up in C, as what is cheapest to hand on.
        self.code_bytes = codes.tobytes()
        self._value_bytes = values.tobytes()

    def encode(self, samples: Samples) -> bytes:
        if _fir is not None:
            return _fir.compress(samples.tobytes(), self.code_bytes)
        return self._codes[samples.view(np.uint16)].tobytes()

    def decode(self, payload: bytes) -> Samples:
        if _fir is not None:
            return np.frombuffer(_fir.expand(payload, self._value_bytes), INT16)
        return self._values[np.frombuffer(payload, np.uint8)]


_ULAW = Law(_ulaw_encoder(), _ulaw_decoder())
_ALAW = Law(_alaw_encoder(), _alaw_decoder())

ULAW_CODES, ALAW_CODES = _ULAW.code_bytes, _ALAW.code_bytes
"""The code of each int16, by its bit pattern."""


def ulaw_encode(samples: Samples) -> bytes:
    """Compress to mu-law, one byte a sample."""
    return _ULAW.encode(samples)


def ulaw_decode(payload: bytes) -> Samples:
    """Expand mu-law; 0xFF is silence."""
    return _ULAW.decode(payload)


def alaw_encode(samples: Samples) -> bytes:
    """Compress to A-law, one byte a sample."""
    return _ALAW.encode(samples)


def alaw_decode(payload: bytes) -> Samples:
    """Expand A-law; 0xD5 is the smallest positive value."""
    return _ALAW.decode(payload)
