"""Moonshine, with its weights, on human speech."""

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from bridge.audio import g711
from bridge.audio.files import read
from bridge.audio.pcm import silence
from bridge.speech import models
from bridge.speech.moonshine import MoonshineRecognizer, offline_recognizer
from tests.speech.needs_local import needs_local


@needs_local
@pytest.mark.slow
@pytest.mark.parametrize("rate_hz", [8000, 16000])
async def test_a_reader_is_understood(rate_hz: int) -> None:
    """Through mu-law, as a telephone has it."""
    path = Path(str(files("bridge") / "data" / "speech" / "caller.wav"))
    heard = g711.ulaw_decode(g711.ulaw_encode(read(path, rate_hz)))
    recognizer = offline_recognizer()
    assert isinstance(recognizer, MoonshineRecognizer)
    await recognizer.load()
    text = (await recognizer.recognize(heard, rate_hz)).lower()
    for words in ("young man", "rather cold", "rather selfish"):
        assert words in text


@needs_local
@pytest.mark.slow
async def test_what_is_no_speech_is_no_text() -> None:
    """A moment of it, or none."""
    recognizer = MoonshineRecognizer()
    assert await recognizer.recognize(silence(100), 8000) == ""
    assert await recognizer.recognize(np.zeros(0, np.int16), 8000) == ""


def test_without_it_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which the engine says when it is asked to transcribe."""
    monkeypatch.setattr(models, "is_installed", lambda _name: False)
    assert offline_recognizer() is None
