"""Whether calls are traced."""

import sys

import pytest

from bridge import Call
from bridge.call.bot import InService
from bridge.errors import ConfigError
from bridge.server.app import serving
from bridge.server.options import ServerOptions
from bridge.server.tracing import tracing, untraced


async def test_nothing_is_traced_unless_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And OpenTelemetry need not be there."""
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    async with tracing(ServerOptions()) as around:
        assert around is untraced


async def test_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is listened on."""
    monkeypatch.delitem(sys.modules, "bridge.server.spans", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)

    async def wait(_call: Call) -> None:
        pass

    bots = {"wait": InService.of("wait", wait)}

    with pytest.raises(ConfigError, match=r"pip install 'mpc-bridge\[otel\]'"):
        async with serving(bots, ServerOptions(port=0, traces=True)):
            pass


async def test_a_variable_that_is_wrong_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As the environment is the only place where it can be."""
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "-1")
    with pytest.raises(ConfigError, match="OTEL_BSP_SCHEDULE_DELAY"):
        async with tracing(ServerOptions(traces=True)):
            pass
