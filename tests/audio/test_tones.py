"""Beeps and keys, made."""

import numpy as np
import pytest

from bridge.audio.levels import peak_dbfs
from bridge.audio.tones import DTMF_HZ, beep, dtmf, tone


def test_a_tone_has_its_frequency_length_and_level() -> None:
    """All three as asked."""
    sound = tone(1000, 0.5, 8000, -12.0)

    assert len(sound) == 4000
    assert int(np.abs(np.fft.rfft(sound)).argmax()) == 500
    assert peak_dbfs(sound) == pytest.approx(-12.0, abs=0.1)


def test_two_beeps_are_two_sounds_with_a_gap() -> None:
    """0.2 s, 0.1 s, 0.2 s, and no click at either end."""
    sound = beep(2, 8000)

    assert len(sound) == 4000
    assert not sound[1600:2400].any()
    assert abs(int(sound[0])) < 100
    assert len(beep(0, 8000)) == 0


def test_a_key_is_its_two_frequencies() -> None:
    """As Q.23 has them."""
    sound = dtmf("5", 8000, tone_s=1.0, gap_s=0.0)

    spectrum = np.abs(np.fft.rfft(sound))
    assert sorted(int(hz) for hz in spectrum.argsort()[-2:]) == sorted(DTMF_HZ["5"])


def test_what_is_no_key_is_refused() -> None:
    """With what would be one."""
    with pytest.raises(ValueError, match="no key 'x': allowed are 0-9"):
        dtmf("1x", 8000)
