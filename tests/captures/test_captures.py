"""Every capture in this folder is answered as it was when it was made.

To add one: put it here, and who answers it into `BOTS` in `make.py`.
"""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from bridge.cli.main import cli
from tests.captures.make import BOTS, HERE

CAPTURES = sorted(HERE.glob("*.capture"))


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_it_is_answered_as_it_was(path: Path) -> None:
    """The same messages, sound and times, within the tolerances."""
    words = ["replay", str(path), *BOTS[path.stem], "--json"]

    result = CliRunner().invoke(cli, words)

    (told,) = json.loads(result.output)
    assert [row for row in told["rows"] if not row["is_same"]] == []
    assert result.exit_code == 0


def test_there_are_some() -> None:
    """And each is known."""
    assert {path.stem for path in CAPTURES} == set(BOTS)
