"""What travels on the wire."""

import numpy as np
import pytest

from bridge.audio.codecs import CODECS, L16


def test_l16_is_little_endian() -> None:
    """Whatever the machine is."""
    assert L16.encode(np.array([1, -2], np.int16)) == b"\x01\x00\xfe\xff"
    assert L16.decode(b"\x01\x00\xfe\xff").tolist() == [1, -2]


def test_half_a_sample_is_refused() -> None:
    """An odd length is no whole number of samples."""
    with pytest.raises(ValueError, match="multiple of element size"):
        L16.decode(b"\x01\x00\xfe")


@pytest.mark.parametrize("name", CODECS)
def test_each_codec_keeps_what_it_once_wrote(name: str) -> None:
    """Decoding is exact for what the codec itself can say."""
    codec = CODECS[name]
    samples = codec.decode(codec.encode(np.arange(-900, 900, 7).astype(np.int16)))

    assert codec.decode(codec.encode(samples)).tolist() == samples.tolist()
    assert len(codec.encode(samples)) == len(samples) * codec.bytes_per_sample
