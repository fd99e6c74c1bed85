"""What a capture tells."""

import pytest

from bridge.audio.pcm import silence
from bridge.audio.tones import tone
from bridge.capture import Capture, Header, Record
from bridge.capture.format import message
from bridge.errors import ConfigError
from bridge.replay import Story
from bridge.stream import messages
from tests.replay.made import (
    capture,
    closed,
    ended,
    got,
    played,
    quiet,
    said,
    sent,
    speech,
    spoke,
    story,
)


def test_it_knows_who_spoke_when() -> None:
    """The caller by arrival, us by what the far end has played."""
    told = story(
        quiet(0, 1),
        speech(1, 1),
        quiet(2, 3),
        spoke(2.5, tone(300, 0.5, 8000)),
        spoke(2.5, tone(300, 0.5, 8000)),
        closed(5.0),
    )

    (theirs,) = told.caller_spans
    assert (theirs.begins_s, theirs.ends_s) == pytest.approx((1.0, 2.0), abs=0.03)
    (ours,) = told.our_spans
    assert (ours.begins_s, ours.ends_s) == pytest.approx((2.5, 3.5), abs=0.03)
    assert len(told.heard) == pytest.approx(5.0 * 8000, abs=160)


def test_frames_of_any_length_are_speech() -> None:
    """50 ms, as some send."""
    samples = tone(440, 1.0, 8000)
    records = [said(at / 8000, samples[at : at + 400]) for at in range(0, 8000, 400)]

    (span,) = story(records, closed(2.0)).caller_spans

    assert (span.begins_s, span.ends_s) == pytest.approx((0.0, 1.0), abs=0.05)


def test_what_was_cleared_was_not_heard() -> None:
    """But for what was played before."""
    told = story(
        spoke(0.0, tone(300, 2.0, 8000)), sent(0.5, messages.ClearAudio()), closed(3.0)
    )

    ((at_s, dropped_s),) = told.cleared
    assert at_s == 0.5
    assert dropped_s == pytest.approx(1.5, abs=0.03)
    (span,) = told.our_spans
    assert span.ends_s == pytest.approx(0.5, abs=0.05)


def test_acknowledgements_are_measured_against_playing() -> None:
    """Late by the line; or never."""
    told = story(
        spoke(0.0, tone(300, 1.0, 8000)),
        sent(0.0, messages.Checkpoint(name="1")),
        sent(0.0, messages.Checkpoint(name="2")),
        played(1.2, "1"),
        sent(2.0, messages.Checkpoint(name="3")),
        sent(2.0, messages.ClearAudio()),
        closed(3.0),
    )

    first, second, third = told.acks
    assert first.due_s == pytest.approx(1.0, abs=0.03)
    assert first.late_s == pytest.approx(0.2, abs=0.03)
    assert second.came_s is None
    assert second.late_s is None
    assert third.due_s == 2.0
    assert told.line_s == first.late_s


def test_holes_in_our_speech_are_the_far_buffer_s() -> None:
    """A frame late is a hole; a pause behind a checkpoint is none."""
    told = story(
        spoke(0.0, tone(300, 0.2, 8000)),
        spoke(0.3, tone(300, 0.2, 8000)),
        sent(0.3, messages.Checkpoint(name="1")),
        spoke(1.3, tone(300, 0.2, 8000)),
        closed(3.0),
    )

    holes = [each for each in told.buffer.dry_spells if not each.was_announced]
    assert len(holes) == 1
    assert holes[0].samples == pytest.approx(800, abs=160)


def test_what_is_no_message_is_counted_for_its_side() -> None:
    """And passed over."""
    told = story(
        message(0.5, b"nonsense", is_received=True),
        message(0.6, b"\xff", is_received=True),
        message(0.7, b'{"event":"playAudio"}', is_received=False),
        got(0.8, messages.Dtmf(dtmf=messages.DtmfBody(digit="1"))),
        closed(1.0),
    )

    assert (told.received_errors, told.sent_errors) == (2, 1)
    assert len(told.received) == 2


def test_it_counts_what_we_sent() -> None:
    """By kind; with our keys, and our audio as it was coded."""
    told = story(
        spoke(0.1, silence(160)),
        sent(0.2, messages.SendDtmf(dtmf="12")),
        sent(0.3, messages.SendDtmf(dtmf="#")),
        closed(1.0),
    )

    assert told.sent_kinds == {"playAudio": 1, "sendDTMF": 2}
    assert told.sent_digits == "12#"
    assert told.sent_audio == bytes(320)


def test_the_end_has_a_side() -> None:
    """Ours has a code; a capture that breaks off has none."""
    assert story(closed(1.0)).end is not None
    assert "far end" in str(getattr(story(closed(1.0)).end, "who", ""))
    assert "1011" in str(getattr(story(ended(1.0, 1011)).end, "who", ""))
    assert story(quiet(0, 1)).end is None


def test_without_a_start_there_is_no_call() -> None:
    """Nor in one whose audio nobody knows."""
    with pytest.raises(ConfigError, match="without a start"):
        Story(Capture(Header(), [Record(0.0, received="{}")]))
    with pytest.raises(ConfigError, match="without a start"):
        Story(Capture(Header(), []))
    assert Story(capture()).end_s == 0.0
