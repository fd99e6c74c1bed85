"""Blocks and their orders are found in a page's source."""

import pytest

from tests.docs.pages import Block, Page, all_pages

PAGE = """
# Title

<!-- not run: needs an account -->
```sh
mpc-bridge mpc list
```

<!-- given: a.wav, b.wav -->
<!-- shorter: load --streams 2 -->

    mpc-bridge load URL \\
        --streams 200 &  # many
    mpc-bridge demo --press 1#@2 # keys

    $ ls
    my_bots.py
    $ mpc-bridge demo

Some words; the comment above was for that block alone. `mpc-bridge bots`

```python
# my_bots.py
x = 1
```

```python
# my_bots.py, too
y = 2
```

    a table    of figures

[there](other.md#part) ![picture](images/a.svg)
"""


@pytest.fixture
def blocks() -> list[Block]:
    return list(Page("page.md", PAGE).blocks())


def test_a_block_knows_its_place_and_why_it_is_not_run(blocks: list[Block]) -> None:
    """And its neighbours are run."""
    page = Page("page.md", PAGE)

    assert blocks[0].place == "page.md:5"
    assert [page.reason(block) for block in blocks] == [
        "needs an account",
        None,
        None,
        None,
        None,
    ]


def test_a_page_may_not_be_run_at_all() -> None:
    """Every block then has that reason, unless it has its own."""
    page = Page("page.md", "<!-- nothing here is run: needs a cluster -->\n" + PAGE)

    assert [page.reason(block) for block in page.blocks()][:2] == [
        "needs an account",
        "needs a cluster",
    ]


def test_prompts_outputs_and_comments_are_no_commands(blocks: list[Block]) -> None:
    """A block with prompts is a console; `1#` is a word."""
    assert blocks[1].commands() == ["ls", "mpc-bridge demo"]

    plain = Block("page.md", 1, "sh", "mpc-bridge demo --press 1#@2 # keys\n# all\n")
    assert plain.commands() == ["mpc-bridge demo --press 1#@2"]


def test_lines_are_joined_and_shortened() -> None:
    """What is appended stands before `&`, and only where it is meant."""
    text = "mpc-bridge load URL \\\n    --streams 200 &\nmpc-bridge demo\n"
    block = Block("page.md", 1, "sh", text, (("shorter", "load --streams 2"),))

    load, demo = block.commands()

    assert (load.split()) == [
        "mpc-bridge",
        "load",
        "URL",
        "--streams",
        "200",
        "--streams",
        "2",
        "&",
    ]
    assert demo == "mpc-bridge demo"


def test_files_are_named_by_their_first_line(blocks: list[Block]) -> None:
    """`, too` continues one; tables of figures are nothing."""
    assert [block.file_name for block in blocks] == [
        None,
        None,
        "my_bots.py",
        "my_bots.py",
        None,
    ]
    assert [block.is_continued for block in blocks[2:4]] == [False, True]
    assert [block.is_shell for block in blocks] == [True, True, False, False, False]


@pytest.mark.parametrize(
    "text",
    ["docker compose up", "NAME=x mpc-bridge serve", "docker/make_secrets.sh", "$ ls"],
)
def test_indented_commands_are_seen(text: str) -> None:
    """Whatever they are of: what is not run must say why."""
    assert Block("page.md", 1, "", f"{text}\n").is_shell


def test_links_and_inline_code_are_found() -> None:
    """Pictures, too."""
    page = Page("page.md", PAGE)

    assert list(page.links()) == ["other.md#part", "images/a.svg"]
    assert list(page.inline_code()) == ["mpc-bridge bots"]


def test_all_pages_are_there() -> None:
    """The README, and whatever lies in docs, but what was built of it."""
    names = [page.name for page in all_pages()]

    assert {"README.md", "docs/index.md", "docs/tutorial/first-bot.md"} <= set(names)
    assert not any("_build" in name for name in names)
