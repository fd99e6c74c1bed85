"""Conversations, in virtual time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import numpy as np
import pytest

from bridge.audio.pcm import Samples, silence
from bridge.audio.tones import tone
from bridge.call.call import Call
from bridge.call.events import Held, Member, Muted
from bridge.errors import MisuseError, ServiceError
from bridge.speech.abilities import Abilities
from bridge.speech.brain import CallTool, ToolResult
from bridge.speech.synthesis import Speech, Word, timed
from bridge.stream import messages
from tests.fakes.far_end import STREAM_ID, FarEnd
from tests.speech.setting import Talk, said, talking

NOTHING = silence(0)


async def test_a_conversation_goes_to_and_fro() -> None:
    """Greeted, heard, answered, in order; the transcript says who, what, and when."""
    async with talking(greeting="Hello there!") as talk:
        talk.brain.thoughts = [["It is ", "five o'clock."], ["You are welcome."]]
        await talk.quiet(1.5)
        await talk.caller("What time is it?")
        await talk.quiet(2.5)
        await talk.caller("Thank you.")
        await talk.quiet(2.0)

    assert talk.lines() == [
        "bot: Hello there!",
        "caller: What time is it?",
        "bot: It is five o'clock.",
        "caller: Thank you.",
        "bot: You are welcome.",
    ]
    assert talk.history() == [
        "bot: Hello there!",
        "caller: What time is it?",
        "bot: It is five o'clock.",
        "caller: Thank you.",
    ]
    assert [turn.heard for turn in talk.turns if turn.who == "bot"] == ["confirmed"] * 3
    caller, answer = talk.turns[1:3]
    assert caller.from_s == pytest.approx(1.5, abs=0.06)
    assert caller.to_s == pytest.approx(2.1, abs=0.06)
    assert answer.from_s == pytest.approx(caller.to_s + 0.39, abs=0.06)
    assert answer.to_s == pytest.approx(answer.from_s + 1.2, abs=0.1)


async def test_stages_are_counted_from_the_last_sample_of_speech() -> None:
    """Each later than the one before; in the transcript and in the metrics."""
    async with talking() as talk:
        talk.brain.thoughts = [["Yes."]]
        talk.brain.takes_s = 0.1
        talk.voice.takes_s = 0.05
        await talk.caller("Is it?")
        await talk.quiet(1.0)

    stages = talk.turns[-1].latencies_ms
    assert list(stages) == ["turn", "text", "token", "audio", "played"]
    assert stages["turn"] == pytest.approx(320, abs=25)
    assert stages["token"] == pytest.approx(stages["text"] + 100, abs=2)
    assert stages["audio"] == pytest.approx(stages["token"] + 50, abs=2)
    assert stages["audio"] <= stages["played"] < stages["audio"] + 5
    text = talk.end.metrics.exposition().decode()
    assert 'bridge_response_seconds_count{stage="played"} 1.0' in text


async def test_an_answer_begins_with_its_first_clause() -> None:
    """While the rest is still being thought."""
    async with talking() as talk:
        talk.brain.thoughts = [["Well of course, ", "that will ", "take a ", "while."]]
        talk.brain.takes_s = 0.5
        await talk.caller("How long?")
        await talk.quiet(0.7)
        heard_early = talk.bot_is_audible()
        await talk.quiet(4.0)

    assert heard_early
    assert talk.voice.spoken == ["Well of course,", "that will take a while."]
    assert talk.lines()[-1] == "bot: Well of course, that will take a while."


async def test_the_caller_s_speech_stops_ours() -> None:
    """Within the detector's patience; the history holds what was heard, as cut."""
    async with talking() as talk:
        talk.brain.thoughts = [["one two three four five six seven eight"], ["Sure."]]
        await talk.caller("Count.")
        await talk.quiet(1.0)
        began = len(talk.end.heard)
        await talk.caller("Stop that please")
        silent = next(
            n for n in range(began, len(talk.end.heard)) if not _sound(talk, n)
        )
        await talk.quiet(1.0)

    assert (silent - began) * 20 <= 120
    (count,) = [t for t in talk.turns if t.is_cut]
    words = len(count.text.split())
    assert "one two three four five six".startswith(count.text)
    assert 2 <= words <= 5
    assert talk.history() == [
        "caller: Count.",
        f"bot: {count.text}-",
        "caller: Stop that please",
    ]


def _sound(talk: Talk, tick: int) -> bool:
    return bool(np.any(talk.end.heard[tick]))


@pytest.mark.parametrize("noise", ["", "Mm-hm.", "uh huh", "Okay."])
async def test_a_false_alarm_loses_nothing(noise: str) -> None:
    """A cough or `mm-hm`: ours goes on with the word that was cut."""
    async with talking() as talk:
        talk.brain.thoughts = [["one two three four five six seven eight"]]
        await talk.caller("Count.")
        await talk.quiet(1.0)
        await talk.caller(noise, 0.2)
        await talk.quiet(3.5)

    assert talk.lines() == [
        "caller: Count.",
        "bot: one two three four five six seven eight",
    ]
    kinds = talk.end.sent_kinds()
    assert kinds.count("ClearAudio") == 1
    heard_s = talk.audible_s()
    # All of it, and of one word some again.
    assert 8 * 0.3 - 0.05 <= heard_s <= 9 * 0.3 + 0.1


async def test_yes_is_an_answer_to_a_question() -> None:
    """Also into the words behind it."""
    async with talking() as talk:
        talk.brain.thoughts = [["Is it you? Or is it somebody else entirely?"], ["Ah."]]
        await talk.caller("Hello.")
        await talk.quiet(0.9)
        await talk.caller("Yes.", 0.3)
        await talk.quiet(1.0)

    assert talk.lines()[-3:] == ["bot: Is it you?-", "caller: Yes.", "bot: Ah."]


async def test_who_goes_on_before_an_answer_was_heard_is_answered_once() -> None:
    """What they said belongs together."""
    async with talking() as talk:
        talk.brain.thoughts = [["Never heard."], ["All of it."]]
        talk.brain.takes_s = 0.4
        await talk.caller("I want a table")
        await talk.caller("for two")
        await talk.quiet(2.0)

    assert talk.history() == ["caller: I want a table for two"]
    assert talk.lines()[-1] == "bot: All of it."
    assert "bot: Never heard." not in talk.lines()


async def test_our_own_echo_is_nobody() -> None:
    """A handset sends back what we say, softer and later: we go on, and need not
    understand it."""
    async with talking() as talk:
        talk.voice.speak = _noise  # type: ignore[method-assign]
        talk.brain.thoughts = [["one two three four five six seven eight"]]
        await talk.caller("Count.")
        understood = len(talk.ears.heard_s)
        talk.ears.texts = ["seven eight"]
        await _echoed(talk, 0.3, 150)
        await talk.quiet(1.0)
        assert len(talk.ears.heard_s) == understood

    assert "ClearAudio" not in talk.end.sent_kinds()
    assert len(talk.brain.asked) == 1
    assert talk.lines() == [
        "caller: Count.",
        "bot: one two three four five six seven eight",
    ]


async def _echoed(talk: Talk, gain: float, ticks: int, over: Samples = NOTHING) -> None:
    """What the bot says comes back 160 ms later, under what the caller says."""
    begin = len(talk.end.heard) - 8
    over = np.pad(over, (0, max(0, ticks * 160 - len(over))))
    for tick in range(ticks):
        echo = talk.end.heard[begin + tick] * gain
        talk.end.say((echo + over[tick * 160 :][:160]).astype(np.int16))
        await asyncio.sleep(0.02)


async def _noise(text: str, rate_hz: int) -> AsyncIterator[Speech]:
    """Speech that is like nothing but itself."""
    samples = np.random.default_rng(1).normal(0, 4000, round(2.4 * rate_hz))
    yield timed(samples.astype(np.int16), text)


async def test_words_over_our_echo_are_heard() -> None:
    """Somebody who speaks louder than it."""
    async with talking() as talk:
        talk.voice.speak = _noise  # type: ignore[method-assign]
        talk.brain.thoughts = [["one two three four five six seven eight"], ["Yes?"]]
        await talk.caller("Count.")
        talk.ears.texts = ["Wait a minute"]
        await _echoed(talk, 0.2, 60, np.concatenate([silence(3200), said(0.8)]))
        await talk.quiet(2.0)

    assert "caller: Wait a minute" in talk.lines()


async def test_silence_is_asked_about_and_then_ends_the_call() -> None:
    """Counted from the moment our audio was played out."""
    async with talking(
        greeting="Hello there my friend.",
        idle_s=2.0,
        idle_times=1,
        still_there="Anybody?",
        farewell="Bye then.",
    ) as talk:
        await talk.quiet(12.0)
        closed = talk.end.closed

    assert talk.lines() == [
        "bot: Hello there my friend.",
        "bot: Anybody?",
        "bot: Bye then.",
    ]
    first, second, third = talk.turns
    # The turn's end is when it was confirmed; the wait begins there.
    assert second.from_s - first.from_s == pytest.approx(4 * 0.3 + 2.0, abs=0.12)
    assert third.from_s - second.from_s == pytest.approx(0.3 + 2.0, abs=0.12)
    assert closed is not None
    assert talk.audible_s() == pytest.approx((4 + 1 + 2) * 0.3, abs=0.05)


async def test_who_speaks_again_is_asked_again_later() -> None:
    """Each answer begins the count anew."""
    async with talking(idle_s=2.0, idle_times=1, still_there="Anybody?") as talk:
        talk.brain.thoughts = [["Hm."], ["Hm."]]
        await talk.quiet(2.5)
        await talk.caller("Yes.")
        await talk.quiet(3.5)
        await talk.caller("Still here.")
        await talk.quiet(3.5)

    assert talk.lines().count("bot: Anybody?") == 3


async def test_a_call_ends_politely_after_its_longest() -> None:
    """Whatever is said into the farewell."""
    async with talking(longest_s=3.0, farewell="Our time is over now.") as talk:
        talk.brain.thoughts = [["one two three four five six seven eight nine ten"]]
        await talk.caller("Count.")
        await talk.quiet(2.2)
        await talk.caller("But I")
        await talk.quiet(2.0)

    assert talk.lines()[-1] == "bot: Our time is over now."
    assert talk.end.closed is not None


async def test_keys_become_an_entry() -> None:
    """Up to the end key, the time-out, or the most; speech stops for them."""
    async with talking(keys_timeout_s=1.0, keys_most=4) as talk:
        talk.brain.thoughts = [["one two three four five six"], ["Two."], ["Three."]]
        await talk.caller("Count.")
        await talk.quiet(0.6)
        for key in "12#":
            _press(talk, key)
        await talk.quiet(1.0)
        _press(talk, "7")
        await talk.quiet(2.2)
        for key in "98765":
            _press(talk, key)
        await talk.quiet(1.5)

    entries = [turn.text for turn in talk.turns if turn.are_keys]
    assert entries == ["12", "7", "9876", "5"]
    assert talk.turns[1].is_cut
    assert talk.turns[1].who == "bot"


def _press(talk: Talk, key: str) -> None:
    body = messages.DtmfBody(track="inbound", digit=key)
    talk.end.tell(messages.Dtmf(stream_id=STREAM_ID, dtmf=body))


async def test_tools_are_run_and_told_of() -> None:
    """With typed arguments; what they return is thought about."""

    async def add(first: int, second: int) -> str:
        """Add two numbers."""
        return str(first + second)

    async with talking(tools=[add]) as talk:
        wish = CallTool("add", '{"first": 2, "second": 3}', "c1")
        talk.brain.thoughts = [["Let me see. ", wish], ["Five."]]
        await talk.caller("Two and three?")
        await talk.quiet(2.5)

    assert talk.brain.asked[-1][-2:] == (wish, ToolResult("c1", "add", "5"))
    assert talk.lines()[-1] == "bot: Let me see. Five."
    offered = {tool.name for tool in talk.brain.tools}
    assert offered == {"add", "hang_up", "send_digits"}


async def test_hanging_up_waits_for_the_last_word() -> None:
    """It is heard to its end."""
    async with talking() as talk:
        talk.brain.thoughts = [["Goodbye my dear friend. ", CallTool("hang_up", "{}")]]
        await talk.caller("Bye.")
        await talk.quiet(3.0)
        assert talk.end.closed is not None

    assert talk.audible_s() == pytest.approx(4 * 0.3, abs=0.03)


async def test_who_speaks_into_the_goodbye_stays() -> None:
    """Hanging up was not meant for them."""
    async with talking() as talk:
        hang_up = CallTool("hang_up", "{}")
        talk.brain.thoughts = [["Goodbye my dear old friend. ", hang_up], [], ["Yes?"]]
        await talk.caller("Bye.")
        await talk.quiet(0.4)
        await talk.caller("No wait a moment")
        await talk.quiet(2.0)
        assert talk.end.closed is None

    assert talk.lines()[-1] == "bot: Yes?"


class Control:
    """A call's control that notes what it is asked."""

    def __init__(self, *, answers: bool = True) -> None:
        self.asked: list[object] = []
        self._answers = answers

    async def transfer(
        self,
        *,
        to: str,
        sender: str,
        brief: Callable[[], Awaitable[object]] | None = None,
        answer_timeout_s: float = 45.0,
    ) -> bool:
        self.asked.append(("transfer", to, sender))
        await asyncio.sleep(1.0)
        if self._answers and brief is not None:
            await brief()
        return self._answers

    async def hold(self, *, is_held: bool) -> None:
        self.asked.append(("hold", is_held))

    async def record(self, *, is_on: bool) -> None:
        self.asked.append(("record", is_on))


async def test_a_person_is_briefed_and_nobody_else_answered() -> None:
    """What the person says meanwhile is no turn of the caller's."""
    control = Control()

    async def before(_talk: Talk, call: Call) -> None:
        call.mpc = control
        call.members["1"] = Member("1", "customer", "+15550100")

    async with talking(before=before) as talk:
        wish = CallTool("transfer", '{"to": "+1555", "reason": "Wants a refund."}')
        talk.brain.thoughts = [["One moment. ", wish], ["Well."]]
        await talk.caller("A person please.")
        await talk.quiet(1.6)
        await talk.caller("Hello, who is this?", 0.3)
        await talk.quiet(4.0)

    assert control.asked == [("transfer", "+1555", "+15550100")]
    assert "caller: Hello, who is this?" not in talk.lines()
    assert talk.lines()[-1] == "bot: One moment. Wants a refund. Well."
    assert {"transfer", "hold", "record"} <= {tool.name for tool in talk.brain.tools}


async def test_a_person_who_does_not_come_is_no_end() -> None:
    """The brain is told, and says so."""
    control = Control(answers=False)

    async def before(_talk: Talk, call: Call) -> None:
        call.mpc = control

    async with talking(before=before) as talk:
        wish = CallTool("transfer", '{"to": "+1555", "sender": "+1"}')
        talk.brain.thoughts = [["One moment. ", wish], ["Nobody there."]]
        await talk.caller("A person please.")
        await talk.quiet(4.0)

    result = talk.brain.asked[-1][-1]
    assert isinstance(result, ToolResult)
    assert result.text == "error: nobody answered"
    assert talk.lines()[-1] == "bot: One moment. Nobody there."


async def test_on_hold_we_are_silent_and_go_on_after_it() -> None:
    """And nobody is asked whether they are still there."""
    async with talking(idle_s=2.0) as talk:
        talk.brain.thoughts = [["one two three four five six"]]
        await talk.caller("Count.")
        await talk.quiet(0.5)
        talk.end.session.tell(Held(is_held=True))
        await talk.quiet(4.0)
        lines_on_hold = list(talk.lines())
        talk.end.session.tell(Held(is_held=False))
        await talk.quiet(2.5)

    assert lines_on_hold == ["caller: Count."]
    assert talk.lines()[1] == "bot: one two three four five six"


async def test_what_a_coach_says_steers_and_is_not_answered() -> None:
    """It is in the history as a supervisor's."""
    async with talking() as talk:
        coach = Member("9", "supervisor", is_coaching=True)
        talk.brain.thoughts = [["With a discount."]]
        talk.ears.texts = ["Offer a discount."]
        talk.end.session.coached_by(coach)
        await talk.end.talk(said(0.8))
        await talk.quiet(1.0)
        talk.end.session.coached_by(None)
        assert talk.brain.asked == []
        await talk.caller("How much is it?")
        await talk.quiet(2.0)

    assert talk.history() == [
        "supervisor: Offer a discount.",
        "caller: How much is it?",
    ]
    assert talk.lines()[0] == "supervisor: Offer a discount."


async def test_a_brain_that_fails_is_apologized_for() -> None:
    """The third time in a row ends the call as a bot's failure."""
    down = ServiceError("brain", "HTTP 500")
    async with talking(apology="Sorry.") as talk:
        talk.brain.thoughts = [
            [down],
            ["Fine."],
            ["Of course not. ", down],
            [down],
            [down],
        ]
        for text in ("One.", "Two.", "Three.", "Four.", "Five."):
            await talk.caller(text)
            await talk.quiet(1.2)
        closed = talk.end.closed

    assert [line for line in talk.lines() if line.startswith("bot")] == [
        "bot: Sorry.",
        "bot: Fine.",
        "bot: Of course not. Sorry.",
        "bot: Sorry.",
    ]
    assert closed is not None
    assert closed[0] == 1011


async def test_a_recognizer_that_fails_is_apologized_for() -> None:
    """Something was said, and nobody knows what."""
    async with talking(apology="Sorry.") as talk:
        talk.brain.thoughts = [["Good."]]
        talk.ears.texts = [ServiceError("recognizer", "down")]
        await talk.end.talk(said(0.6))
        await talk.quiet(1.5)
        await talk.caller("Again.")
        await talk.quiet(1.0)

    assert talk.lines() == ["bot: Sorry.", "caller: Again.", "bot: Good."]


async def test_without_barge_in_we_say_all_of_it() -> None:
    """And what was said into it is not heard."""
    async with talking(barge_in=False) as talk:
        talk.brain.thoughts = [["one two three four five six"]]
        await talk.caller("Count.")
        await talk.quiet(0.5)
        await talk.caller("Stop!")
        await talk.quiet(2.0)

    assert talk.lines() == ["caller: Count.", "bot: one two three four five six"]


@pytest.mark.parametrize("latency_s", [0.0, 0.03])
async def test_history_claims_no_word_that_was_not_heard(latency_s: float) -> None:
    """200 interruptions at random places, with acks lost and stale ones between.

    What the bot says it was heard is within 20 ms of what the far end played, but for
    the line's own latency; and of a word, all was heard or it is not claimed.
    """
    random = np.random.default_rng(round(latency_s * 100))
    end = FarEnd(latency_s=latency_s, loses_ack=lambda n: n % 3 == 1)
    text = " ".join(f"word{number}" for number in range(20))
    checked = 0
    async with talking(end) as talk:
        # One whole answer first: until an ack has come, latency is a guess.
        talk.brain.thoughts = [["First of all."], ["Second of all."]]
        for _ in range(2):
            await talk.caller("Hello.")
            await talk.quiet(2.0)
        for number in range(200):
            talk.brain.thoughts = [[text]]
            await talk.caller(f"Say {number}.")
            await talk.quiet(float(random.uniform(0.1, 4.0)))
            if number % 5 == 0:
                stale = messages.PlayedStream(stream_id=STREAM_ID, name=f"{number}.")
                end.tell(stale)
            began = end.buffer.played_samples
            talk.brain.thoughts = [[]]
            talk.turns.clear()
            await talk.caller("Stop it now.")
            await talk.quiet(0.3)
            played = _run_before_clear(talk)
            cut = [turn for turn in talk.turns if turn.who == "bot"]
            words = len(cut[0].text.split()) if cut else 0
            assert words * 0.3 <= played + 0.001, (number, words, played)
            # Behind by no more than a frame, the line both ways and the word's rest.
            assert words * 0.3 > played - 0.3 - 0.04 - 4 * latency_s
            checked += 1
            del began
    assert checked == 200


def _run_before_clear(talk: Talk) -> float:
    """How long the last stretch was that the bot was heard without a pause."""
    heard = talk.end.heard
    last = len(heard) - 1
    while not np.any(heard[last]):
        last -= 1
    first = last
    while first and np.any(heard[first - 1]):
        first -= 1
    audio = np.concatenate(talk.end.heard[first : last + 1])
    loud = np.flatnonzero(audio)
    return float(loud[-1] - loud[0] + 1) / 8000


async def test_an_unknown_tool_is_no_end() -> None:
    """The brain is told which there are."""
    async with talking() as talk:
        talk.brain.thoughts = [[CallTool("fly", "{}", "x")], ["I cannot."]]
        await talk.caller("Fly!")
        await talk.quiet(1.0)

    result = talk.brain.asked[-1][-1]
    assert isinstance(result, ToolResult)
    assert "no tool fly; there are" in result.text
    assert talk.lines()[-1] == "bot: I cannot."


async def test_tools_of_a_call_need_credentials() -> None:
    """And say so, when asked all the same."""

    async def look(_talk: Talk, call: Call) -> None:
        abilities = Abilities(call, None)  # type: ignore[arg-type]
        with pytest.raises(MisuseError, match="credentials"):
            await abilities.hold(True)
        with pytest.raises(MisuseError, match="cannot press"):
            await abilities.send_digits("x")

    async with talking(before=look) as talk:
        await talk.quiet(0.2)
        assert talk.end.closed is None


async def test_a_tone_without_words_is_nothing() -> None:
    """Noise that nobody understands is not answered."""
    async with talking() as talk:
        await talk.end.talk(tone(300, 0.5, 8000, -20.0))
        await talk.quiet(1.0)

    assert talk.brain.asked == []
    assert talk.lines() == []


# ------------------------------------------------------- what went wrong once


async def test_digits_interrupt() -> None:
    """They are words, too; in any script."""
    async with talking() as talk:
        talk.brain.thoughts = [["one two three four five six seven"], ["Four."]]
        await talk.caller("Count.")
        await talk.quiet(0.6)
        await talk.caller("42")
        await talk.quiet(1.0)

    assert talk.lines()[-2:] == ["caller: 42", "bot: Four."]


async def test_a_transfer_waits_for_who_is_speaking() -> None:
    """And nothing stays silent for ever, whoever speaks when."""
    control = Control()

    async def before(_talk: Talk, call: Call) -> None:
        call.mpc = control

    async with talking(before=before) as talk:
        wish = CallTool("transfer", '{"to": "+1", "sender": "+2", "reason": "Help."}')
        talk.brain.thoughts = [[wish], ["Done."]]
        talk.brain.takes_s = 0.3
        talk.ears.texts = ["A person.", "mm-hm"]
        await talk.end.talk(said(0.6))
        await talk.quiet(0.45)
        await talk.end.talk(said(0.4))
        assert control.asked == []
        await talk.quiet(6.0)

    assert control.asked == [("transfer", "+1", "+2")]
    assert talk.lines()[-1] == "bot: Help. Done."


async def test_a_line_that_breaks_loses_no_word() -> None:
    """What was on it is said again, once; and not what had been heard."""
    async with talking() as talk:
        talk.brain.thoughts = [["one two three four five six seven eight"]]
        await talk.caller("Count.")
        await talk.quiet(0.9)
        session, end = talk.end.session, talk.end
        assert session.detach(end)
        end.buffer.clear()
        await asyncio.sleep(0.1)
        session.attach(end)
        await talk.quiet(3.5)

    assert talk.lines()[-1] == "bot: one two three four five six seven eight"
    assert 8 * 0.3 - 0.1 <= talk.audible_s() <= 8 * 0.3 + 0.7


async def test_a_tool_that_is_interrupted_has_a_result() -> None:
    """Brains demand one; it may have been done all the same."""

    async def slow() -> None:
        """Take long."""
        await asyncio.sleep(30)

    async with talking(tools=[slow]) as talk:
        wish = CallTool("slow", "{}", "c")
        talk.brain.thoughts = [["One moment please. ", wish], ["Yes?"]]
        await talk.caller("Do it.")
        await talk.quiet(2.0)
        await talk.caller("Never mind that")
        await talk.quiet(1.0)

    place = talk.brain.asked[-1].index(wish)
    result = talk.brain.asked[-1][place + 1]
    assert isinstance(result, ToolResult)
    assert "interrupted" in result.text


async def test_a_briefing_is_not_in_the_history() -> None:
    """It was for the person; the call's result stands behind the call."""
    control = Control(answers=True)

    async def before(_talk: Talk, call: Call) -> None:
        call.mpc = control

    async with talking(before=before) as talk:
        wish = CallTool("transfer", '{"to": "+1", "sender": "+2", "reason": "Secret."}')
        talk.brain.thoughts = [["Wait. ", wish], ["Well."]]
        await talk.caller("A person.")
        await talk.quiet(4.0)

    told = talk.brain.asked[-1]
    assert told[-2:] == (wish, ToolResult("", "transfer", "transferred"))
    assert not any("Secret" in line for line in talk.history())


async def test_old_keys_disturb_no_transfer() -> None:
    """Their time-out comes when nobody asks for them any more."""
    control = Control()

    async def before(_talk: Talk, call: Call) -> None:
        call.mpc = control

    async with talking(before=before, keys_timeout_s=1.5) as talk:
        wish = CallTool("transfer", '{"to": "+1", "sender": "+2", "reason": "Help."}')
        talk.brain.thoughts = [[wish], ["Done."]]
        _press(talk, "1")
        await talk.caller("A person.")
        await talk.quiet(4.0)

    assert talk.lines()[-1] == "bot: Help. Done."


async def test_who_hears_music_is_not_asked_whether_they_are_there() -> None:
    """Until they are back."""
    control = Control()

    async def before(_talk: Talk, call: Call) -> None:
        call.mpc = control

    async with talking(before=before, idle_s=1.0, still_there="Anybody?") as talk:
        hold = [CallTool("hold", '{"is_held": true}')]
        back = [CallTool("hold", '{"is_held": false}')]
        talk.brain.thoughts = [["Wait. ", *hold], [], ["Thanks. ", *back], []]
        await talk.caller("Check that.")
        await talk.quiet(5.0)
        assert "bot: Anybody?" not in talk.lines()
        await talk.caller("Hello?")
        await talk.quiet(3.0)

    assert control.asked == [("hold", True), ("hold", False)]
    assert "bot: Anybody?" in talk.lines()


async def test_muted_we_say_nothing() -> None:
    """And go on when we are heard again."""
    async with talking() as talk:
        talk.brain.thoughts = [["one two three four"]]
        await talk.caller("Count.")
        await talk.quiet(0.4)
        talk.end.session.tell(Muted(is_muted=True))
        await talk.quiet(2.0)
        assert not talk.bot_is_audible()
        talk.end.session.tell(Muted(is_muted=False))
        await talk.quiet(2.0)

    assert talk.lines()[-1] == "bot: one two three four"


async def test_noise_without_end_ends() -> None:
    """It is not a turn that nobody may interrupt."""
    async with talking(idle_s=3.0, still_there="Anybody?") as talk:
        for _ in range(20):
            # Loud and soft, so that no detector takes it for background.
            await talk.end.talk(said(1.4))
            await talk.quiet(0.1)
        await talk.quiet(12.0)

    assert "bot: Anybody?" in talk.lines()


async def test_a_voice_that_hangs_ends_no_later_than_it_must() -> None:
    """Not even the farewell can be said."""

    async def hang(text: str, rate_hz: int) -> AsyncIterator[Speech]:
        await asyncio.sleep(1e6)
        yield timed(silence(rate_hz), text)

    async with talking(longest_s=5.0) as talk:
        talk.voice.speak = hang  # type: ignore[method-assign]
        await talk.caller("Hello.")
        await talk.quiet(30.0)
        assert talk.end.closed is not None


async def test_a_recognizer_that_hangs_or_is_down_is_given_up() -> None:
    """The third time in a row; an apology that works is no success."""
    async with talking(apology="Sorry.") as talk:
        down = ServiceError("recognizer", "down")
        for _ in range(3):
            talk.ears.texts = [down]
            await talk.end.talk(said(0.6))
            await talk.quiet(2.0)
        assert talk.end.closed is not None
        assert talk.end.closed[0] == 1011
    async with talking(apology="Sorry.") as talk:
        talk.ears.takes_s = 1e6
        await talk.end.talk(said(0.6))
        await talk.quiet(12.0)
        assert talk.lines() == ["bot: Sorry."]


async def test_tools_wait_while_the_caller_speaks() -> None:
    """Who goes on may want something else: then nothing was done."""
    booked: list[str] = []

    async def book() -> None:
        """Book it."""
        booked.append("booked")

    async with talking(tools=[book]) as talk:
        talk.brain.thoughts = [[CallTool("book", "{}")], ["As you like."]]
        talk.brain.takes_s = 0.25
        talk.ears.texts = ["Book it.", "No, do not."]
        await talk.end.talk(said(0.6))
        await talk.quiet(0.45)
        await talk.end.talk(said(0.8))
        await talk.quiet(2.0)

    assert booked == []
    assert talk.history()[0] == "caller: Book it. No, do not."


async def test_a_late_hint_makes_nobody_wait() -> None:
    """What is understood too late was about another turn."""
    async with talking() as talk:
        talk.ears.takes_s = 0.45
        talk.brain.thoughts = [["Yes."], ["Yes."]]
        await talk.caller("My number is")
        await talk.quiet(2.0)
        await talk.caller("Five.")
        await talk.quiet(2.0)

    turns = [t.latencies_ms["turn"] for t in talk.turns if t.latencies_ms]
    assert turns[-1] == pytest.approx(320, abs=30)


async def test_the_last_words_of_a_coach_are_taken() -> None:
    """Also when it is told at once that they are silent."""
    async with talking() as talk:
        talk.ears.texts = ["Be brief.", "Be brief."]
        talk.end.session.coached_by(Member("9", "supervisor", is_coaching=True))
        await talk.end.talk(said(0.8))
        talk.end.session.coached_by(None)
        await talk.quiet(1.5)

    assert talk.lines() == ["supervisor: Be brief."]


async def test_who_hangs_up_in_mid_word_has_heard_no_more() -> None:
    """The transcript says what was heard, not what was made."""
    async with talking() as talk:
        talk.brain.thoughts = [["one two three four five six seven eight"]]
        await talk.caller("Count.")
        await talk.quiet(0.9)

    bot = talk.turns[-1]
    assert bot.who == "bot"
    assert bot.is_cut
    assert 1 <= len(bot.text.split()) <= 4


async def test_words_that_come_last_are_not_taken_for_silence() -> None:
    """A voice that does not know when its words are: something was heard."""
    async with talking() as talk:
        talk.voice.speak = _late  # type: ignore[method-assign]
        talk.brain.thoughts = [["one two three four"], ["Yes?"]]
        await talk.caller("Count.")
        await talk.quiet(0.8)
        await talk.caller("Stop that now")
        await talk.quiet(1.0)

    assert talk.history()[0] == "caller: Count."
    assert talk.history()[-1] == "caller: Stop that now"


async def _late(text: str, rate_hz: int) -> AsyncIterator[Speech]:
    yield Speech(tone(800, 3.0, rate_hz, -16.0), ())
    await asyncio.sleep(5.0)
    yield Speech(silence(0), tuple(Word(word, 0) for word in text.split()))


async def test_a_brain_with_a_bug_is_apologized_for(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Its author finds the traceback in the log; the caller is told something."""
    async with talking(apology="Sorry.") as talk:
        talk.brain.thoughts = [[ZeroDivisionError("boom")], ["Fine."]]
        await talk.caller("One.")
        await talk.quiet(1.0)
        await talk.caller("Two.")
        await talk.quiet(1.0)

    assert talk.lines() == ["caller: One.", "bot: Sorry.", "caller: Two.", "bot: Fine."]
    assert "ZeroDivisionError" in caplog.text
