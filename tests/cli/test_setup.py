"""What commands share."""

import asyncio
import os
import signal
from typing import Any

import pytest

from bridge.cli import setup
from bridge.errors import ConfigError


def test_a_config_file_may_be_named_by_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`BRIDGE_CONFIG`; without it there is none."""
    assert setup.read_config(None) == {}
    monkeypatch.setenv("BRIDGE_CONFIG", "/none.toml")
    with pytest.raises(ConfigError, match=r"/none\.toml"):
        setup.read_config(None)


def test_the_first_signal_stops_and_the_second_forces(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On a loop of its own, as the commands run; the process ends soon after that."""
    forced: list[bool] = []
    leaving: list[tuple[float, int]] = []
    monkeypatch.setattr(
        setup, "_leave_in", lambda seconds, _why, code: leaving.append((seconds, code))
    )
    taken = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)
    before = [signal.getsignal(each) for each in taken]

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(0.01, os.kill, os.getpid(), signal.SIGTERM)
        await setup.until_signalled(lambda: forced.append(True))
        assert forced == []
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(0.05)

    try:
        setup.run(main())
    finally:
        for number, handler in zip(taken, before, strict=True):
            signal.signal(number, handler)
    assert forced == [True]
    assert leaving == [(setup.FORCED_S, 1)]


def test_without_uvloop_asyncio_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no wheel for every platform."""

    def missing(_name: str) -> Any:
        raise ImportError

    monkeypatch.setattr("importlib.import_module", missing)

    async def which() -> str:
        return type(asyncio.get_running_loop()).__module__

    assert setup.run(which()).startswith("asyncio")
