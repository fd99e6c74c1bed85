"""The server's meters, from its process and from its metrics."""

import os

import pytest

from bridge.errors import ConfigError
from bridge.load.watch import ByProcess, Meter, watching


async def test_a_process_tells_what_it_used() -> None:
    watch = watching(os.getpid(), None)
    assert isinstance(watch, ByProcess)
    reading = await watch.read()
    assert reading is not None
    assert reading[0] > 0
    assert reading[1] > 10_000_000


def test_a_process_that_is_not_there() -> None:
    with pytest.raises(ConfigError, match="999999999"):
        watching(999_999_999, None)


def test_nothing_is_watched_unless_asked() -> None:
    assert watching(None, None) is None


async def test_a_meter_tells_what_was_used_since() -> None:
    class Steady:
        spent_s = 0.0

        async def read(self) -> tuple[float, float]:
            self.spent_s += 1000.0
            return self.spent_s, 5e6

    meter = Meter(Steady())
    assert await meter.second() == {}
    second = await meter.second()
    assert second["server_cpu_cores"] > 100
    assert second["server_memory_mb"] == 5.0
    assert await Meter(None).second() == {}
