"""Rules as data."""

import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

from bridge.errors import ConfigError
from bridge.speech import rulebook
from bridge.speech.rulebook import RuleBook, pattern


@pytest.mark.parametrize(
    ("phrase", "said", "fits"),
    [
        ("opening hours", "what are your opening hours please", True),
        ("opening hours", "opening the hours", False),
        ("when * open", "when are you open", True),
        ("when * open", "when open", True),
        ("when * open", "when are you opening", False),
        ("book|reserve", "i want to reserve a table", True),
        ("book|reserve", "bookkeeping", False),
        ("open (today|tomorrow)", "are you open tomorrow", True),
        ("open (today|tomorrow)", "open monday", False),
        ("what's up?", "what's up", True),
        ("1.5", "1x5", False),
        ("wi-fi", "do you have wi fi", True),
        ("book | reserve", "i want to book", True),
        ("talk to * person", "talk to person", True),
        ("^no$", "no", True),
        ("^no$", "no i have a question", False),
        ("^(hello|hi)", "say hello", False),
    ],
)
def test_phrases_are_words(phrase: str, said: str, fits: bool) -> None:
    """`*` is anything between, `|` either; all else is itself."""
    assert (pattern(phrase).search(said) is not None) is fits


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[[rules]]\nsay = "x"', "needs `when` or `keys`"),
        ('[[rules]]\nwhen = ["(a"]\nsay = "x"', r"'\(a'"),
        ('[[rules]]\nwhen = ["a"]\nsay = "{who}"', r"names \{who\}; known are none"),
        (
            (
                '[[rules]]\nwhen = ["a"]\nsay = "x"\n'
                'slots = [{name = "n", kind = "number", ask = "{n}?"}]'
            ),
            r"names \{n\}; known are none",
        ),
        ('[[rules]]\nwhen = ["a"]\nsays = "x"', "rules.0.says"),
        (
            (
                '[[rules]]\nwhen = ["a"]\n'
                'slots = [{name = "n", kind = "choice", ask = "?"}]'
            ),
            "a choice needs `of`",
        ),
        ("clarify = []", "clarify"),
        ('[[rules]]\nwhen = ["wine"]', "'wine' has no say, slots or tool"),
        ('clarify = ["{x}"]', r"names \{x\}"),
        ('goodbye = "bye {x}"', r"names \{x\}"),
        ('[[rules]]\nwhen = ["a"]\nsay = []', "say"),
        ('[[rules]]\nwhen = ["a"]\nsay = "{n:d}"', "stands alone"),
    ],
)
def test_a_book_that_makes_no_sense_is_refused(
    tmp_path: Path, text: str, problem: str
) -> None:
    """The error says what is wrong, and where."""
    path = tmp_path / "book.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=problem):
        RuleBook.read(path)


def test_the_book_of_the_docs_and_the_demonstration_s_are_books() -> None:
    """As printed."""
    printed = (rulebook.__doc__ or "").split("```toml")[1].split("```")[0]
    RuleBook.model_validate(tomllib.loads(printed))
    RuleBook.read(Path(str(files("bridge") / "data" / "conversation.toml")))


def test_without_a_person_nobody_is_transferred() -> None:
    """A book has to name one."""
    assert "transfer" not in RuleBook().built_in()
    assert "transfer" in RuleBook(transfer_to="+1").built_in()
