"""The reader meets the errors that a page has, and no others."""

import textwrap
from pathlib import Path

import pytest

from tests.docs.pages import Page
from tests.docs.reader import Reader


def complaints(folder: Path, text: str) -> list[str]:
    reader = Reader(folder)
    reader.follow(Page("page.md", textwrap.dedent(text)))
    return reader.complaints


@pytest.mark.slow
def test_a_page_that_is_right(tmp_path: Path) -> None:
    """Files, servers on other ports, Python with `await`: no complaint."""
    text = """
        <!-- given: caller.wav -->
        ```sh
        mpc-bridge engine --phonebook phones.toml
        curl -sf http://127.0.0.1:8080/openapi.json
        test -s caller.wav
        export GREETING=hello
        test $GREETING = hello
        ```

        ```toml
        # phones.toml
        [numbers."+1"]
        says = "caller.wav"
        ```

        ```python
        import asyncio
        await asyncio.sleep(0)
        ```
        """
    assert complaints(tmp_path, text) == []


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ("```sh\nfalse\n```", "page.md:1: false: exit code 1"),
        ("```sh\nmpc-bridge engine --port no\n```", "did not start"),
        ("```sh\npip install 'mpc-bridge[nowhere]'\n```", "there is no extra nowhere"),
        ("```sh\nmake dmeo\n```", "make has no dmeo"),
        ("```toml\na = \n```", "page.md:1: Invalid value"),
        ("```json\n{]\n```", "page.md:1: Expecting"),
        ("```python\n# my.py\nimport no_such\n```", "No module named 'no_such'"),
        ("```python\nawait no_such()\n```", "name 'no_such' is not defined"),
        ("```sh\nmpc-bridge version --watch\n```", "No such option"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    block: str, said: str, tmp_path: Path
) -> None:
    """In the words of whoever refused it."""
    (complaint,) = complaints(tmp_path, block)
    assert said in complaint


@pytest.mark.slow
def test_what_was_typed_before_is_typed(tmp_path: Path) -> None:
    """A server that the page takes for granted; variables before a command."""
    text = """
        <!-- before: BRIDGE_LOG_LEVEL=debug mpc-bridge serve --bot echo -->
        ```sh
        curl -sf http://127.0.0.1:8765/readyz
        ```
        """
    assert complaints(tmp_path, text) == []


def test_what_is_marked_is_not_run(tmp_path: Path) -> None:
    """Nor what is installed, or set up."""
    text = """
        <!-- not run: it would fail -->
        ```sh
        false
        ```

        ```sh
        pip install 'mpc-bridge[local]'
        make test BIN=bin
        ```

        ```json
        {"a": 1}
        {"b": 2}
        ```
        """
    assert complaints(tmp_path, text) == []


def test_a_page_may_redefine_a_file(tmp_path: Path) -> None:
    """Commands see it as it stands above them, or as it will come."""
    text = """
        ```sh
        grep one words.toml
        ```

        ```toml
        # words.toml
        it = "one"
        ```

        ```toml
        # words.toml, too
        more = "two"
        ```

        ```sh
        grep one words.toml
        grep two words.toml
        ```

        ```toml
        # words.toml
        it = "three"
        ```

        ```sh
        grep three words.toml
        ```
        """
    assert complaints(tmp_path, text) == []
