"""Links within the repository lead somewhere. (`make docs-links` asks the network.)"""

import re
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, Page, all_pages

PAGES = {page.name: page for page in all_pages()}
for each in ("CHANGELOG.md", "CONTRIBUTING.md"):
    PAGES[each] = Page(each, (ROOT / each).read_text())

ELSEWHERE = re.compile(r"[a-z]+:")


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as repositories' hosts make them."""
    text = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    plain = (re.sub(r"[^\w\s-]", "", heading.lower()) for heading in headings)
    return {re.sub(r"\s", "-", heading.strip()) for heading in plain}


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name: str) -> None:
    """To files that are there, and headings in them."""
    broken = []
    for link in PAGES[name].links():
        if ELSEWHERE.match(link):
            continue
        target, _, anchor = link.partition("#")
        path = (ROOT / name).parent / target if target else ROOT / name
        if not path.exists() or (anchor and anchor not in anchors(path)):
            broken.append(link)
    assert broken == []


def test_headings_become_anchors(tmp_path: Path) -> None:
    """Without marks, in small letters; what looks like one in code is none."""
    page = tmp_path / "page.md"
    page.write_text(
        "# Who's `there`?\n\n```sh\n# no heading\n```\n## Realtime, remote\n"
    )

    assert {"whos-there", "realtime-remote"} == anchors(page)
