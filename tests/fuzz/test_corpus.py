"""What fuzzing has found and learnt, tried again; needs no fuzzer."""

from pathlib import Path

import pytest

from tests.fuzz.targets import CORPUS, TARGETS, kept

MOST_BYTES = 4096
MOST_FILES = 300


@pytest.mark.parametrize("name", TARGETS)
def test_the_seeds_are_taken(name: str) -> None:
    """And nothing at all is."""
    target = TARGETS[name]
    assert target.take.__doc__
    for seed in ("", *target.seeds):
        target.take(seed.encode("latin-1"))


@pytest.mark.parametrize(
    ("name", "path"), kept(), ids=[f"{name}/{path.name}" for name, path in kept()]
)
def test_what_was_kept_is_taken(name: str, path: Path) -> None:
    """Every file of the corpus, by its target."""
    TARGETS[name].take(path.read_bytes())


def test_the_corpus_stays_small() -> None:
    """It is read by people who look at changes."""
    files = [path for _name, path in kept()]
    assert len(files) <= MOST_FILES
    assert all(path.stat().st_size <= MOST_BYTES for path in files)
    assert {path.name for path in CORPUS.iterdir()} <= set(TARGETS)
