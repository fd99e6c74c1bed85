"""TOML documents, and what is wrong with them in words."""

from pathlib import Path

import pytest
from pydantic import BaseModel, Field

from bridge.documents import printable, read_document
from bridge.errors import ConfigError


class Garden(BaseModel):
    trees: int = Field(ge=1)


def test_a_document_is_read(tmp_path: Path) -> None:
    """Into its model."""
    (tmp_path / "a.toml").write_text("trees = 3")

    assert read_document(tmp_path / "a.toml", Garden).trees == 3


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("trees = 0", "trees: Input should be greater"),
        ("trees =", "Invalid value"),
        (b"\xff", "utf-8"),
        (None, "No such file"),
    ],
)
def test_what_is_wrong_names_the_file(
    tmp_path: Path, text: str | bytes | None, what: str
) -> None:
    """And the field, or the place."""
    path = tmp_path / "a.toml"
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    with pytest.raises(ConfigError, match=rf"a\.toml: .*{what}"):
        read_document(path, Garden)


def test_words_of_others_are_harmless() -> None:
    """Escape sequences and what XML forbids; other scripts stay."""
    assert printable("gone \x1b[31m\x00, grüße 你好") == "gone ?[31m?, grüße 你好"
