"""Marks are found where they are, whatever happened to them, and only there."""

import numpy as np
import pytest

from bridge.audio.codecs import CODECS, L16, ULAW
from bridge.audio.pcm import Samples, saturate, silence
from bridge.audio.resampling import resample
from bridge.load.ear import Ear, recognize
from bridge.load.sounds import Mark, Sound, tone_numbers
from bridge.stream.content_type import ContentType

TYPE = ContentType("audio/x-l16", 8000)
SOUND = Sound.tones(TYPE)
AUDIO = np.concatenate([L16.decode(frame.payload) for frame in SOUND.frames])


def a_mark(number: int = 2) -> Mark:
    return [frame.mark for frame in SOUND.frames if frame.mark is not None][number]


def listening(samples: Samples, keep_s: float = 20.0) -> Ear:
    """Hears frames that came every 20 ms from 100 s on, played 60 ms later."""
    ear = Ear(L16, 8000, keep_s)
    for at in range(len(samples) // 160):
        came_s = 100 + at * 0.02
        part = samples[at * 160 : (at + 1) * 160]
        ear.hear(L16.encode(part), came_s, came_s + 0.06)
    return ear


@pytest.mark.parametrize("shift", [0, 1, 160, 1234])
def test_it_is_found_to_the_sample(shift: int) -> None:
    mark = a_mark()
    found = listening(np.concatenate([silence(shift), AUDIO])).find(mark, 0)
    assert found is not None
    assert found.first == pytest.approx(shift + mark.frame * 160, abs=0.05)
    assert found.came_s == pytest.approx(100 + found.first / 8000, abs=1e-6)
    assert found.heard_s == pytest.approx(found.came_s + 0.06)


@pytest.mark.parametrize("rate_hz", [16000, 24000, 48000])
def test_it_is_found_after_resampling(rate_hz: int) -> None:
    """There and back; what comes out is late by what the filters take."""
    there = resample(resample(AUDIO, 8000, rate_hz), rate_hz, 8000)
    mark = a_mark()
    found = listening(there).find(mark, 0)
    assert found is not None
    assert abs(found.first - mark.frame * 160) < 40


def test_it_is_found_in_noise_quieter_and_through_mulaw() -> None:
    noise = np.random.default_rng(1).normal(0, 800, len(AUDIO))
    spoiled = ULAW.decode(ULAW.encode(saturate(AUDIO * 0.4 + noise)))
    mark = a_mark()
    found = listening(spoiled).find(mark, 0)
    assert found is not None
    assert found.first == pytest.approx(mark.frame * 160, abs=1)


def test_nothing_is_found_where_it_is_not() -> None:
    noise = np.random.default_rng(2).normal(0, 3000, 40_000).astype(np.int16)
    mark = a_mark()
    assert listening(noise).find(mark, 0) is None
    assert listening(silence(8000)).find(mark, 0) is None
    assert listening(silence(100)).find(mark, 0) is None
    cut = AUDIO.copy()
    cut[mark.frame * 160 : (mark.frame + 12) * 160] = 0
    assert listening(cut).find(mark, 0) is None


def test_a_likely_place_is_no_more_than_that() -> None:
    mark = a_mark()
    first = mark.frame * 160
    ear = listening(AUDIO)
    for likely in (0, first, first + 300, 60_000):
        found = ear.find(mark, 0, likely)
        assert found is not None
        assert found.first == pytest.approx(first, abs=0.05)


def test_what_is_old_is_forgotten_and_the_rest_keeps_its_numbers() -> None:
    mark = [frame.mark for frame in SOUND.frames if frame.mark is not None][-1]
    ear = listening(AUDIO, keep_s=2.0)
    ear.forget()
    assert len(ear.since(0)) == 16_000
    found = ear.find(mark, 0)
    assert found is not None
    assert found.first == pytest.approx(mark.frame * 160, abs=0.05)
    assert found.came_s == pytest.approx(100 + found.first / 8000, abs=1e-6)


@pytest.mark.parametrize("encoding", ["audio/x-l16", "audio/x-mulaw"])
def test_each_frame_of_tones_is_recognized(encoding: str) -> None:
    codec = CODECS[encoding]
    numbers = recognize(codec.decode(codec.encode(AUDIO)), 8000)
    assert (numbers == tone_numbers()).all()


def test_noise_and_silence_are_no_tones() -> None:
    noise = np.random.default_rng(3).normal(0, 3000, 16_000).astype(np.int16)
    assert (recognize(noise, 8000) == -1).mean() > 0.95
    assert (recognize(silence(1600), 8000) == -1).all()
