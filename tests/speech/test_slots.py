"""What callers say, as values."""

import datetime

import pytest

from bridge.speech.models import is_installed
from bridge.speech.slots import KINDS, plain, reader, spoken_value
from tests.needs import needs

pytestmark = needs(is_installed("text_to_num"), "text2num: pip install text2num")

TODAY = datetime.date(2026, 11, 21)  # a Saturday


@pytest.mark.parametrize(
    ("kind", "said", "value"),
    [
        ("yes_no", "Yes, please.", "yes"),
        ("yes_no", "Yeah that's right", "yes"),
        ("yes_no", "No.", "no"),
        ("yes_no", "Nope, that is wrong", "no"),
        ("yes_no", "That isn't right", "no"),
        ("yes_no", "Maybe", None),
        ("yes_no", "please change the time", None),
        ("yes_no", "Yes, but for five", None),
        ("yes_no", "absolutely not", "no"),
        ("yes_no", "No problem", "yes"),
        ("yes_no", "I don\u2019t think so", "no"),
        ("yes_no", "uh-huh", "yes"),
        ("number", "We are four.", "4"),
        ("number", "Twenty-five people", "25"),
        ("number", "1,200 of them", "1200"),
        ("number", "just the one", "1"),
        ("number", "a couple", "2"),
        ("number", "three point five", "3.5"),
        ("number", "no idea", None),
        ("number", "I am on the phone", None),
        ("number", "half a dozen", "6"),
        ("number", "a dozen", "12"),
        ("number", "just me", "1"),
        ("digits", "It's 4 7 1 1.", "4711"),
        ("digits", "four seven double one", "4711"),
        ("digits", "five five five, oh one two three", "5550123"),
        ("digits", "555-0123", "5550123"),
        ("digits", "I don't know", None),
        ("date", "Tomorrow please", "2026-11-22"),
        ("date", "the day after tomorrow", "2026-11-23"),
        ("date", "To-morrow,", "2026-11-22"),
        ("date", "On Friday.", "2026-11-27"),
        ("date", "not tomorrow, on Friday", "2026-11-27"),
        ("date", "a week from Friday", "2026-12-04"),
        ("date", "next week Tuesday", "2026-11-24"),
        ("date", "in two weeks", "2026-12-05"),
        ("date", "the 3rd", "2026-12-03"),
        ("date", "Sept 5", "2027-09-05"),
        ("date", "next Saturday", "2026-11-28"),
        ("date", "today", "2026-11-21"),
        ("date", "May 3rd", "2027-05-03"),
        ("date", "the third of May", "2027-05-03"),
        ("date", "December twenty-fourth", "2026-12-24"),
        ("date", "the 24th of December 2027", "2027-12-24"),
        ("date", "12/24", "2026-12-24"),
        ("date", "2027-02-01", "2027-02-01"),
        ("date", "February 30th", None),
        ("date", "some day", None),
        ("time", "At half-past seven.", "19:30"),
        ("time", "half past eleven", "11:30"),
        ("time", "quarter to eight", "19:45"),
        ("time", "6 PM", "18:00"),
        ("time", "six thirty p.m.", "18:30"),
        ("time", "seven in the morning", "07:00"),
        ("time", "nine in the evening", "21:00"),
        ("time", "at 19:15", "19:15"),
        ("time", "noon", "12:00"),
        ("time", "eight o'clock", "08:00"),
        ("time", "whenever", None),
        ("time", "a table for 4 tomorrow at 7 pm", "19:00"),
        ("time", "for 2 people at 7pm", "19:00"),
        ("time", "on the 25th at 7", "19:00"),
        ("time", "three in the afternoon", "15:00"),
        ("time", "tonight at eight", "20:00"),
        ("time", "ten past seven", "19:10"),
        ("time", "five past eight", "08:05"),
        ("time", "seven oh five", "19:05"),
        ("name", "My name is Sam.", "Sam"),
        ("name", "Um, it's anna maria", "Anna Maria"),
        ("name", "Yes, this is O'Brien, thanks", "O'Brien"),
        ("name", "Smith-Jones", "Smith-Jones"),
        ("name", "My name is Sam, and it's for four people", "Sam"),
        ("name", "This is Sam speaking", "Sam"),
        ("name", "under the name of Jones", "Jones"),
        ("name", "last name Miller, please", "Miller"),
        ("name", "No", None),
        ("name", "I don't know", None),
        ("name", "J. R. Smith", "J R Smith"),
        ("name", "I do not want to tell you my whole life", None),
        ("text", " whatever ", "whatever"),
        ("text", " ", None),
    ],
)
def test_a_value_is_found(kind: str, said: str, value: str | None) -> None:
    """As the recognizer writes what is said."""
    assert KINDS[kind](said, TODAY) == value


def test_one_of_some_words_is_chosen() -> None:
    """By itself, or by what else it is called."""
    choose = reader("choice", {"red": ["claret", "scarlet wine"], "white": []})
    assert choose("The scarlet wine, please.", TODAY) == "red"
    assert choose("White!", TODAY) == "white"
    assert choose("Whitewater", TODAY) is None


@pytest.mark.parametrize(
    ("kind", "value", "spoken"),
    [
        ("date", "2027-05-03", "Monday, May 3"),
        ("time", "18:30", "6:30 PM"),
        ("time", "00:00", "12 AM"),
        ("digits", "4711", "4 7 1 1"),
        ("name", "Sam", "Sam"),
    ],
)
def test_values_are_said_back(kind: str, value: str, spoken: str) -> None:
    """As people say them."""
    assert spoken_value(kind, value) == spoken


def test_plain_text_has_numbers_and_no_signs() -> None:
    """Whatever was in it."""
    assert plain("Well -- two, please!? (3.5)") == "well 2 please 3.5"
    assert plain("") == ""
