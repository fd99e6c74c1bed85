"""Instructions of the hot path for each frame, beside those that were accepted.

    python -m tests.performance.hot_path             # count, and compare
    python -m tests.performance.hot_path --accept    # and write down what was counted
    python -m tests.performance.hot_path --profile   # where they go

Time on a shared machine tells a regression of a tenth from nothing at all only after
many runs; instructions are the same in each. Start-up is not counted.
"""

import argparse
import dataclasses
import json
import platform
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.performance import callgrind
from tests.performance.counted import CASES, FRAMES, MARK, REFERENCES, by_function

__all__ = [
    "MARGIN",
    "RATIO_MARGIN",
    "Counts",
    "accepted",
    "count",
    "this_python",
    "worse",
]

ACCEPTED = Path(__file__).with_name("accepted.json")

MARGIN = 0.08
"""So much more than was accepted is a regression, on a Python that is alike."""

ALIKE = 0.03
"""So far the reference may differ on Pythons that are alike."""

RATIO_MARGIN = 0.25
"""Where Pythons are not alike, ratios to the reference are compared, with this."""

PROFILED = "16 kHz bot"

COMPILED = ", compiled"
"""What is added to the name of a Python that has them; others need numpy's time."""


@dataclasses.dataclass(frozen=True)
class Counts:
    """Instructions, on one interpreter."""

    reference: int
    """For one round of it."""
    frames: Mapping[str, int]
    """For one frame of each case."""


def this_python() -> str:
    """What decides how many instructions a frame takes, as far as it has a name."""
    major, minor = sys.version_info[:2]
    name = f"{platform.python_implementation()} {major}.{minor} {platform.machine()}"
    return f"{name}{COMPILED if find_spec('bridge.audio._fir') else ''}"


def accepted() -> dict[str, Counts]:
    """What was accepted, by interpreter."""
    if not ACCEPTED.exists():
        return {}
    return {
        name: Counts(**each) for name, each in json.loads(ACCEPTED.read_text()).items()
    }


def count() -> Counts:
    """Count.

    Raises:
        RuntimeError: If there is no valgrind, or something fails under it.
    """
    with tempfile.TemporaryDirectory() as folder:
        files = callgrind.run("tests.performance.counted", Path(folder), MARK)
        return _counts([callgrind.total(file) for file in files])


def _counts(totals: list[int]) -> Counts:
    # Before a count lies what leads to it; the last is followed by the end.
    each = totals[1:-1:2]
    assert len(each) == len(CASES) + 1, totals
    frames = {name: each[place] // FRAMES for place, name in enumerate(CASES)}
    return Counts(each[-1] // REFERENCES, frames)


def worse(counted: Counts, known: Mapping[str, Counts], python: str) -> list[str]:
    """Tell which cases take too many instructions, in a sentence each.

    Args:
        counted: On this interpreter.
        known: What was accepted, by interpreter.
        python: This one. Of one that nothing was accepted on, ratios are compared with
            those on another.
    """
    is_compiled = python.endswith(COMPILED)
    similar = [each for each in known if each.endswith(COMPILED) == is_compiled]
    if not similar:
        return []
    name = python if python in similar else similar[-1]
    old = known[name]
    is_alike = name == python and abs(counted.reference / old.reference - 1) <= ALIKE
    margin = MARGIN if is_alike else RATIO_MARGIN
    scale = 1.0 if is_alike else counted.reference / old.reference
    sentences = []
    for case, instructions in counted.frames.items():
        if case not in old.frames:
            continue
        most = old.frames[case] * scale * (1 + margin)
        if instructions > most:
            sentences.append(
                f"{case}: {instructions} instructions a frame, allowed are {most:.0f}: "
                f"{old.frames[case]} on {name}"
                + ("" if is_alike else f", times {scale:.2f} for this one's reference")
                + f", and {margin:.0%}"
            )
    return sentences


# ---------------------------------------------------------------------- the command


def main() -> None:
    """Count, compare, print; exit with 1 for a regression."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--accept", action="store_true", help="write down what is counted"
    )
    parser.add_argument("--profile", action="store_true", help="show where it goes")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.profile:
        found = profile()
        print(json.dumps(found, indent=1) if options.json else shown(found))
        return
    counted = count()
    known, python = accepted(), this_python()
    if options.accept:
        known[python] = counted
        plain = {name: dataclasses.asdict(known[name]) for name in sorted(known)}
        ACCEPTED.write_text(json.dumps(plain, indent=2) + "\n")
    if options.json:
        print(json.dumps({"python": python, **dataclasses.asdict(counted)}))
    else:
        _print(counted, known.get(python), python)
    sentences = worse(counted, known, python)
    print(*sentences, sep="\n", end="\n" if sentences else "", file=sys.stderr)
    sys.exit(1 if sentences else 0)


def _print(counted: Counts, old: Counts | None, python: str) -> None:
    print(f"{python}; instructions for each 20 ms frame, in and out\n")
    print(f"{'':22}{'counted':>10}{'accepted':>10}{'change':>9}{'of reference':>14}")
    rows = {**counted.frames, "(reference)": counted.reference}
    olds = {**old.frames, "(reference)": old.reference} if old else {}
    for name, instructions in rows.items():
        before = olds.get(name)
        change = f"{instructions / before - 1:+9.1%}" if before else f"{'':9}"
        ratio = instructions / counted.reference
        print(f"{name:22}{instructions:10}{before or '':>10}{change}{ratio:14.2f}")


# ---------------------------------------------------------------------- the profile


def profile() -> dict[str, Any]:
    """Where the instructions of a frame go, for `PROFILED`.

    Returns:
        `instructions` in all; `files` and `functions` of code, with theirs; `modules`
        and `python`, with the bytecodes (and calls) of Python functions.
    """
    with tempfile.TemporaryDirectory() as folder:
        files = callgrind.run("tests.performance.counted", Path(folder), MARK)
        found = callgrind.costs(files[1 + 2 * list(CASES).index(PROFILED)])
    by_file: Counter[str] = Counter()
    by_name: Counter[str] = Counter()
    for (file, function), instructions in found.items():
        short = Path(file).name.partition(".")[0]
        by_file[short] += instructions
        by_name[f"{short}: {function}"] += instructions
    codes, calls = by_function(CASES[PROFILED])
    modules: Counter[str] = Counter()
    for name, number in codes.items():
        modules[name.partition(":")[0]] += number
    return {
        "case": PROFILED,
        "instructions": found.total() // FRAMES,
        "files": _each(by_file, 12),
        "functions": _each(by_name, 25),
        "modules": _each(modules, 20),
        "python": [
            [name, number, round(calls[name] / FRAMES, 2)]
            for name, number in _each(codes, 30)
        ],
        "bytecodes": codes.total() // FRAMES,
    }


def _each(counter: Counter[str], most: int) -> list[tuple[str, int]]:
    return [(name, number // FRAMES) for name, number in counter.most_common(most)]


def shown(found: Mapping[str, Any]) -> str:
    """A profile, to be read."""
    total, codes = found["instructions"], found["bytecodes"]
    rows = [f"{found['case']}: {total} instructions a frame; by file of code"]
    rows += [f"{n:9} {n / total:6.1%}  {name}" for name, n in found["files"]]
    rows.append("\nby function")
    rows += [f"{n:9} {n / total:6.1%}  {name}" for name, n in found["functions"]]
    rows.append(f"\n{codes} bytecodes of Python a frame; by module")
    rows += [f"{n:9} {n / codes:6.1%}  {name}" for name, n in found["modules"]]
    rows.append("\nby function, with calls a frame")
    rows += [
        f"{n:9} {n / codes:6.1%} {called:6.2f}  {name}"
        for name, n, called in found["python"]
    ]
    return "\n".join(rows)


if __name__ == "__main__":
    main()
