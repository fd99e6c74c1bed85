"""What the simulated phones do."""

from pathlib import Path

import pytest

from bridge.audio import files
from bridge.audio.pcm import silence
from bridge.engine.phonebook import Phonebook, PhoneScript
from bridge.errors import ConfigError


def test_a_phonebook_is_read(tmp_path: Path) -> None:
    """Sounds are looked for beside it; numbers are found however written."""
    files.write(tmp_path / "a.wav", silence(80), 8000)
    (tmp_path / "book.toml").write_text(
        '[numbers."+1 555 0100"]\nsays = "a.wav"\n'
        'keys = [{ after_s = 3, digits = "1#" }]\n'
        '[numbers."sip:Bob@example.com"]\noutcome = "busy"\n'
    )

    book = Phonebook.read(tmp_path / "book.toml")

    assert book.script("15550100").says == tmp_path / "a.wav"
    assert book.script("+15550100").keys[0].digits == "1#"
    assert book.script("sip:bob@example.com").outcome == "busy"
    assert book.script("+999") == PhoneScript()


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('[numbers."1"]\nsays = "none.wav"', "1 says .*none.wav, no such file"),
        ('[numbers."1"]\nsings = true', "numbers.1.sings: there is nothing"),
        ('[numbers."1"]\noutcome = "maybe"', "'answers', 'busy' or 'no-answer'"),
        ('[numbers."1"]\nkeys = [{ after_s = 1, digits = "x" }]', "digits"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_mistake_is_said(tmp_path: Path, text: str, what: str) -> None:
    """With the number it is about."""
    (tmp_path / "book.toml").write_text(text)

    with pytest.raises(ConfigError, match=what):
        Phonebook.read(tmp_path / "book.toml")
