"""How loud audio is."""

import numpy as np
import pytest

from bridge.audio.levels import FLOOR_DBFS, peak_dbfs, rms_dbfs, rms_dbfs_of_each
from bridge.audio.pcm import Samples, silence
from bridge.audio.tones import tone


def test_a_full_sine_is_3_db_below_full_scale() -> None:
    """RMS over peak of a sine."""
    sine = tone(1000, 1.0, 8000, 0.0)

    assert rms_dbfs(sine) == pytest.approx(-3.01, abs=0.01)
    assert peak_dbfs(sine) == pytest.approx(0.0, abs=0.01)


@pytest.mark.parametrize("samples", [silence(0), silence(160)], ids=["none", "zeros"])
def test_silence_has_the_floor(samples: Samples) -> None:
    """A number that JSON can carry, not minus infinity."""
    assert rms_dbfs(samples) == FLOOR_DBFS
    assert peak_dbfs(samples) == FLOOR_DBFS


def test_the_most_negative_sample_is_full_scale() -> None:
    """Its magnitude does not overflow."""
    assert peak_dbfs(np.array([-32768], np.int16)) == 0.0


def test_levels_of_many_are_those_of_each() -> None:
    """Loud, quiet, silent, of no length, none."""
    frames = [tone(500, 0.02, 8000, level) for level in (-3.0, -40.0, -80.0)]
    frames += [silence(160), np.full(160, -32768, np.int16)]

    together = rms_dbfs_of_each(frames)

    assert together == pytest.approx([rms_dbfs(frame) for frame in frames], abs=1e-3)
    assert rms_dbfs_of_each([silence(0)]) == [FLOOR_DBFS]
    assert rms_dbfs_of_each([]) == []
