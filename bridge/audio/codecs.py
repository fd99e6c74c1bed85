"""What travels on the wire, and the samples it stands for."""

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np

from bridge.audio import g711
from bridge.audio.pcm import Samples

__all__ = ["ALAW", "CODECS", "L16", "ULAW", "Codec"]


@dataclasses.dataclass(frozen=True, slots=True)
class Codec:
    """One way to write samples as bytes."""

    name: str
    """The media type without parameters, such as `audio/x-l16`."""
    bytes_per_sample: int
    decode: Callable[[bytes], Samples]
    """Bytes to int16; `ValueError` where they are no whole number of samples."""
    encode: Callable[[Samples], bytes]
    codes: bytes | None = None
    """Where a sample is a code: that of each int16, by its bit pattern."""


# RFC 3551 has L16 big-endian; Plivo's `audio/x-l16` is little-endian.
_L16_WIRE = np.dtype("<i2")


def _l16_decode(payload: bytes) -> Samples:
    # A copy, so that whoever hears it may change it.
    return np.frombuffer(payload, _L16_WIRE).astype(np.int16)


def _l16_encode(samples: Samples) -> bytes:
    return samples.astype(_L16_WIRE, copy=False).tobytes()


L16 = Codec("audio/x-l16", 2, _l16_decode, _l16_encode)
ULAW = Codec("audio/x-mulaw", 1, g711.ulaw_decode, g711.ulaw_encode, g711.ULAW_CODES)
ALAW = Codec("audio/x-alaw", 1, g711.alaw_decode, g711.alaw_encode, g711.ALAW_CODES)

CODECS: Mapping[str, Codec] = {codec.name: codec for codec in (L16, ULAW, ALAW)}
"""Every codec by its media type."""
