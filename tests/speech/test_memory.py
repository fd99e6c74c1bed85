"""A history in which the bot has said what was heard."""

from bridge.speech.brain import CallTool, Said, ToolResult
from bridge.speech.memory import Memory


def test_what_was_not_heard_was_not_said() -> None:
    """Parts of an utterance are cut where it was, those behind are gone."""
    memory = Memory()
    memory.heard("Tell me.")
    memory.saying("one two three", 0, 3)
    wish = CallTool("look", "{}", "c")
    memory.called(wish)
    memory.returned(wish, "ok")
    memory.saying("four five six", 3, 6)
    memory.saying("seven", 6, 7)

    memory.said(5, is_complete=False)

    assert memory.messages == [
        Said("caller", "Tell me."),
        Said("bot", "one two three"),
        wish,
        ToolResult("c", "look", "ok"),
        Said("bot", "four five", is_cut=True),
    ]


def test_what_was_heard_to_its_end_stays() -> None:
    """And is not touched by what becomes of the next."""
    memory = Memory()
    memory.saying("one two", 0, 2)
    memory.said(2, is_complete=True)
    memory.saying("three four", 0, 2)
    memory.said(0, is_complete=False)
    assert memory.messages == [Said("bot", "one two")]


def test_what_was_to_follow_is_cut_too() -> None:
    """All that was made was heard, and more would have come."""
    memory = Memory()
    memory.saying("one two", 0, 2)
    memory.said(2, is_complete=False)
    assert memory.messages == [Said("bot", "one two", is_cut=True)]


def test_a_caller_who_goes_on_takes_back() -> None:
    """What they said last, and only that; keys are entries of their own."""
    memory = Memory()
    assert memory.take_back() == ""
    memory.heard("12", are_keys=True)
    assert memory.take_back() == ""
    memory.heard("I want")
    assert memory.take_back() == "I want"
    assert memory.messages == [Said("caller", "12", are_keys=True)]
    memory.coached("Be nice.")
    assert memory.take_back() == ""
