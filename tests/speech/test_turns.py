"""Turns, from probabilities window by window."""

import pytest

from bridge.errors import ConfigError
from bridge.speech.turns import (
    SilenceTurns,
    SpeechBegan,
    SpeechPaused,
    SpeechResumed,
    TurnEnded,
    TurnEvent,
    TurnOptions,
)
from bridge.speech.voices import Voice

WINDOW = 256


def events(pattern: str, turns: SilenceTurns, begin: int = 0) -> list[TurnEvent]:
    """What comes of windows: `#` is voice, `.` is none, `:` is between."""
    found: list[TurnEvent] = []
    for place, sign in enumerate(pattern, begin + 1):
        probability = {"#": 0.9, ".": 0.1, ":": 0.4}[sign]
        found += turns.push(Voice(place * WINDOW, probability))
    return found


def test_a_turn_ends_after_silence() -> None:
    """Its end is the end of what was said."""
    found = events("..####..........", SilenceTurns(8000))

    assert found == [
        SpeechBegan(2 * WINDOW),
        SpeechPaused(6 * WINDOW),
        TurnEnded(2 * WINDOW, 6 * WINDOW, 4 * WINDOW),
    ]


def test_a_pause_within_a_turn_ends_nothing() -> None:
    """It is told of, and that it was one."""
    found = events("####......##..........", SilenceTurns(8000))

    assert [type(event) for event in found] == [
        SpeechBegan, SpeechPaused, SpeechResumed, SpeechPaused, TurnEnded
    ]  # fmt: skip
    ended = found[-1]
    assert isinstance(ended, TurnEnded)
    assert (ended.from_samples, ended.until_samples) == (0, 12 * WINDOW)
    assert ended.voiced_samples == 6 * WINDOW


def test_a_click_is_no_turn() -> None:
    """One window of voice is less than it takes."""
    assert events("..#......#.....", SilenceTurns(8000)) == []


def test_a_voice_may_be_softer_once_it_is_there() -> None:
    """What would not begin a turn keeps it going."""
    assert len(events("##::::::::::::", SilenceTurns(8000))) == 1
    assert events("::::::", SilenceTurns(8000)) == []


@pytest.mark.parametrize(
    ("text", "windows"),
    [
        ("My number is", 29),
        ("I would like to", 29),
        ("Well, um,", 29),
        ("My number is five.", 10),
        ("Yes.", 10),
        ("", 10),
    ],
)
def test_words_that_want_to_go_on_are_waited_for(text: str, windows: int) -> None:
    """0.9 s instead of 0.32 s of silence."""
    turns = SilenceTurns(8000)
    events("#####....", turns)
    turns.hint(text)
    silent = 4
    while not events(".", turns, 5 + silent):
        silent += 1
        assert silent < 60
    assert silent + 1 == windows


def test_the_next_turn_is_patient_as_ever() -> None:
    """A hint is for its own turn."""
    turns = SilenceTurns(8000)
    events("#####....", turns)
    turns.hint("and")
    events("##", turns, 9)
    found = events("..........", turns, 11)
    assert isinstance(found[-1], TurnEnded)


@pytest.mark.parametrize(
    "wrong",
    [
        {"pause_s": 0.5, "end_s": 0.3},
        {"end_s": 1.0, "unfinished_s": 0.9},
        {"pause_s": 0.0},
        {"threshold": 1.0},
    ],
)
def test_impatience_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    """The order of the times matters."""
    with pytest.raises(ConfigError):
        TurnOptions(**wrong)


def test_a_voice_without_end_is_ended() -> None:
    """Noise, most likely; what goes on after it is another turn."""
    turns = SilenceTurns(8000, TurnOptions(longest_s=1.0))
    found = events("#" * 40, turns)

    assert [type(event) for event in found] == [SpeechBegan, TurnEnded, SpeechBegan]
    ended = found[1]
    assert isinstance(ended, TurnEnded)
    assert ended.until_samples == 32 * WINDOW
