"""Silero's detector, with its weights."""

import asyncio
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from bridge.audio.files import read
from bridge.audio.pcm import Samples, silence
from bridge.errors import ConfigError
from bridge.speech.silero import SileroDetector
from tests.speech.needs_local import needs_local

pytestmark = [needs_local, pytest.mark.slow]


def speech(rate_hz: int) -> Samples:
    path = Path(str(files("bridge") / "data" / "speech" / "caller.wav"))
    return read(path, rate_hz)[: 3 * rate_hz]


@pytest.mark.parametrize("rate_hz", [8000, 16000])
async def test_speech_is_told_from_silence_and_noise(rate_hz: int) -> None:
    """At both rates it knows; windows are counted in samples."""
    detector = SileroDetector()
    await detector.load()
    stream = detector.listen(rate_hz)
    noise = np.random.default_rng(1).normal(0, 200, rate_hz).astype(np.int16)

    async def heard(samples: Samples) -> list[float]:
        return [voice.probability for voice in await stream.push(samples)]

    assert max(await heard(silence(rate_hz))) < 0.3
    assert float(np.mean(await heard(noise))) < 0.3
    assert float(np.mean(await heard(speech(rate_hz)))) > 0.6
    last = (await stream.push(silence(rate_hz)))[-1]
    window = rate_hz * 32 // 1000
    assert last.until_samples == 6 * rate_hz // window * window


async def test_callers_heard_together_are_heard_as_alone() -> None:
    """A batch mixes nobody's state with another's."""
    detector = SileroDetector()
    talker, quiet, alone = (detector.listen(8000) for _ in range(3))
    frames = [speech(8000)[begin : begin + 160] for begin in range(0, 8000, 160)]
    expected = [voice for frame in frames for voice in await alone.push(frame)]

    together = []
    for frame in frames:
        voices, nothing = await asyncio.gather(
            talker.push(frame), quiet.push(silence(160))
        )
        together += voices
        assert all(voice.probability < 0.3 for voice in nothing)

    assert [v.probability for v in together] == pytest.approx(
        [v.probability for v in expected], abs=1e-4
    )


async def test_other_rates_are_refused() -> None:
    """They say which there are."""
    with pytest.raises(ConfigError, match="8000 or 16000"):
        SileroDetector().listen(24000)
