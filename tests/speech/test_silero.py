"""Silero's detector, with its weights."""

import asyncio
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bridge.audio.files import read
from bridge.audio.pcm import Samples, saturate, silence
from bridge.errors import ConfigError
from bridge.speech import silero
from bridge.speech.silero import SileroDetector
from bridge.speech.turns import SilenceTurns, TurnEvent
from bridge.speech.urgency import Urgency
from bridge.speech.voices import Voice, VoiceStream
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


FRAME = 160


def conversation(noise: float) -> Samples:
    """Speech between silences, over a line with noise of some standard deviation."""
    path = Path(str(files("bridge") / "data" / "speech" / "caller.wav"))
    whole = [silence(12000), read(path, 8000), silence(12000), speech(8000)]
    clean = np.concatenate([*whole, silence(8000)])
    hum = np.random.default_rng(3).normal(0, noise, len(clean))
    return saturate(clean * 0.5 + hum)


async def heard_and_told(
    stream: VoiceStream, samples: Samples
) -> tuple[list[Voice], list[tuple[int, TurnEvent]]]:
    """What is heard in audio, and in which of its frames each event is known."""
    turns = SilenceTurns(8000)
    voices, events = [], []
    for begin in range(0, len(samples) - FRAME + 1, FRAME):
        for voice in await stream.push(samples[begin : begin + FRAME]):
            voices.append(voice)
            events += [(begin, event) for event in turns.push(voice)]
    return voices, events


@pytest.mark.parametrize("noise", [0, 16, 100, 400])
async def test_windows_that_wait_change_no_turn(
    noise: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor when it is known to begin, to pause and to end: to the frame."""
    monkeypatch.setattr(silero, "TICK_S", 0.0)
    samples = conversation(noise)
    detector = SileroDetector()
    patient = detector.listen(8000)
    voices, events = await heard_and_told(patient, samples)
    with monkeypatch.context() as impatient:
        impatient.setattr(Urgency, "presses", lambda _self, _window: True)
        expected = await heard_and_told(detector.listen(8000), samples)

    assert events == expected[1]
    assert len(events) >= 4
    # The last ones may still wait.
    assert len(expected[0]) - silero.MOST_WAITING < len(voices) <= len(expected[0])
    for voice, at_once in zip(voices, expected[0], strict=False):
        assert voice.until_samples == at_once.until_samples
        assert voice.probability == pytest.approx(at_once.probability, abs=1e-4)


async def test_silent_callers_cost_few_runs_of_the_model(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A window each 32 ms of each of 16 callers: ten batches a second for all."""
    sizes: list[int] = []

    def counted(session: Any, windows: list[list[Any]], *rest: Any) -> Any:
        sizes.append(sum(map(len, windows)))
        return look(session, windows, *rest)

    look = silero._look
    monkeypatch.setattr(silero, "_look", counted)
    detector = SileroDetector()
    streams = [detector.listen(8000) for _ in range(16)]
    for _ in range(100):
        await asyncio.gather(*(stream.push(silence(FRAME)) for stream in streams))
    assert sum(sizes) >= 16 * 60
    assert len(sizes) <= 25


async def test_who_is_looked_at_with_others_fails_with_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Once; what comes after is heard."""

    def broken(*_arguments: Any) -> Any:
        raise RuntimeError("out of memory")

    detector = SileroDetector()
    talker, quiet = detector.listen(8000), detector.listen(8000)
    assert await quiet.push(silence(256)) == []
    with monkeypatch.context() as failing:
        failing.setattr(silero, "_look", broken)
        with pytest.raises(RuntimeError, match="out of memory"):
            await talker.push(speech(8000)[4000:8000])
    with pytest.raises(RuntimeError, match="out of memory"):
        await quiet.push(silence(256))
    assert len(await talker.push(speech(8000)[8000:12000])) > 10


async def test_other_rates_are_refused() -> None:
    """They say which there are."""
    with pytest.raises(ConfigError, match="8000 or 16000"):
        SileroDetector().listen(24000)
