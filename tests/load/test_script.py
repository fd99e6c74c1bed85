"""What a caller does, tick by tick, in time that the test makes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from bridge.audio.pcm import silence
from bridge.audio.tones import tone
from bridge.load.audible import Audible
from bridge.load.caller_plan import CallerPlan, Drop, HangUp, Reconnect
from bridge.load.figures import Tally
from bridge.load.plan import Plan
from bridge.load.record import Record
from bridge.load.script import Leave, Script
from bridge.load.sounds import make_sounds

TICK_S = 0.02
ASKS: list[dict[str, Any]] = [
    {"do": "say", "audio": "hello.wav"},
    {"do": "listen"},
]
SPEECH = tone(500, 1.0, 8000)


class Stage:
    """A caller and a bot of whom it is known when they are heard."""

    def __init__(self, steps: Sequence[dict[str, Any]], **plan: Any) -> None:
        caller = CallerPlan.model_validate({"script": steps, **plan})
        whole = Plan(url="ws://127.0.0.1:1/", callers=(caller,))
        spoken = np.concatenate([SPEECH, silence(160 * 5)])
        sounds = make_sounds(whole, {"hello.wav": spoken})
        self.record = Record(0, "caller", Tally(), 0.0)
        self.audible = Audible(8000)
        self.keys: list[tuple[float, str]] = []
        self.spoke: list[float] = []
        self.script = Script(caller, sounds, self.record, 0)
        self.script.audible = self.audible
        self.script.press = lambda key: self.keys.append((self.now_s, key))
        self.script.begin_to_speak = lambda: self.spoke.append(self.now_s)
        self.silent = sounds["silence"].unmarked[0]
        self.acts = self.script.acts()
        self.now_s = 0.0
        self.said: list[bool] = []

    def bot_speaks(self, at_s: float, seconds: float) -> None:
        self.audible.hear(tone(700, seconds, 8000), at_s)

    def play(self, seconds: float) -> Leave | None:
        """Let time pass; how the caller left, if they did."""
        for _ in range(round(seconds / TICK_S)):
            self.now_s += TICK_S
            self.script.now_s = self.now_s
            act = next(self.acts, None)
            if act is None:
                return Leave(HangUp())
            if isinstance(act, Leave):
                return act
            self.said.append(act is not self.silent)
        return None

    def ms(self, name: str) -> list[float]:
        return [round(value) for value in self.record.times_ms.get(name, [])]


def test_response_is_from_the_last_sound_to_the_first() -> None:
    """The caller's file ends with 100 ms of silence, which are the bot's already."""
    stage = Stage(ASKS, rounds=1)
    stage.bot_speaks(1.6, 2.0)
    left = stage.play(10.0)
    assert left == Leave(HangUp())
    assert stage.ms("response_ms") == [600]
    assert stage.now_s == pytest.approx(3.6 + 0.8, abs=0.06)
    assert sum(stage.said) == 55


def test_no_answer_counts_with_the_time_waited() -> None:
    steps: list[dict[str, Any]] = [
        {"do": "say", "audio": "hello.wav"},
        {"do": "listen", "timeout_s": 4.0},
    ]
    stage = Stage(steps, rounds=1)
    stage.play(10.0)
    (waited_ms,) = stage.ms("response_ms")
    assert waited_ms == pytest.approx(4100, abs=41)
    assert stage.record.counts["unanswered"] == 1


def test_a_bot_that_speaks_already_gives_no_answer() -> None:
    stage = Stage(ASKS, rounds=1)
    stage.bot_speaks(0.5, 3.0)
    stage.play(10.0)
    assert stage.record.counts["spoken_over"] == 1
    assert stage.ms("response_ms") == []


def test_interruption_waits_for_speech_and_times_its_end() -> None:
    steps = [{"do": "interrupt", "audio": "hello.wav", "after_s": 1.0}]
    stage = Stage(steps, rounds=1)
    stage.bot_speaks(2.0, 10.0)
    stage.play(3.0)
    assert not any(stage.said)
    stage.play(0.3)
    stage.audible.cut(stage.now_s)
    (began_s,) = stage.spoke
    fell_silent_s = stage.now_s
    stage.play(5.0)
    assert began_s == pytest.approx(3.02, abs=0.021)
    expected_ms = 1000 * (fell_silent_s - (began_s - TICK_S))
    assert stage.ms("barge_in_ms") == [pytest.approx(expected_ms, abs=1)]
    assert sum(stage.said) == 55


def test_a_bot_that_goes_on_is_timed_until_patience_ends() -> None:
    steps = [{"do": "interrupt", "audio": "hello.wav", "timeout_s": 3.0}]
    stage = Stage(steps, rounds=1)
    stage.bot_speaks(0.0, 60.0)
    stage.play(20.0)
    assert stage.record.counts["not_interrupted"] == 1
    assert stage.ms("barge_in_ms") == [pytest.approx(3000, abs=41)]


def test_nothing_to_interrupt() -> None:
    steps = [{"do": "interrupt", "audio": "hello.wav", "timeout_s": 2.0}]
    stage = Stage(steps, rounds=1)
    stage.play(20.0)
    assert stage.record.counts["nothing_to_interrupt"] == 1
    assert stage.now_s == pytest.approx(2.0, abs=0.1)


def test_keys_are_pressed_apart() -> None:
    stage = Stage([{"do": "press", "keys": "12#"}], rounds=2)
    stage.play(5.0)
    assert "".join(key for _, key in stage.keys) == "12#12#"
    times_s = [at_s for at_s, _ in stage.keys]
    assert np.diff(times_s) == pytest.approx([0.2] * 5, abs=0.001)


@pytest.mark.parametrize(
    ("step", "way"),
    [
        ({"do": "hang_up"}, HangUp()),
        ({"do": "drop"}, Drop()),
        ({"do": "reconnect", "with_start": False}, Reconnect(with_start=False)),
    ],
)
def test_ways_out(step: dict[str, Any], way: HangUp | Drop | Reconnect) -> None:
    stage = Stage([{"do": "wait", "s": 0.5}, step])
    assert stage.play(5.0) == Leave(way)
    assert stage.now_s == pytest.approx(0.52)


def test_without_a_script_the_sound_never_ends() -> None:
    stage = Stage([], audio="hello.wav")
    assert stage.play(3.0) is None
    assert all(stage.said)
