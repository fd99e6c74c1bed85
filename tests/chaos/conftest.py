"""A bridge for all scenarios that leave it as it was, with bystanders on it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest
import pytest_asyncio

from tests.chaos.bystanders import Bystanders, standing_by
from tests.chaos.stage import Stage, staged

DEADLINES = (
    *("--handshake-timeout-s", "1", "--start-timeout-s", "1"),
    *("--ping-interval-s", "1", "--ping-timeout-s", "4"),
    *("--send-timeout-s", "4", "--close-timeout-s", "0.5"),
    *("--resume-s", "2.5", "--farewell-s", "0.3", "--listen-s", "3"),
)
"""As the defaults, but for tests that have less time."""


class House(NamedTuple):
    """A bridge, and callers who should notice nothing."""

    stage: Stage
    others: Bystanders
    transcripts: Path


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """A bridge that outlives its tests."""
    folder = tmp_path_factory.mktemp("transcripts")
    bots = "radio station crashes hangs lags notes"
    with staged(*DEADLINES, "--transcripts", str(folder), bots=bots) as stage:
        async with standing_by(stage.url("radio"), stage.pid) as others:
            yield House(stage, others, folder)
            assert not stage.said("radio missed")
