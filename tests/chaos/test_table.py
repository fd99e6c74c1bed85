"""What docs/failures.md names, there is."""

import re
from pathlib import Path

from bridge.metrics import Metrics
from bridge.server.workers.hub import Hub

TABLE = Path(__file__).parents[2] / "docs" / "failures.md"


def test_every_metric_in_the_table_is_one() -> None:
    """Who looks for one at night shall find it."""
    named = set(re.findall(r"\b(?:bridge|process)_[a-z_]+", TABLE.read_text()))
    there = set(re.findall(r"^# HELP (\S+)", Metrics().exposition().decode(), re.M))
    # Several workers have some more.
    there |= {each.name for family in Hub().collect() for each in family.samples}
    assert len(named) > 10
    assert named <= there
