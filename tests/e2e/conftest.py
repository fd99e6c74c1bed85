"""Real sockets on loopback."""

import gc
import json
from collections.abc import Iterator
from typing import Any

import pytest

from bridge.server import bridge_server
from bridge.server.framing import framing_of
from tests.stream.samples import MEDIA, START


@pytest.fixture
def swept() -> Iterator[None]:
    """What a test leaves to the collector is collected while it is still its own.

    A connection whose greeting is cancelled, redis-py leaves to it, with a warning.
    """
    gc.collect()
    gc.freeze()
    yield
    gc.collect()
    gc.unfreeze()


@pytest.fixture(params=["websockets", "picows"])
def each_transport(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> str:
    """The test runs on either: servers of this process take this one."""
    chosen: str = request.param
    if chosen == "picows":
        pytest.importorskip("picows")
    monkeypatch.setattr(bridge_server, "framing_of", lambda _wanted: framing_of(chosen))
    return chosen


@pytest.fixture
def start() -> str:
    """A documented `start`."""
    return json.dumps(START)


@pytest.fixture
def media() -> str:
    """A frame of that stream, 320 bytes of a quiet hum."""
    payload = "AQD//wEA//8BAP//" * 26 + "AQD//wEA"
    message: dict[str, Any] = {
        **MEDIA,
        "media": {"track": "inbound", "payload": payload},
    }
    return json.dumps(message)
