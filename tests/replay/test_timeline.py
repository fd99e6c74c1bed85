"""A capture for people to read."""

import pytest

from bridge.audio.pcm import silence
from bridge.audio.tones import tone
from bridge.capture import Record, SocketEvent
from bridge.replay import figures, moments
from bridge.stream import messages
from tests.replay.made import (
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


def test_it_tells_what_happened_in_order() -> None:
    """Start, keys, speech, clears, the end."""
    told = moments(
        story(
            quiet(0, 1),
            speech(1, 1),
            quiet(2, 2),
            got(0.5, messages.Dtmf(dtmf=messages.DtmfBody(digit="7"))),
            spoke(2.5, tone(300, 2.0, 8000)),
            sent(3.0, messages.ClearAudio()),
            sent(3.2, messages.SendDtmf(dtmf="1#")),
            closed(4.0),
        )
    )

    assert [(round(each.at_s, 1), each.who, each.what.split()[0]) for each in told] == [
        (0.0, "line", "start:"),
        (0.5, "caller", "presses"),
        (1.0, "caller", "speaks"),
        (2.5, "bot", "speaks"),
        (3.0, "bot", "clears:"),
        (3.2, "bot", "presses"),
        (4.0, "line", "the"),
        (4.0, "line", "end"),
    ]


def test_it_tells_of_gaps_and_holes() -> None:
    """What makes audio choppy, in both directions."""
    told = story(
        quiet(0, 1),
        quiet(1.3, 1),
        spoke(0.0, tone(300, 0.2, 8000)),
        spoke(0.3, tone(300, 0.2, 8000)),
        Record(0.5, event=SocketEvent.PAUSED),
        Record(0.6, event=SocketEvent.RESUMED),
        closed(3.0),
    )

    words = [each.what for each in moments(told)]

    assert any("no frame came for 320 ms" in each for each in words)
    assert any("ran dry for 100 ms" in each for each in words)
    assert any("does not read" in each for each in words)


def test_it_tells_of_acknowledgements_that_are_late_or_never_come() -> None:
    """Those in time are only counted."""
    told = story(
        spoke(0.0, tone(300, 0.5, 8000)),
        *(sent(0.0, messages.Checkpoint(name=name)) for name in ("a", "b", "c")),
        played(0.52, "a"),
        played(1.5, "b"),
        closed(3.0),
    )

    words = [each.what for each in moments(told)]

    assert not any("'a'" in each for each in words)
    assert any("'b'" in each and "after it was played" in each for each in words)
    assert any("never acknowledges 'c'" in each for each in words)
    numbers = figures(told)
    assert (numbers["checkpoints"], numbers["checkpoints_acknowledged"]) == (3, 2)


def test_it_tells_what_numbers_give_away() -> None:
    """Frames lost before they came to us."""
    told = story(said(0.0, silence(160), 1), said(0.02, silence(160), 4), closed(1.0))

    assert any("audio missing" in each.what for each in moments(told))
    assert figures(told)["numbering_audio_missing"] == 1


def test_terminals_are_not_obeyed() -> None:
    """Whatever the far end says of itself."""
    told = story(
        got(0.5, messages.Stop(reason="\x1b[2Jgone")),
        sent(0.5, messages.Checkpoint(name="\x1b[2J")),
        Record(0.9, event=SocketEvent.CLOSED, code=1000, text="\x1b]0;x"),
        ended(1.0),
    )

    assert all(each.what.isprintable() for each in moments(told))


def test_a_steady_line_has_good_figures() -> None:
    """Nothing late, nothing missing."""
    numbers = figures(story(quiet(0, 5), closed(5.0)))

    assert numbers["frames_received"] == 250
    assert numbers["audio_received_s"] == 5.0
    assert numbers["late_most_ms"] <= 1
    assert numbers["interval_p50_ms"] == pytest.approx(20)
    assert numbers["gaps_in_arrival"] == 0
    assert numbers["underruns"] == 0


def test_jitter_shows_in_the_figures() -> None:
    """One frame of ten comes 50 ms late."""
    records = [
        said(round(n * 0.02 + (0.05 if n % 10 == 5 else 0.0), 3), silence(160))
        for n in range(250)
    ]

    numbers = figures(story(records, closed(6.0)))

    assert numbers["late_p50_ms"] <= 1
    assert numbers["late_p99_ms"] >= 20
    assert numbers["interval_most_ms"] == pytest.approx(60, abs=30)


def test_drift_is_no_jitter() -> None:
    """A far clock that is off by 100 ppm, for ten minutes."""
    records = [said(n * 0.02 * 1.0001, silence(160)) for n in range(30_000)]

    assert figures(story(records, closed(601.0)))["late_p99_ms"] <= 2


def test_a_call_without_sound_has_figures() -> None:
    """All zero."""
    numbers = figures(story(closed(1.0)))

    assert numbers["frames_received"] == 0
    assert numbers["late_p99_ms"] == 0
