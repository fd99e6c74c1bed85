"""A call costs in its last minute what it cost in its first, and keeps nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.performance.hour import FRAMES, _heap_bytes

ROOT = Path(__file__).parents[2]

MOST_BLOCKS = 500
"""A tenth of a block a second; 7 are seen."""

MOST_BYTES = 64 * 1024


@pytest.fixture(scope="module")
def minutes() -> list[dict[str, Any]]:
    """The first, the fifth and the sixtieth, of a process of its own.

    It counts memory: nobody else's may be in it, nor coverage's.
    """
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("COVERAGE_", "BRIDGE_"))
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.performance.hour"],
        env={**environment, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        check=True,
    )
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_an_hour_of_a_call_is_as_cheap_as_its_first_minute(
    minutes: list[dict[str, Any]],
) -> None:
    """In calls of functions, with all frames answered and checkpoints acknowledged."""
    first, fifth, last = minutes

    assert last["number"] == 60
    assert fifth["answers"] == last["answers"] == FRAMES
    assert fifth["acknowledged"] == last["acknowledged"] == 60
    assert last["calls"] == pytest.approx(first["calls"], rel=0.05)
    assert last["calls"] == pytest.approx(fifth["calls"], rel=0.002)


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_an_hour_of_a_call_keeps_nothing(minutes: list[dict[str, Any]]) -> None:
    """So nothing that is looked through grows, either, which calls would not show."""
    _first, fifth, last = minutes

    assert last["blocks"] - fifth["blocks"] < MOST_BLOCKS
    assert last["heap_bytes"] - fifth["heap_bytes"] < MOST_BYTES


@pytest.mark.skipif(not _heap_bytes(), reason="the C library is not glibc")
def test_what_python_does_not_count_is_seen() -> None:
    """The memory of a list that grows is not in blocks of Python's allocator."""
    before = _heap_bytes()
    kept = [0] * 100_000

    assert _heap_bytes() - before >= 8 * len(kept)
