"""Texts cut into what can be said, and words with places."""

from collections.abc import AsyncIterator

import numpy as np
import pytest

from bridge.audio.pcm import silence
from bridge.speech.synthesis import Speech, clauses, spoken, timed


async def letters(text: str, size: int) -> AsyncIterator[str]:
    for begin in range(0, len(text), size):
        yield text[begin : begin + size]


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Of course, sir, I can. Which day? Monday.",
            ["Of course, sir,", "I can. Which day?", "Monday."],
        ),
        (
            "Dr. Smith and Mr. J. Doe are in. Good.",
            ["Dr. Smith and Mr. J. Doe are in.", "Good."],
        ),
        ("It costs 3.50 and 1,000 more.", ["It costs 3.50 and 1,000 more."]),
        (
            'He said "no way!" and left the house.',
            ['He said "no way!"', "and left the house."],
        ),
        ("First line\nsecond line", ["First line\nsecond line"]),
        ("A much longer line\nand another", ["A much longer line", "and another"]),
        ("", []),
        ("   ", []),
    ],
)
async def test_a_text_is_cut_where_it_can_be_said(
    text: str, expected: list[str], size: int
) -> None:
    """However it comes; the first piece as early as may be."""
    assert [clause async for clause in clauses(letters(text, size))] == expected


async def test_the_first_clause_does_not_wait_for_the_rest() -> None:
    """It is out before the next word is there."""
    taken: list[str] = []

    async def text() -> AsyncIterator[str]:
        for part in ("Well of course, ", "I will ", "do that."):
            taken.append(part)
            yield part

    stream = clauses(text())
    assert await anext(stream) == "Well of course,"
    assert len(taken) == 1


def test_guessed_places_are_late() -> None:
    """Each word ends where the next one is guessed to."""
    speech = timed(silence(1000), "one two three")
    ends = [word.end_samples for word in speech.words]
    assert ends == sorted(ends)
    assert ends[0] > 1000 * 4 / 14
    assert ends[-1] == 1000
    assert timed(silence(10), "").words == ()


async def test_pieces_make_a_whole() -> None:
    """For who wants no stream."""

    class Voice:
        async def speak(self, text: str, rate_hz: int) -> AsyncIterator[Speech]:
            for word in text.split():
                yield Speech(np.full(rate_hz // 100, len(word), np.int16), ())

    assert len(await spoken(Voice(), "a bb ccc", 8000)) == 240
    assert len(await spoken(Voice(), "", 8000)) == 0
