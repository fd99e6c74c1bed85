"""Marks are found where they are, whatever happened to them, and only there."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.audio.codecs import CODECS, L16, ULAW
from bridge.audio.pcm import Samples, saturate, silence
from bridge.audio.resampling import resample
from bridge.load.ear import Ear, are_tones, recognize
from bridge.load.sounds import MARK_FRAMES, Mark, Sound, tone_numbers
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
        ear.hear([L16.encode(part)], [came_s], [came_s + 0.06])
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


@pytest.mark.parametrize("shift", [0.0, 0.3, 0.5, 2.0, 160.0, -160.0, 3.0, 700.0])
def test_a_mark_where_it_should_be_is_found_as_everywhere(shift: float) -> None:
    """Looking just there finds the same place as looking through all."""
    mark = a_mark()
    times = np.arange(len(AUDIO)) - shift
    moved = np.interp(times, np.arange(len(AUDIO)), AUDIO).astype(np.int16)
    ear, begin = listening(moved), mark.frame * 160 - 400
    there, anywhere = ear.find(mark, begin, 400), ear.find(mark, begin)
    assert there is not None
    assert anywhere is not None
    assert there.first == pytest.approx(anywhere.first, abs=1e-3)
    assert there.first == pytest.approx(mark.frame * 160 + shift, abs=0.2)


def test_a_periodic_mark_is_no_mark_that_is_sure() -> None:
    """Of a voice or a whistle, each period looks like the one before."""
    whistle = np.sin(np.arange(MARK_FRAMES * 160) * 0.5).astype(np.float32)
    assert not Mark(0, whistle / np.sqrt((whistle**2).sum())).is_unlike_itself
    assert all(frame.mark.is_unlike_itself for frame in SOUND.frames if frame.mark)


def test_any_stretch_can_be_had_of_messages_of_any_length() -> None:
    ear, rng = Ear(L16, 8000, 20.0), np.random.default_rng(4)
    cuts = np.sort(rng.integers(0, len(AUDIO), 300))
    parts = [L16.encode(part) for part in np.split(AUDIO, cuts) if len(part)]
    ear.hear(parts, [0.0] * len(parts), [0.0] * len(parts))
    for first, until in rng.integers(0, len(AUDIO) + 100, (200, 2)).tolist():
        assert (ear.since(first, until) == AUDIO[first:until]).all()
    assert len(ear.since(5, 5)) == len(ear.since(ear.count)) == 0


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


@pytest.mark.parametrize("encoding", ["audio/x-l16", "audio/x-mulaw"])
def test_tones_that_are_expected_are_seen_at_a_glance(encoding: str) -> None:
    codec = CODECS[encoding]
    assert are_tones(codec.decode(codec.encode(AUDIO)), 8000, tone_numbers())


@pytest.mark.parametrize("place", [0, 7, 49])
def test_one_frame_that_is_not_as_expected_is_seen(place: int) -> None:
    numbers, frames = tone_numbers()[:50], AUDIO[:8000].reshape(50, 160)
    for other in (silence(160), frames[(place + 1) % 50], frames[place] // 2 + 6000):
        spoiled = frames.copy()
        spoiled[place] = other
        assert not are_tones(spoiled.ravel(), 8000, numbers)


@given(st.integers(0, 2**32), st.floats(0, 20_000))
def test_a_glance_never_takes_for_a_tone_what_is_none(seed: int, noise: float) -> None:
    """Where it says yes, looking closely finds the same."""
    rng = np.random.default_rng(seed)
    heard = saturate(AUDIO[:1600] + rng.normal(0, noise, 1600))
    # The highest frequency of all counts half in one of them.
    heard[::2] = saturate(heard[::2].astype(np.int32) + int(noise))
    heard[1::2] = saturate(heard[1::2].astype(np.int32) - int(noise))
    numbers = tone_numbers()[:10]
    if are_tones(heard, 8000, numbers):
        assert (recognize(heard, 8000) == numbers).all()
