"""Detectors that need no model."""

import importlib.util
import sys

import numpy as np
import pytest

from bridge.audio.pcm import silence
from bridge.audio.tones import tone
from bridge.errors import ConfigError
from bridge.speech.voices import (
    LevelDetector,
    VoiceDetector,
    WebRtcDetector,
    Windows,
)

needs_webrtc = pytest.mark.skipif(
    importlib.util.find_spec("webrtcvad") is None,
    reason="no webrtcvad is installed: pip install webrtcvad-wheels",
)


def test_windows_are_whole_however_audio_comes() -> None:
    """Nothing is lost, and nothing comes twice."""
    audio = np.arange(1000, dtype=np.int16)
    windows = Windows(256)
    found = []
    for begin in range(0, 1000, 77):
        found += windows.push(audio[begin : begin + 77])
    assert np.array_equal(np.concatenate(found), audio[:768])
    assert [windows.next() for _ in found] == [256, 512, 768]


async def heard(detector: VoiceDetector) -> tuple[float, float]:
    """The mean probability of silence, and of a sound like speech."""
    await detector.load()
    stream = detector.listen(8000)
    quiet = await stream.push(silence(8000))
    loud = await stream.push(tone(300, 0.5, 8000, -20.0))
    return (
        float(np.mean([voice.probability for voice in quiet])),
        float(np.mean([voice.probability for voice in loud])),
    )


async def test_loudness_is_heard_as_a_voice() -> None:
    """And silence is not."""
    quiet, loud = await heard(LevelDetector())
    assert quiet == 0.0
    assert loud > 0.8


@needs_webrtc
async def test_webrtc_tells_silence_from_sound() -> None:
    """At the rates it knows, and no others."""
    detector = WebRtcDetector()
    quiet, _loud = await heard(detector)
    assert quiet == 0.0
    with pytest.raises(ConfigError, match="cannot hear 24000"):
        detector.listen(24000)


def test_without_webrtc_the_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that it can be installed."""
    monkeypatch.setitem(sys.modules, "webrtcvad", None)
    with pytest.raises(ConfigError, match="pip install webrtcvad-wheels"):
        WebRtcDetector()
