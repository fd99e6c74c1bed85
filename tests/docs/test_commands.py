"""Whatever the documentation tells to type works, here and now."""

import ast
import concurrent.futures
import importlib
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.load import Plan
from tests.docs.pages import Page, all_pages
from tests.docs.parsing import misunderstood, our_commands
from tests.docs.reader import Reader
from tests.needs import needs
from tests.speech.needs_local import needs_local

PAGES = {page.name: page for page in all_pages()}

AT_ONCE = 8
"""Pages that are followed side by side: they wait more than they compute."""

Followed = dict[str, concurrent.futures.Future[list[str]]]


@pytest.fixture(scope="module")
def followed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Followed]:
    """All pages that are asked for, being followed."""
    wanted = {
        str(item.callspec.params["name"])
        for item in request.session.items
        if isinstance(item, pytest.Function)
        and item.originalname == "test_what_it_says_works"
    }

    def follow(page: Page, folder: Path) -> list[str]:
        reader = Reader(folder)
        reader.follow(page)
        return reader.complaints

    # Those that take longest first: a demo is a call in real time.
    # A shell in the background ignores Ctrl-C, and whoever it starts does.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    names = sorted(wanted, key=lambda name: -PAGES[name].text.count("mpc-bridge demo"))
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as readers:
        yield {
            name: readers.submit(follow, PAGES[name], tmp_path_factory.mktemp("page"))
            for name in names
        }


@needs_local
@needs(shutil.which("curl"), "curl: apt-get install curl")
@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_what_it_says_works(name: str, followed: Followed) -> None:
    """A reader who does it from top to bottom meets no error."""
    assert followed[name].result() == []


@pytest.mark.parametrize("name", PAGES)
def test_our_commands_are_understood(name: str) -> None:
    """Also those that are not run: no flag is misspelt, none is gone."""
    complaints = [
        f"{block.place}: {command}: {wrong}"
        for block in PAGES[name].blocks()
        if block.is_shell
        for command in block.commands()
        for arguments in our_commands(command)
        if (wrong := misunderstood(arguments))
    ]
    assert complaints == []


@pytest.mark.parametrize("name", PAGES)
def test_commands_in_running_text_are_there(name: str) -> None:
    """`mpc-bridge mpc ai` and its flags exist, whatever is left out."""
    complaints = [
        f"{code}: {wrong}"
        for code in PAGES[name].inline_code()
        if code.startswith("mpc-bridge ") and "..." not in code
        for arguments in our_commands(code)
        if (wrong := misunderstood(arguments, may_lack=True))
    ]
    assert complaints == []


@pytest.mark.parametrize("name", PAGES)
def test_python_that_is_not_run_is_python(name: str) -> None:
    """And what it imports from us is there."""
    page = PAGES[name]
    for block in page.blocks():
        if block.language == "python" and page.reason(block) is not None:
            tree = compile(
                block.text,
                block.place,
                "exec",
                flags=ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT,
            )
            for node in ast.walk(tree):
                if isinstance(node, ast.ImportFrom):
                    assert missing(node) == [], block.place


@pytest.mark.parametrize("name", PAGES)
def test_python_uses_only_names_that_are_there(name: str) -> None:
    """Also inside of functions that no command calls."""
    page = PAGES[name]
    texts: dict[str, str] = {}
    for block in page.blocks():
        if block.language == "python" and page.reason(block) is None:
            file = block.file_name or block.place
            before = texts.get(file, "") if block.is_continued else ""
            texts[file] = before + block.text
    for file, text in texts.items():
        ruff = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "F821"]
        done = subprocess.run(
            [*ruff, "-"], input=text, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{name}: {file}\n{done.stdout}"


@pytest.mark.parametrize("name", PAGES)
def test_plans_of_load_runs_are_plans(name: str) -> None:
    """Every key of theirs is known."""
    for block in PAGES[name].blocks():
        if block.language == "toml" and re.search(r"^url = .ws", block.text, re.M):
            Plan.model_validate(tomllib.loads(block.text))


def missing(node: ast.ImportFrom) -> list[str]:
    """The names that an import from us would not find."""
    name = str(node.module)
    if name.partition(".")[0] != "bridge":
        return []
    module = importlib.import_module(name)
    return [each.name for each in node.names if not hasattr(module, each.name)]


def test_what_is_not_run_says_why() -> None:
    """In the page's source, with a reason in words."""
    for page in PAGES.values():
        for block in page.blocks():
            reason = page.reason(block)
            assert reason is None or len(reason.split()) > 2, block.place
