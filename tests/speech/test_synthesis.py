"""Text to speech."""

import importlib.util
import os
import sys

import numpy as np
import pytest

from bridge.audio.levels import peak_dbfs, rms_dbfs
from bridge.errors import ConfigError
from bridge.speech import synthesis
from bridge.speech.synthesis import Hibari

needs_voice = pytest.mark.skipif(
    importlib.util.find_spec("hibari") is None and not os.environ.get("CI"),
    reason="no voice is installed: pip install 'mpc-bridge[local]'",
)


@needs_voice
@pytest.mark.slow
async def test_a_text_is_spoken() -> None:
    """At the rate that is wanted, loud enough, and the same each time."""
    voice = synthesis.offline()
    assert voice is not None

    said = await voice.speak("Hello, how are you? I am fine.", 8000)

    assert said.dtype == np.int16
    assert 1.0 < len(said) / 8000 < 6.0
    assert peak_dbfs(said) > -10.0
    assert rms_dbfs(said) > -30.0
    again = await voice.speak("Hello, how are you? I am fine.", 8000)
    assert np.array_equal(said, again)


@needs_voice
@pytest.mark.slow
async def test_what_cannot_be_said_is_silence() -> None:
    """Of no length."""
    for text in ("", "🎉"):
        assert len(await Hibari().speak(text, 16000)) == 0


def test_without_a_voice_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """And `offline` says that there is none."""
    monkeypatch.setitem(sys.modules, "hibari", None)
    with pytest.raises(ConfigError, match=r"mpc-bridge\[local\]"):
        Hibari()
    assert synthesis.offline() is None
