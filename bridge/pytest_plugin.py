"""A fixture for whoever tests a stream server with pytest: `plivo_load`.

It comes with the package and costs nothing until it is used; then it needs the extra
`load`.
"""

import asyncio
import importlib
from typing import Any, Protocol

import pytest

__all__ = ["PlivoLoad", "plivo_load"]


class PlivoLoad(Protocol):
    """Loads a stream server."""

    def __call__(self, url: str, **plan: Any) -> Any:
        """Run a plan against a server; returns its `bridge.load.Report`.

        Args:
            url: `ws://` or `wss://`.
            plan: Fields of `bridge.load.Plan`; and `processes`, `engine`, `server_pid`
                and `server_metrics`, as `bridge.load.run` takes them.
        """


RUN_OPTIONS = ("processes", "engine", "server_pid", "server_metrics")


@pytest.fixture
def plivo_load() -> PlivoLoad:
    """Run load against a stream server, and get the report.

    In an async test: `await asyncio.to_thread(plivo_load, url, ...)`, so that a server
    in the test's own loop goes on.
    """
    load: Any = importlib.import_module("bridge.load")

    def run(url: str, **plan: Any) -> Any:
        options = {name: plan.pop(name) for name in RUN_OPTIONS if name in plan}
        whole = load.Plan.model_validate({"url": url, **plan})
        return asyncio.run(load.run(whole, **options))

    return run
