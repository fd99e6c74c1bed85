"""What a test needs of the machine; it skips where that is not there, never in CI."""

import os

import pytest

__all__ = ["needs"]


def needs(is_there: object, what: str) -> pytest.MarkDecorator:
    """Skip a test where something is missing; say what, and how to get it."""
    missing = not is_there and not os.environ.get("CI")
    return pytest.mark.skipif(missing, reason=f"needs {what}")
