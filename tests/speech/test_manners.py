"""How to take what is said into our speech."""

import pytest
from pydantic import ValidationError

from bridge.speech.manners import Manners, is_backchannel


@pytest.mark.parametrize(
    ("text", "voiced_s", "was_asked", "expected"),
    [
        ("", 0.5, False, True),
        ("...", 0.5, False, True),
        ("Stop!", 0.05, False, True),
        ("Stop!", 0.3, False, False),
        ("Mm-hm.", 0.3, True, True),
        ("Mhm, uh-huh.", 0.5, False, True),
        ("Hmm", 0.5, False, True),
        ("Okay.", 0.3, False, True),
        ("Okay.", 0.3, True, False),
        ("Yeah", 0.3, False, True),
        ("I see.", 0.3, False, True),
        ("No.", 0.3, False, False),
        ("Okay, but I wanted tea.", 0.9, False, False),
    ],
)
def test_who_only_listens_does_not_interrupt(
    text: str, voiced_s: float, was_asked: bool, expected: bool
) -> None:
    """Sounds, and words of assent that were not asked for."""
    assert is_backchannel(text, voiced_s, was_asked=was_asked) is expected


def test_manners_that_make_no_sense_are_refused() -> None:
    """And those nobody knows."""
    for wrong in ({"idle_s": 0}, {"keys_end": "##"}, {"greetings": "Hi"}):
        with pytest.raises(ValidationError):
            Manners.model_validate(wrong)


def test_a_long_hum_takes_no_time() -> None:
    """A recognizer may be stuck on one letter."""
    assert is_backchannel("m" * 5000 + "n", 0.5, was_asked=False) is False
    assert is_backchannel("m" * 5000, 0.5, was_asked=False)
