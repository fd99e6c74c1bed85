"""What blocks the event loop is told, and where."""

import asyncio
import contextlib
import logging
import time

import pytest

from bridge.metrics import Metrics
from bridge.server import stalls
from bridge.server.stalls import watch_stalls
from tests.patience import in_real_time


def hold_everything_up(seconds: float) -> None:
    time.sleep(seconds)


@in_real_time
def test_a_stall_is_told_while_it_lasts_and_when_it_is_over(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the line that holds everything up; once, however long it takes."""
    monkeypatch.setattr(stalls, "LOOK_S", 0.15)
    caplog.clear()
    metrics = Metrics()

    async def stalling() -> None:
        watching = asyncio.ensure_future(watch_stalls(metrics))
        await asyncio.sleep(0.3)
        told_too_early = list(caplog.records)
        hold_everything_up(1.0)
        during = [each for each in caplog.records if each.levelno == logging.ERROR]
        await asyncio.sleep(0.3)
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
        assert not told_too_early
        assert len(during) == 1
        assert "in hold_everything_up" in during[0].getMessage()

    with caplog.at_level(logging.WARNING):
        asyncio.run(stalling())
    assert metrics.stalls >= 1
    assert "everything stood still for " in caplog.text
