"""Programs under `valgrind --tool=callgrind`, and what it writes."""

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

__all__ = ["VALGRIND", "Costs", "costs", "run", "total"]

VALGRIND = shutil.which("valgrind")

ROOT = Path(__file__).parents[2]

LONGEST_S = 300

NAME = re.compile(r"\((\d+)\)(?: (.*))?")

Costs = Counter[tuple[str, str]]
"""Instructions by file of code and function in it, without those it calls."""


def run(module: str, folder: Path, mark: str) -> list[Path]:
    """Run a module of Python; returns a file for each count, the rest at the end last.

    Args:
        module: Its name.
        folder: Where files go.
        mark: The C function at whose calls a count ends and the next begins.

    Raises:
        RuntimeError: If there is no valgrind, or the module fails, with what it said.
    """
    if VALGRIND is None:
        raise RuntimeError("needs valgrind: apt-get install valgrind")
    out = folder / "callgrind.out"
    command = [VALGRIND, "-q", "--tool=callgrind", f"--dump-before={mark}"]
    command += [f"--callgrind-out-file={out}", sys.executable, "-m", module]
    # Nor is it measured what lines of ours are passed: that would be counted, too.
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("COVERAGE_", "BRIDGE_", "PYTHON"))
    }
    environment |= {"PYTHONHASHSEED": "0", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command,
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{module} under callgrind: {done.stderr[-2000:]}")
    marked = sorted(
        folder.glob("callgrind.out.*"), key=lambda path: int(path.suffix[1:])
    )
    return [*marked, out]


def total(file: Path) -> int:
    """All instructions of a count."""
    found = re.search(r"^totals: (\d+)", file.read_text(), re.MULTILINE)
    if found is None:
        raise RuntimeError(f"{file}: not a count of callgrind's")
    return int(found[1])


def costs(file: Path) -> Costs:
    """Instructions of a count, by where they were spent."""
    found: Costs = Counter()
    names: dict[tuple[str, str], str] = {}
    where = {"ob": "", "fn": ""}
    is_of_callee = False
    for line in file.read_text().splitlines():
        key, equals, value = line.partition("=")
        if equals and key in ("ob", "cob", "fn", "cfn"):
            kind = key[-2:]
            name = _name(value, kind, names)
            if key == kind:
                where[kind] = name
        elif key == "calls":
            # The line after it has what the function that is called came to.
            is_of_callee = True
        elif line and (line[0].isdigit() or line[0] in "+-*"):
            if not is_of_callee:
                found[where["ob"], where["fn"]] += int(line.split()[1])
            is_of_callee = False
    return found


def _name(value: str, kind: str, names: dict[tuple[str, str], str]) -> str:
    """A name; at its first time it stands behind its number, and then no more."""
    match = NAME.fullmatch(value)
    if match is None:
        return value
    if match[2] is not None:
        names[kind, match[1]] = match[2]
    return names.get((kind, match[1]), "?")
