"""What callers say."""

import numpy as np
import pytest

from bridge.audio.pcm import silence
from bridge.audio.tones import tone
from bridge.load.plan import Plan
from bridge.load.sounds import (
    MARK_FRAMES,
    TONE_COUNT,
    Sound,
    make_sounds,
    tone_numbers,
)
from bridge.stream.content_type import CONTENT_TYPES, ContentType

L16 = ContentType("audio/x-l16", 8000)


def test_no_tone_follows_itself_and_no_order_repeats() -> None:
    numbers = tone_numbers()
    assert (np.diff(numbers) != 0).all()
    orders = numbers.reshape(-1, TONE_COUNT)
    assert len(np.unique(orders, axis=0)) == len(orders)
    assert all(sorted(order) == list(range(TONE_COUNT)) for order in orders)


@pytest.mark.parametrize("content_type", CONTENT_TYPES, ids=str)
def test_frames_are_20_ms_of_the_stream(content_type: ContentType) -> None:
    sound = Sound.tones(content_type)
    size = content_type.rate_hz // 50 * content_type.bytes_per_sample
    assert {len(frame.payload) for frame in sound.frames} == {size}
    assert sound.lasts_s == pytest.approx(len(sound) * 0.02)


def test_speech_begins_and_ends_where_it_is_heard() -> None:
    samples = np.concatenate([silence(800), tone(500, 1.0, 8000), silence(1000)])
    sound = Sound(samples, L16)
    assert sound.first_audible_s == pytest.approx(0.1, abs=0.001)
    assert sound.last_audible_s == pytest.approx(1.1, abs=0.001)
    assert len(sound) == 62


def test_marks_are_loud_and_about_a_second_apart() -> None:
    samples = np.concatenate([silence(8000), tone(500, 3.0, 8000)])
    sound = Sound(samples, L16)
    places = [at for at, frame in enumerate(sound.frames) if frame.mark is not None]
    assert len(places) == 3
    assert places[0] >= 50
    assert all(at + MARK_FRAMES <= len(sound) for at in places)
    mark = sound.frames[places[0]].mark
    assert mark is not None
    assert float((mark.samples**2).sum()) == pytest.approx(1.0, rel=1e-3)


def test_a_short_loop_has_no_marks() -> None:
    """Which of its rounds came back could not be told."""
    assert not any(frame.mark for frame in Sound(tone(500, 1.5, 8000), L16).frames)
    assert Sound(tone(500, 3.0, 8000), L16).horizon_s == pytest.approx(2.0)


def test_silence_has_no_marks_and_is_always_there() -> None:
    plan = Plan(url="ws://127.0.0.1:1/")
    sounds = make_sounds(plan, {"x.wav": tone(500, 0.5, 8000)})
    assert set(sounds) == {"tones", "silence", "x.wav"}
    assert sounds["silence"].last_audible_s == 0.0
    assert not any(frame.mark for frame in sounds["silence"].frames)
