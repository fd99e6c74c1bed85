"""How much somebody may do."""

import pytest

from bridge.server.allowance import Allowance


def test_what_is_within_costs_no_time() -> None:
    """All of it at once, or as much as is added."""
    allowance = Allowance(10.0, 100.0, now_s=5.0)
    assert allowance.use(100, 5.0) == 0
    assert allowance.use(10, 6.0) == 0


def test_what_is_beyond_has_to_be_waited_for() -> None:
    """And no longer."""
    allowance = Allowance(10.0, 100.0, now_s=0.0)
    assert allowance.use(105, 0.0) == pytest.approx(0.5)
    assert allowance.use(1, 0.5) == pytest.approx(0.1)
    assert allowance.use(1, 0.7) == pytest.approx(0.0, abs=1e-9)


def test_no_more_than_it_holds_is_saved_up() -> None:
    """Whoever was silent for an hour may not send an hour's worth."""
    allowance = Allowance(10.0, 100.0, now_s=0.0)
    assert allowance.use(110, 3600.0) == pytest.approx(1.0)
