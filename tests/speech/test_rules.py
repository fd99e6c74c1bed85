"""A brain of rules, talked to."""

import datetime
import tomllib
from collections.abc import Sequence

import pytest

from bridge.speech.brain import CallTool, Message, Said, ToolResult
from bridge.speech.models import is_installed
from bridge.speech.rulebook import RuleBook
from bridge.speech.rules import RulesBrain
from tests.needs import needs

pytestmark = needs(is_installed("text_to_num"), "text2num: pip install text2num")

BOOK = """
clarify = ["Sorry?", "Hours, or a table?"]
transfer_to = "+1555"
transfer_from = "+1444"
transfer_say = "One moment."
nobody_there = "Nobody is free."
goodbye = "Bye."
cancelled = "All right."
once_more = "Again."

[[rules]]
when = ["opening hours", "open"]
say = ["From nine.", "At nine."]

[[rules]]
when = ["book", "table"]
slots = [
    { name = "people", kind = "number", ask = "How many?" },
    { name = "day", kind = "date", ask = "Which day?", again = "Which day, please?" },
    { name = "ok", kind = "yes_no", ask = "{people} on {day}?" },
]
tool = "book"
arguments = { people = "{people}", day = "{day}" }
then = "{result} See you."
failed = "That failed."

[[rules]]
keys = "1"
say = "You pressed one."

[[rules]]
who = "supervisor"
when = ["discount"]
say = "There is a discount."
"""


class Talk:
    """A caller and the brain."""

    def __init__(self, result: str = "Booked.", book: str = BOOK) -> None:
        made = RuleBook.model_validate(tomllib.loads(book))
        self.brain = RulesBrain(made, lambda: datetime.date(2026, 11, 21))
        self.history: list[Message] = []
        self.called: list[CallTool] = []
        self.result = result

    async def say(
        self, text: str, who: str = "caller", *, are_keys: bool = False
    ) -> str:
        """Say something; return all that is answered."""
        self.history.append(Said(who, text, are_keys=are_keys))
        answer = []
        while True:
            wishes = []
            async for thought in self.brain.respond(tuple(self.history), ()):
                if isinstance(thought, CallTool):
                    wishes.append(thought)
                elif thought:
                    answer.append(thought)
                    self.history.append(Said("bot", thought))
            if not wishes:
                return " ".join(answer)
            for wish in wishes:
                self.called.append(wish)
                self.history += [wish, ToolResult("", wish.name, self.result)]

    async def all(self, texts: Sequence[str]) -> list[str]:
        return [await self.say(text) for text in texts]


async def test_what_fits_is_said() -> None:
    """Of several sayings each in turn."""
    talk = Talk()
    first = await talk.say("What are your opening hours?")
    assert first == "From nine."
    assert await talk.say("When do you OPEN?!") in ("From nine.", "At nine.")


async def test_slots_are_asked_for_and_confirmed() -> None:
    """Then the tool is called with values, and its result said."""
    talk = Talk()
    answers = await talk.all(
        ["I'd like to book a table.", "Four.", "Next Friday.", "Yes."]
    )
    assert answers == [
        "How many?",
        "Which day?",
        "4 on Friday, November 27?",
        "Booked. See you.",
    ]
    assert talk.called == [CallTool("book", '{"people": "4", "day": "2026-11-27"}')]


async def test_a_question_by_the_way_is_answered_and_the_other_asked_again() -> None:
    """A half-done booking is not forgotten for it; nor for a coach's wish."""
    talk = Talk()
    answers = await talk.all(["book", "when do you open?", "4"])
    assert answers[1] in ("From nine. How many?", "At nine. How many?")
    assert answers[2] == "Which day?"
    talk.history.append(Said("supervisor", "Offer the discount."))
    talk.history.append(Said("supervisor", "Good job."))
    said = await talk.say("tomorrow")
    assert said == "There is a discount. 4 on Sunday, November 22?"


async def test_a_no_is_an_answer_like_others_before_the_last() -> None:
    """Only what is told back at the end is taken back by it."""
    book = """
[[rules]]
when = ["book"]
slots = [
    { name = "chair", kind = "yes_no", ask = "A high chair?" },
    { name = "people", kind = "number", ask = "How many?" },
]
say = "{people}, chair {chair}."
"""
    talk = Talk(book=book)
    assert await talk.all(["book", "no", "3"]) == [
        "A high chair?",
        "How many?",
        "3, chair no.",
    ]


@pytest.mark.parametrize("text", ["a table for seven p m", "a table for 7:30 tonight"])
async def test_a_time_is_no_number_of_people(text: str) -> None:
    """It is asked for."""
    assert await Talk().say(text) == "How many?"


async def test_what_was_told_at_once_is_not_asked_for() -> None:
    """As far as there is no doubt."""
    talk = Talk()
    assert await talk.say("A table for six tomorrow") == "6 on Sunday, November 22?"


async def test_no_begins_again_and_cancel_ends_it() -> None:
    """Neither calls the tool."""
    talk = Talk()
    answers = await talk.all(
        ["book", "4", "tomorrow", "No, that's wrong", "never mind", "open?"]
    )
    assert answers[3:5] == ["Again. How many?", "All right."]
    assert answers[5] in ("From nine.", "At nine.")
    assert talk.called == []


async def test_an_answer_that_is_none_is_asked_for_again() -> None:
    """In the slot's own words, or with a clarification before the question."""
    talk = Talk()
    answers = await talk.all(["book", "Hm well", "4", "Hm well"])
    assert answers == [
        "How many?",
        "Sorry? How many?",
        "Which day?",
        "Which day, please?",
    ]


async def test_who_is_not_understood_gets_a_person() -> None:
    """After all clarifications."""
    talk = Talk("error: nobody answered")
    answers = await talk.all(["blah", "blah blah", "blah"])
    assert answers == ["Sorry?", "Hours, or a table?", "One moment. Nobody is free."]
    assert talk.called == [CallTool("transfer", '{"to": "+1555", "sender": "+1444"}')]


@pytest.mark.parametrize(
    "text",
    [
        "Can I talk to a real person?",
        "I want to speak to someone, a human agent",
        "Operator!",
    ],
)
async def test_who_asks_for_a_person_gets_one(text: str) -> None:
    """If the book names one."""
    talk = Talk("transferred")
    assert await talk.say(text) == "One moment."
    assert talk.called[0].name == "transfer"


async def test_repeat_says_it_again() -> None:
    """Also a question."""
    talk = Talk()
    assert await talk.say("book") == await talk.say("Can you say that again?")


async def test_goodbye_hangs_up() -> None:
    """After its words."""
    for text in ("Okay, bye bye.", "Good-by,", "Good-bye.", "That's all."):
        talk = Talk("done")
        assert await talk.say(text) == "Bye."
        assert talk.called == [CallTool("hang_up", "{}")]


async def test_keys_choose() -> None:
    """Those of a rule; others are not understood."""
    talk = Talk()
    assert await talk.say("1", are_keys=True) == "You pressed one."
    assert await talk.say("9", are_keys=True) == "Sorry?"


async def test_keys_fill_slots() -> None:
    """As digits."""
    talk = Talk()
    await talk.say("book")
    assert await talk.say("12", are_keys=True) == "Which day?"


async def test_a_supervisor_s_words_decide_the_next_answer() -> None:
    """Whatever the caller says."""
    talk = Talk()
    talk.history.append(Said("supervisor", "Offer a discount."))
    assert await talk.say("Hm well") == "There is a discount."
    assert await talk.say("Hm well") == "Sorry?"


async def test_a_tool_that_fails_is_told() -> None:
    """In the rule's words."""
    talk = Talk("error: full")
    answers = await talk.all(["book", "4", "tomorrow", "yes"])
    assert answers[-1] == "That failed."


@pytest.mark.parametrize(
    "text", ["", "{people}", "{0}", "🎉", "{" * 50, "ñandú " * 200]
)
async def test_odd_words_harm_nothing(text: str) -> None:
    """Also as a slot's value."""
    book = """
[[rules]]
when = ["note"]
slots = [{ name = "note", kind = "text", ask = "What?" }]
say = "Noted: {note}"
"""
    talk = Talk(book=book)
    await talk.say(text)
    await talk.say("note")
    answer = await talk.say(text)
    assert answer == (f"Noted: {text.strip()}" if text.strip() else answer)
