"""Plivo's playback queue."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bridge.audio.pcm import Samples
from bridge.engine.far_buffer import DrySpell, FarBuffer


def ramp(begin: int, count: int) -> Samples:
    return np.arange(begin, begin + count).astype(np.int16)


def test_audio_is_played_in_order_and_padded() -> None:
    """What is missing is silence."""
    buffer = FarBuffer(1000)
    buffer.play(ramp(1, 3))
    buffer.play(ramp(4, 3))

    assert buffer.take(4)[0].tolist() == [1, 2, 3, 4]
    assert buffer.take(4)[0].tolist() == [5, 6, 0, 0]
    assert buffer.played_samples == 6


def test_a_checkpoint_is_reached_when_all_before_it_is_played() -> None:
    """Not a tick earlier; in order; on an empty queue at once."""
    buffer = FarBuffer(1000)

    assert buffer.checkpoint("now")
    buffer.play(ramp(0, 160))
    assert not buffer.checkpoint("first")
    buffer.play(ramp(0, 1))
    buffer.checkpoint("second")

    assert buffer.take(160)[1] == ["first"]
    assert buffer.take(160)[1] == ["second"]


def test_a_clear_drops_audio_and_checkpoints() -> None:
    """They are never acknowledged."""
    buffer = FarBuffer(1000)
    buffer.play(ramp(1, 200))
    buffer.checkpoint("lost")
    buffer.take(10)

    buffer.clear()

    heard, reached = buffer.take(160)
    assert not heard.any()
    assert reached == []
    assert buffer.queued_samples == 0
    assert buffer.checkpoint("next")


def test_what_does_not_fit_is_dropped() -> None:
    """And counted."""
    buffer = FarBuffer(100)

    assert buffer.play(ramp(0, 90))
    assert not buffer.play(ramp(0, 30))
    assert buffer.dropped_samples == 20
    assert buffer.queued_samples == 100

    assert not buffer.play(ramp(0, 7))
    assert buffer.dropped_samples == 27
    assert buffer.queued_samples == 100


def test_a_hole_in_speech_is_measured() -> None:
    """From the sample it begins to the sample it ends."""
    buffer = FarBuffer(1000)
    buffer.play(ramp(1, 100))
    buffer.take(160)
    buffer.take(160)
    buffer.play(ramp(1, 160))
    buffer.take(160)

    assert buffer.dry_spells == [DrySpell(100, 220, was_announced=False)]


def test_a_hole_behind_a_checkpoint_is_a_pause() -> None:
    """Whoever marks the end of what they say, says it was the end."""
    buffer = FarBuffer(1000)
    for _ in range(2):
        buffer.play(ramp(1, 100))
        buffer.checkpoint("end")
        buffer.take(160)
    buffer.play(ramp(1, 100))
    buffer.take(160)
    buffer.play(ramp(1, 160))
    buffer.take(160)

    announced = [spell.was_announced for spell in buffer.dry_spells]
    assert announced == [True, True, False]


def test_silence_before_speech_and_after_a_clear_is_no_hole() -> None:
    """Nobody misses what was not to come."""
    buffer = FarBuffer(1000)
    buffer.take(160)
    buffer.play(ramp(1, 200))
    buffer.take(160)
    buffer.clear()
    buffer.take(160)
    buffer.play(ramp(1, 160))
    buffer.take(160)

    assert buffer.dry_spells == []


@given(
    steps=st.lists(
        st.one_of(
            st.integers(1, 500).map(lambda n: ("play", n)),
            st.integers(1, 300).map(lambda n: ("take", n)),
            st.just(("mark", 0)),
        ),
        max_size=40,
    )
)
def test_nothing_is_lost_and_acks_are_true(steps: list[tuple[str, int]]) -> None:
    """Played and queued are what was put in; each ack comes when its audio is out."""
    buffer = FarBuffer(10**6)
    put = 0
    marks: dict[str, int] = {}
    for number, (what, count) in enumerate(steps):
        if what == "play":
            put += count
            buffer.play(ramp(0, count))
        elif what == "take":
            _heard, reached = buffer.take(count)
            assert all(marks.pop(name) <= buffer.played_samples for name in reached)
        elif not buffer.checkpoint(str(number)):
            marks[str(number)] = put
        assert buffer.played_samples + buffer.queued_samples == put
    _heard, reached = buffer.take(10**5)
    assert set(reached) == set(marks)
