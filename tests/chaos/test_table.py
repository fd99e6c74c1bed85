"""What docs/failures.md names, there is."""

import re
from pathlib import Path

from bridge.metrics import Metrics

METRICS = Path(__file__).parents[2] / "docs" / "observe.md"
TABLE = Path(__file__).parents[2] / "docs" / "failures.md"


def test_every_metric_in_the_table_is_one() -> None:
    """Who looks for one at night shall find it."""
    named = set(re.findall(r"\b(?:bridge|process)_[a-z_]+", TABLE.read_text()))
    there = set(re.findall(r"^# HELP (\S+)", Metrics().exposition().decode(), re.M))
    # Several workers have some more; that table is held to the code by its own test.
    there |= set(re.findall(r"`(bridge_worker[a-z_]+)`", METRICS.read_text()))
    assert len(named) > 10
    assert named <= there
