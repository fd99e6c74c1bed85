"""A Sphinx extension: parts of pages that the code writes, and the looks of its API.

* `rows`: what the code says about itself, as rows, for whoever wants another table
* `commands`: the command line; `markdown`: tables; `pages`: the parts by name
* `signatures`: how names, types and docstrings of the API are shown

A line `<!-- generated: NAME -->` in a page is replaced before it is read.
"""

import re
from pathlib import Path
from typing import Any

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

from docs.generated import signatures
from docs.generated.pages import PARTS

__all__ = ["setup", "written"]

PLACE = re.compile(r"^<!-- generated: (?P<name>[^\n]+?) -->$", re.MULTILINE)


def setup(app: Sphinx) -> dict[str, Any]:
    """Join Sphinx."""
    app.add_config_value("pages_to_come", [], "env", [list])
    app.connect("source-read", _write_parts)
    signatures.setup(app)
    # Hosts of repositories draw these; a page that works offline shows their text.
    app.add_lexer("mermaid", TextLexer)
    return {"version": "1", "parallel_read_safe": True}


def written(text: str) -> str:
    """Put the generated parts into a page.

    Raises:
        ExtensionError: If it asks for one that there is not.
    """

    def part(found: re.Match[str]) -> str:
        if found["name"] not in PARTS:
            known = ", ".join(PARTS)
            raise ExtensionError(f"no part {found['name']!r}; known: {known}")
        return PARTS[found["name"]]()

    return PLACE.sub(part, text)


def _write_parts(app: Sphinx, _page: str, source: list[str]) -> None:
    text = written(source[0])
    for name in app.config.pages_to_come:
        # Its place in the table of contents is kept until it is there.
        if not Path(app.srcdir, f"{name}.md").exists():
            text = re.sub(rf"^{re.escape(name)}\n", "", text, flags=re.MULTILINE)
    source[0] = text
