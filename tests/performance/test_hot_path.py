"""A frame costs what was accepted, whatever the machine's mood."""

from pathlib import Path

import pytest

from tests.needs import needs
from tests.performance import callgrind, hot_path
from tests.performance.counted import CASES, Case, by_function
from tests.performance.hot_path import (
    COMPILED,
    MARGIN,
    RATIO_MARGIN,
    Counts,
    accepted,
    count,
    this_python,
    worse,
)

CASE = "16 kHz bot"
OLD = Counts(reference=200_000, frames={CASE: 400_000})
KNOWN = {"CPython 3.11 x86_64": OLD}


@needs(callgrind.VALGRIND, "valgrind: apt-get install valgrind")
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_frame_takes_no_more_instructions_than_were_accepted() -> None:
    """`python -m tests.performance.hot_path --accept` accepts what is counted."""
    counted = count()

    assert worse(counted, accepted(), this_python()) == []


def test_all_cases_were_accepted() -> None:
    """On some Python, with filters in C and without where there are any."""
    assert {name for each in accepted().values() for name in each.frames} == set(CASES)


@pytest.mark.parametrize(
    ("rise", "fails"), [(MARGIN - 0.01, False), (MARGIN + 0.01, True)]
)
def test_on_the_same_python_counts_are_compared(rise: float, *, fails: bool) -> None:
    """With a margin of some percent; the reference tells that it is the same."""
    counted = Counts(201_000, {CASE: round(400_000 * (1 + rise))})

    sentences = worse(counted, KNOWN, "CPython 3.11 x86_64")

    assert bool(sentences) == fails
    assert all(f"{CASE}: 436000 instructions a frame" in each for each in sentences)


@pytest.mark.parametrize("python", ["CPython 3.11 x86_64", "CPython 3.13 aarch64"])
@pytest.mark.parametrize(
    ("rise", "fails"), [(RATIO_MARGIN - 0.02, False), (RATIO_MARGIN + 0.02, True)]
)
def test_on_another_python_ratios_are(python: str, rise: float, *, fails: bool) -> None:
    """Also if it only has the same name: built by another compiler, say."""
    counted = Counts(100_000, {CASE: round(200_000 * (1 + rise))})

    assert bool(worse(counted, KNOWN, python)) == fails


def test_filters_in_numpy_are_not_compared_with_those_in_c() -> None:
    """They cost several times as much, and that is known."""
    slow = Counts(200_000, {CASE: 900_000})
    python = "CPython 3.11 x86_64"

    assert worse(slow, {python + COMPILED: OLD}, python) == []
    assert worse(slow, {python: OLD}, python) != []


def test_a_case_that_is_new_is_not_compared() -> None:
    """Until it is accepted."""
    assert worse(Counts(200_000, {"new": 10**9}), KNOWN, "CPython 3.11 x86_64") == []


def test_counts_stand_between_marks() -> None:
    """What leads to them is not theirs, nor what comes behind the last."""
    totals = [9_000_000]
    for number in range(len(CASES)):
        totals += [(number + 1) * 1_000_000, 9_000_000]
    totals += [50_000_000, 9_000_000]

    counts = hot_path._counts(totals)

    assert list(counts.frames.values()) == [1000, 2000, 3000, 4000]
    assert counts.reference == 100_000


@pytest.mark.slow
def test_bytecodes_are_told_by_function() -> None:
    """Ours by their path; the calls are those of one frame each."""
    codes, calls = by_function(Case(16000))

    assert calls["bridge/bots/echo.py:Echo.__call__"] == 1000
    assert codes["bridge/bots/echo.py:Echo.__call__"] > 1000


OUT = """# callgrind format
positions: line
events: Ir

ob=(1) /usr/bin/python3.11
fl=(1) ceval.c
fn=(1) eval
10 7
+3 5
cob=(2) /lib/_numpy.so
cfi=(2) matmul.c
cfn=(2) matmul
calls=2 40
* 100
-2 1

ob=(2)
fl=(2)
fn=(2)
40 100

ob=(1)
fn=(3) free
5 2

totals: 115
"""


def test_costs_are_by_file_and_function(tmp_path: Path) -> None:
    """Without those that a function calls; names stand once, then their numbers."""
    file = tmp_path / "callgrind.out.1"
    file.write_text(OUT)

    assert callgrind.total(file) == 115
    assert callgrind.costs(file) == {
        ("/usr/bin/python3.11", "eval"): 13,
        ("/lib/_numpy.so", "matmul"): 100,
        ("/usr/bin/python3.11", "free"): 2,
    }


def test_what_is_no_count_is_told(tmp_path: Path) -> None:
    """A run that was killed leaves half a file."""
    file = tmp_path / "callgrind.out.1"
    file.write_text("# callgrind format\n")

    with pytest.raises(RuntimeError, match="not a count"):
        callgrind.total(file)
