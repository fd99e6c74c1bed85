"""Messages are what Plivo documents, to the byte."""

import json
from typing import Any

import pytest

from bridge.stream import codec
from bridge.stream.messages import Message, Side
from tests.stream.samples import FROM

EACH = [(side, message) for side in Side for message in FROM[side]]


@pytest.mark.parametrize(("side", "message"), EACH, ids=lambda v: str(v)[:40])
def test_each_documented_message_reads_and_writes(side: Side, message: Any) -> None:
    """Parsing reverses writing, and no field is lost or renamed."""
    read = codec.parse(json.dumps(message), side)

    assert isinstance(read, Message)
    assert json.loads(codec.dump(read)) == message
