"""The fixture, as somebody who tests their own server uses it."""

import asyncio

import pytest

from bridge.load.report import Report
from bridge.pytest_plugin import PlivoLoad
from tests.fakes.flawed_server import flawed

pytestmark = pytest.mark.slow


async def test_it_runs_a_plan_and_gives_the_report(plivo_load: PlivoLoad) -> None:
    async with flawed("flaw") as url:
        report = await asyncio.to_thread(
            plivo_load,
            url,
            arrivals={"streams": 3},
            duration_s=3,
            fail_if=["calls_failed > 0"],
            processes=2,
        )
    assert isinstance(report, Report)
    assert report.figures["streams_peak"] == 3
    assert not report.has_failed
