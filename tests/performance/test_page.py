"""The page of figures shows what was measured, and nothing else.

Run as a program, it writes what was measured into the page.
"""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from benchmarks.servers import tables
from tests.performance.hot_path import accepted

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "performance.md"
DATA = DOCS / "_data"
MARKS = re.compile(
    r"(<!-- measured: (\w+)[^\n]*-->\n).*?(<!-- /measured -->)", re.DOTALL
)

Part = dict[str, Any]


def parts() -> dict[str, Part]:
    """What `python -m benchmarks.servers --save docs/_data/performance.json` kept."""
    found: dict[str, Part] = json.loads((DATA / "performance.json").read_text())
    return found


def profile() -> Part:
    """What `python -m tests.performance.hot_path --profile --json` printed."""
    found: Part = json.loads((DATA / "profile.json").read_text())
    return found


def measured(name: str, table: Callable[[Part], str]) -> str:
    part = parts().get(name)
    if part is None:
        return "Not measured yet.\n"
    versions = ", ".join(f"{name} {each}" for name, each in part["versions"].items())
    rounds = part["rows"][0].get("rounds") if part["rows"] else None
    times = f", {rounds} rounds" if rounds else ""
    return (
        f"`{part['command']}`{times}, {part['date']}: {part['machine']}. "
        f"{versions}.\n\n{table(part)}\n"
    )


def instructions() -> str:
    """What is accepted of each Python."""
    rows = []
    for python, counts in accepted().items():
        for case, number in counts.frames.items():
            ratio = number / counts.reference
            rows.append((f"{case}, {python}", str(number), f"{ratio:.2f}"))
    return tables.table(("case", "instructions a frame", "of the reference"), rows)


def by_code() -> str:
    """Which libraries the instructions of a frame are in."""
    found = profile()
    total = found["instructions"]
    rows = [
        (library(name), str(number), f"{number / total:.1%}")
        for name, number in found["files"]
        if number / total >= 0.001
    ]
    return (
        f"{found['case']}, {total} instructions for a frame in and one out:\n\n"
        + tables.table(("in", "instructions", "share"), rows)
        + "\n"
    )


def by_module() -> str:
    """Which modules the interpreter's part is spent in."""
    found = profile()
    total = found["bytecodes"]
    rows = [
        (f"`{name}`", str(number), f"{number / total:.1%}")
        for name, number in found["modules"]
        if number / total >= 0.01
    ]
    return (
        f"The interpreter's part by module, in its own steps, {total} for a frame:\n\n"
        + tables.table(("module", "bytecodes", "share"), rows)
        + "\n"
    )


NAMES = {
    "libpython3": "the interpreter",
    "python3": "the interpreter",
    "_multiarray_umath": "numpy",
    "_core": "msgspec: JSON and base64",
    "libc": "the C library",
    "_fir": "the filters",
}
"""Of files of code."""


def library(name: str) -> str:
    """What a file of code is called by people."""
    # Its name has a version in it.
    return "OpenBLAS" if "openblas" in name else NAMES.get(name, f"`{name}`")


FILLED: Mapping[str, Callable[[], str]] = {
    "servers": lambda: measured("servers", tables.servers),
    "scaling": lambda: measured("scaling", tables.scaling),
    "capacity": lambda: measured("capacity", tables.capacity),
    "memory": lambda: measured("memory", tables.memory),
    "instructions": lambda: instructions() + "\n",
    "profile": lambda: by_code() + "\n" + by_module(),
}


def written(text: str) -> str:
    return MARKS.sub(lambda found: found[1] + FILLED[found[2]]() + found[3], text)


def test_the_page_shows_what_was_measured() -> None:
    """`python -m tests.performance.test_page` writes it."""
    text = PAGE.read_text()

    assert text == written(text)


@pytest.mark.parametrize("name", FILLED)
def test_every_part_has_its_place(name: str) -> None:
    """Once."""
    assert [found[2] for found in MARKS.finditer(PAGE.read_text())].count(name) == 1


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
