"""Flite, the command."""

import shutil

import numpy as np
import pytest

from bridge.errors import ConfigError, ServiceError
from bridge.speech.flite import FliteVoice
from tests.needs import needs

pytestmark = needs(shutil.which("flite"), "flite: apt-get install flite")


async def test_a_text_is_spoken() -> None:
    """As a whole, with guessed places of its words."""
    (speech,) = [each async for each in FliteVoice().speak("Hello there.", 8000)]
    assert 0.4 < len(speech.samples) / 8000 < 3.0
    assert int(np.abs(speech.samples).max()) > 2000
    assert [word.text for word in speech.words] == ["Hello", "there."]


async def test_what_is_no_text_is_nothing() -> None:
    """And a voice that is not there, an error."""
    assert [each async for each in FliteVoice().speak("...", 8000)] == []


async def test_what_fails_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command is not there, or does not do its work."""
    voice = FliteVoice()
    voice._command = ["/bin/false"]
    with pytest.raises(ServiceError, match="flite"):
        [each async for each in voice.speak("Hello.", 8000)]
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ConfigError, match="apt-get install flite"):
        FliteVoice()
