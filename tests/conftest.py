"""Unit tests run in virtual time; other folders have sockets and real seconds."""

import asyncio
import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from bridge.cli.logs import QUIET, StandardError
from bridge.virtual_time import VirtualLoop

# They run by themselves: what they adapt changes Python for the whole process.
collect_ignore = [] if any("adapters" in each for each in sys.argv) else ["adapters"]

ALONE = ("test_load_figures.py",)
"""Modules that hold figures against time."""

FIRST = ("docs", "e2e", "chaos", "interop")
"""Where tests wait most: begun first, they are not what everything waits for last."""

settings.register_profile(
    "bridge",
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("bridge")


def pytest_asyncio_loop_factories(
    item: pytest.Item,
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Choose the loop by the folder the test is in."""
    folders = item.path.relative_to(Path(__file__).parent).parts
    if {"e2e", "chaos", "interop", "adapters"} & set(folders):
        return {"real": asyncio.new_event_loop}
    return {"virtual": VirtualLoop}


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """A command that runs in this process sets logging up for all that comes after it.

    What a later test finds in the log would be a matter of who ran before it.
    """
    root = logging.getLogger()
    levels = {name: logging.getLogger(name).level for name in ("root", *QUIET)}
    yield
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    for handler in root.handlers[:]:
        if isinstance(handler, StandardError):
            root.removeHandler(handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what measures time, by its module; put the longest first."""
    for item in items:
        if item.path.name in ALONE:
            item.add_marker("alone")
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    folder = item.path.relative_to(Path(__file__).parent).parts[0]
    return FIRST.index(folder) if folder in FIRST else len(FIRST)
