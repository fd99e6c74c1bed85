"""Processes whose coverage nobody measures.

Those that are killed would leave half-written files of it, and those that are only
there to be disturbed, or to be talked to, are slower for nothing.
"""

import os
from collections.abc import Mapping

__all__ = ["environment"]


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Our environment, and more, without what makes a process measure itself."""
    ours = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("COVERAGE_PROCESS_")
    }
    return {**ours, **(more or {})}
