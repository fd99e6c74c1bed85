"""Real sockets on loopback."""

import gc
import json
from collections.abc import Iterator
from typing import Any

import pytest

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
