"""Real sockets on loopback."""

import json
from typing import Any

import pytest

from tests.stream.samples import MEDIA, START


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
