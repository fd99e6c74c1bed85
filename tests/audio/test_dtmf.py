"""Keys found in the sound of a line."""

from importlib.resources import as_file, files

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.audio import files as audio_files
from bridge.audio import tones
from bridge.audio.dtmf import DtmfDetector
from bridge.audio.mixing import mix
from bridge.audio.pcm import Samples, saturate, silence


def found(sound: Samples, chunk: int = 160) -> str:
    detector = DtmfDetector(8000)
    return "".join(
        detector.push(sound[i : i + chunk]) for i in range(0, len(sound), chunk)
    )


def test_every_key_is_found() -> None:
    """All sixteen, in a row."""
    assert found(tones.dtmf("0123456789*#ABCD", 8000)) == "0123456789*#ABCD"


@given(chunk=st.integers(1, 500), offset=st.integers(0, 400))
def test_chunks_and_places_do_not_matter(chunk: int, offset: int) -> None:
    """Keys of 50 ms, found wherever they begin."""
    sound = tones.dtmf("159", 8000, tone_s=0.05, gap_s=0.05)
    line = np.concatenate((silence(offset), sound, silence(400)))

    assert found(line, chunk) == "159"


def test_a_key_held_long_is_one_key() -> None:
    """And pressed twice it is two."""
    assert found(tones.dtmf("7", 8000, tone_s=2.0)) == "7"
    assert found(tones.dtmf("77", 8000)) == "77"


def test_keys_are_found_in_noise() -> None:
    """At 15 dB."""
    sound = tones.dtmf("2580", 8000)
    noise = np.random.default_rng(1).normal(0, 900, len(sound))

    assert found(mix([sound, saturate(noise)])) == "2580"


@pytest.mark.parametrize("shift", [0.985, 1.015], ids=["1.5 % low", "1.5 % high"])
def test_keys_may_be_off_by_as_much_as_q24_says(shift: float) -> None:
    """1.5 % of the frequency."""
    low, high = tones.DTMF_HZ["D"]
    sound = tones.tone(low * shift, 0.1, 8000, -12) + tones.tone(
        high * shift, 0.1, 8000, -12
    )

    assert found(np.concatenate((sound, silence(400)))) == "D"


@pytest.mark.parametrize(
    "sound",
    [
        tones.tone(697, 0.2, 8000),
        tones.tone(697, 0.2, 8000, -30) + tones.tone(1209, 0.2, 8000, -8),
        tones.dtmf("1", 8000, tone_s=0.015),
        tones.dtmf("1", 8000) // 400,
        tones.tone(733, 0.2, 8000, -12) + tones.tone(1209, 0.2, 8000, -12),
    ],
    ids=["one tone", "too much twist", "too short", "too quiet", "between two"],
)
def test_what_is_no_key_is_none(sound: Samples) -> None:
    """Each fails one of the checks."""
    assert found(sound) == ""


def test_speech_is_no_key() -> None:
    """Nine seconds of a reader."""
    with as_file(files("bridge") / "data" / "speech" / "caller.wav") as path:
        assert found(audio_files.read(path, 8000)) == ""
