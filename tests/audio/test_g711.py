"""G.711 against the tables of the Recommendation.

Tables 1 and 2 give, for each segment, how many intervals it has and how wide they
are; an input between two decision values has the number of its interval, and its
output is their middle. Both are built here from those columns.
"""

import io

import numpy as np
import pytest
import soundfile

from bridge.audio import g711
from bridge.audio.pcm import Samples
from tests.uncompiled import uncompiled

# (intervals, width) of each segment, from zero outwards.
ULAW_SEGMENTS = [(1, 1), (15, 2), *((16, 4 << n) for n in range(7))]
"""G.711 table 2a, decision values up to 8159 (14 bits)."""
ALAW_SEGMENTS = [(32, 2), *((16, 4 << n) for n in range(6))]
"""G.711 table 1a, decision values up to 4096 (13 bits)."""


def decision_values(segments: list[tuple[int, int]]) -> list[int]:
    values = [0]
    for count, width in segments:
        for _ in range(count):
            values.append(values[-1] + width)
    return values


def middle(values: list[int], n: int) -> float:
    return (values[n] + values[n + 1]) / 2


def test_the_tables_end_where_the_recommendation_says() -> None:
    """The columns were copied right."""
    assert decision_values(ULAW_SEGMENTS)[-1] == 8159
    assert decision_values(ALAW_SEGMENTS)[-1] == 4096
    assert len(decision_values(ULAW_SEGMENTS)) == len(decision_values(ALAW_SEGMENTS))


def test_ulaw_encodes_every_input_as_the_table() -> None:
    """All 65536 of them; beyond the last decision value the last interval holds."""
    values = decision_values(ULAW_SEGMENTS)
    samples = np.arange(-32768, 32768).astype(np.int16)
    wide = samples.astype(np.int32)
    magnitude = np.where(wide < 0, ~wide, wide) >> 2
    interval = np.searchsorted(values[1:-1], magnitude, side="right")
    expected = np.where(wide < 0, 0x7F, 0xFF) - interval

    assert g711.ulaw_encode(samples) == expected.astype(np.uint8).tobytes()


def test_ulaw_decodes_every_code_as_the_table() -> None:
    """The output is the middle of the interval; of the first, zero."""
    values = decision_values(ULAW_SEGMENTS)
    outputs = [0, *(int(middle(values, n) * 4) for n in range(1, 128))]
    expected = [-outputs[0x7F - code] for code in range(128)]
    expected += [outputs[0xFF - code] for code in range(128, 256)]

    assert g711.ulaw_decode(bytes(range(256))).tolist() == expected


def test_alaw_encodes_every_input_as_the_table() -> None:
    """Even bits are inverted on the line."""
    values = decision_values(ALAW_SEGMENTS)
    samples = np.arange(-32768, 32768).astype(np.int16)
    wide = samples.astype(np.int32)
    magnitude = np.where(wide < 0, ~wide, wide) >> 3
    interval = np.searchsorted(values[1:-1], magnitude, side="right")
    expected = np.where(wide < 0, interval, interval | 0x80) ^ 0x55

    assert g711.alaw_encode(samples) == expected.astype(np.uint8).tobytes()


def test_alaw_decodes_every_code_as_the_table() -> None:
    """The output is the middle of the interval."""
    values = decision_values(ALAW_SEGMENTS)
    expected = []
    for code in range(256):
        plain = code ^ 0x55
        output = int(middle(values, plain & 0x7F) * 8)
        expected.append(output if plain & 0x80 else -output)

    assert g711.alaw_decode(bytes(range(256))).tolist() == expected


@pytest.mark.parametrize("law", ["ULAW", "ALAW"])
def test_libsndfile_decodes_alike(law: str) -> None:
    """An implementation nobody here wrote agrees on all 256 codes."""
    codes = bytes(range(256))
    theirs, _ = soundfile.read(
        io.BytesIO(codes),
        dtype="int16",
        samplerate=8000,
        channels=1,
        format="RAW",
        subtype=law,
    )
    ours: Samples = (g711.ulaw_decode if law == "ULAW" else g711.alaw_decode)(codes)

    assert ours.tolist() == theirs.tolist()


def test_decoding_and_encoding_is_the_identity() -> None:
    """On every code but mu-law's negative zero, which is written as positive."""
    codes = bytes(range(256))

    assert g711.alaw_encode(g711.alaw_decode(codes)) == codes
    again = g711.ulaw_encode(g711.ulaw_decode(codes))
    assert [code for code in range(256) if again[code] != code] == [0x7F]
    assert again[0x7F] == 0xFF


@pytest.mark.parametrize("law", ["ulaw", "alaw"])
def test_tables_are_looked_up_alike(monkeypatch: pytest.MonkeyPatch, law: str) -> None:
    """In C and in numpy: every sample, every code."""
    plain = uncompiled(monkeypatch, g711, "bridge.audio._fir")
    samples = np.arange(-32768, 32768).astype(np.int16)
    codes = bytes(range(256))

    for name, argument in ((f"{law}_encode", samples), (f"{law}_decode", codes)):
        looked_up = bytes(getattr(g711, name)(argument))
        assert looked_up == bytes(getattr(plain, name)(argument))


def test_a_table_of_another_size_is_refused() -> None:
    """It would be read beyond its end."""
    fir = pytest.importorskip("bridge.audio._fir")

    with pytest.raises(ValueError, match="256 values"):
        fir.expand(b"x", bytes(511))
    with pytest.raises(ValueError, match="each int16"):
        fir.compress(b"xx", bytes(65535))
    with pytest.raises(ValueError, match="each int16"):
        fir.compress(b"x", bytes(65536))
