"""The documentation can be built, and read without a network."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, all_pages

FETCHED = re.compile(
    r"<(?:script|img|iframe|link)\b[^>]*\b(?:src|href)=\"(?:https?:)?//"
    r"|@import\s+(?:url\()?[\"']?(?:https?:)?//|url\([\"']?(?:https?:)?//"
)
"""What a browser would go elsewhere for; a link waits to be clicked."""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages, as `make docs` builds them."""
    out = tmp_path_factory.mktemp("html")
    words = ["--builder", "html", "--fail-on-warning", "--keep-going", "--quiet"]
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *words, "-d", f"{out}-trees", "docs", out],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return out


@pytest.mark.slow
def test_every_page_is_built_and_fetches_nothing(built: Path) -> None:
    """Without a warning; scripts, fonts and pictures lie beside it."""
    expected = {
        page.name.removeprefix("docs/").replace(".md", ".html")
        for page in all_pages()
        if page.name.startswith("docs/")
    }
    pages = {str(path.relative_to(built)): path for path in built.rglob("*.html")}

    assert expected <= set(pages)
    for path in [*pages.values(), *built.rglob("*.css")]:
        assert FETCHED.search(path.read_text()) is None, path


@pytest.mark.slow
def test_generated_parts_are_in_the_pages(built: Path) -> None:
    """None is left as it stands in the source."""
    assert "--max-streams" in (built / "reference/cli.html").read_text()
    assert "BRIDGE_MAX_STREAMS" in (built / "reference/configuration.html").read_text()
    for path in built.rglob("*.html"):
        assert "generated:" not in path.read_text()


@pytest.mark.parametrize(
    "text",
    [
        '<script src="https://cdn.example.com/a.js"></script>',
        '<link rel="stylesheet" href="//fonts.example.com/a.css">',
        "@import url(https://example.com/a.css);",
        "src: url('https://example.com/a.woff')",
    ],
)
def test_what_would_be_fetched_is_seen(text: str) -> None:
    """In pages and in styles."""
    assert FETCHED.search(text) is not None
