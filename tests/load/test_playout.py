"""The far end's queue in continuous time keeps to what the engine's does in ticks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.audio.pcm import silence
from bridge.engine.far_buffer import FarBuffer
from bridge.load.playout import LIMIT_S, Playout

TICK_MS = 20


def test_audio_is_heard_from_the_next_tick_on() -> None:
    playout = Playout(origin_s=10.0)
    assert playout.play(10.001, 0.02)[0] == pytest.approx(10.02)
    assert playout.play(10.021, 0.02)[0] == pytest.approx(10.04)


def test_what_is_late_leaves_a_gap_of_whole_ticks() -> None:
    playout = Playout(0.0)
    playout.play(0.001, 0.02)
    begins_s, gap = playout.play(0.745, 0.02)
    assert begins_s == pytest.approx(0.76)
    assert gap is not None
    assert gap.start_s == pytest.approx(0.04)
    assert gap.length_s == pytest.approx(0.72)


def test_a_lead_is_credited() -> None:
    playout = Playout(0.0)
    playout.play(0.0, 0.2)
    assert playout.play(0.19, 0.02)[1] is None


def test_a_checkpoint_announces_a_pause() -> None:
    playout = Playout(0.0)
    playout.play(0.0, 0.1)
    assert not playout.checkpoint(0.01, "end")
    assert playout.reached(0.09) == []
    assert playout.reached(0.1) == ["end"]
    assert playout.reached(0.2) == []
    assert playout.silent_since(1.0) is None
    assert playout.play(2.0, 0.1)[1] is None


def test_of_an_echo_no_silence_is_meant() -> None:
    playout = Playout(0.0, checkpoints_end_speech=False)
    playout.play(0.0, 0.1)
    playout.checkpoint(0.01, "second")
    assert playout.play(2.0, 0.1)[1] is not None


def test_a_checkpoint_on_an_empty_queue_is_reached_at_once() -> None:
    playout = Playout(0.0)
    assert playout.checkpoint(1.0, "a")


def test_a_clear_drops_all_that_no_tick_has_taken() -> None:
    playout = Playout(0.0)
    playout.play(0.0, 2.0)
    playout.checkpoint(0.0, "never")
    playout.clear(0.505)
    assert playout.ends_s == pytest.approx(0.52)
    assert playout.reached(10.0) == []
    assert playout.play(3.0, 0.1)[1] is None


def test_a_gap_that_is_open_is_told() -> None:
    playout = Playout(0.0)
    assert playout.silent_since(5.0) is None
    playout.play(0.0, 0.1)
    assert playout.silent_since(0.05) is None
    gap = playout.silent_since(0.6)
    assert gap is not None
    assert gap.start_s == pytest.approx(0.1)
    assert gap.length_s == pytest.approx(0.5)
    playout.pause()
    assert playout.silent_since(0.6) is None


def test_a_callers_turn_forgives_one_silence_whenever_it_begins() -> None:
    """A bot that speaks on for a moment, and then is silent for an answer's time."""
    playout = Playout(0.0)
    playout.play(0.0, 0.1)
    playout.pause()
    playout.play(0.09, 0.1)
    assert playout.play(3.0, 0.1)[1] is None
    assert playout.play(6.0, 0.1)[1] is not None


def test_what_does_not_fit_is_dropped() -> None:
    playout = Playout(0.0)
    playout.play(0.0, 90.0)
    assert playout.dropped_s == pytest.approx(90 - LIMIT_S)
    assert playout.ends_s == pytest.approx(LIMIT_S)


EVENTS = st.lists(
    st.tuples(
        st.integers(0, 9),
        st.one_of(
            st.integers(1, 1000).map(lambda count: ("play", count * 4)),
            st.just(("clear", 0)),
            st.just(("checkpoint", 0)),
        ),
    ),
    max_size=40,
)


@given(EVENTS)
def test_it_agrees_with_the_engines_buffer(
    events: list[tuple[int, tuple[str, int]]],
) -> None:
    """The same audio at the same times: the same gaps, and the same end.

    Events happen just before a tick, `after` ticks later than the one before. In the
    middle of one they differ: the engine counts what a tick has taken as played. What
    is cleared before it is heard was a gap for one and is nothing for the other.
    """
    buffer, playout = FarBuffer(round(LIMIT_S * 8000)), Playout(0.0)
    gaps: list[tuple[int, int]] = []
    tick = 0
    for after, (what, count) in events:
        for _ in range(max(after, what == "clear")):
            buffer.take(160)
            tick += 1
        now_s = tick * 0.02
        playout.reached(now_s)
        match what:
            case "play":
                buffer.play(silence(count) + 1)
                _, gap = playout.play(now_s, count / 8000)
                if gap is not None:
                    gaps.append((round(gap.start_s * 8000), round(gap.length_s * 8000)))
            case "clear":
                buffer.clear()
                playout.clear(now_s)
            case "checkpoint":
                buffer.checkpoint("c")
                playout.checkpoint(now_s, "c")
    for _ in range(round(LIMIT_S / 0.02) + 1):
        buffer.take(160)
    holes = [each for each in buffer.dry_spells if not each.was_announced]
    assert gaps == [(each.start_samples, each.samples) for each in holes]
    assert playout.dropped_s * 8000 == pytest.approx(buffer.dropped_samples, abs=161)
