"""Keys as they are heard."""

import numpy as np
import pytest

from bridge.audio import tones
from bridge.engine.key_tones import MOST_KEYS, KeyTones
from bridge.errors import StreamError


def test_keys_wait_for_those_before() -> None:
    """Whatever of them has been heard."""
    keys = KeyTones(8000)
    keys.press("1")
    heard = [keys.take(160) for _ in range(3)]
    keys.press("#2")
    while keys.is_playing:
        heard.append(keys.take(160))
    assert np.array_equal(np.concatenate(heard), tones.dtmf("1#2", 8000))


def test_too_many_are_refused() -> None:
    """And no others: there is room again when some have been heard."""
    keys = KeyTones(8000)
    keys.press("1" * (MOST_KEYS - 1))
    with pytest.raises(StreamError, match="with 2 keys while 299 wait .* are 300"):
        keys.press("23")
    keys.press("4")
    keys.take(1600)
    with pytest.raises(StreamError, match="while 299 wait"):
        keys.press("56")
    keys.press("5")
