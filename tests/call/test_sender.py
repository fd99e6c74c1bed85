"""What a call writes to its socket."""

import base64

import pytest

from bridge.audio.pcm import FRAME_MS
from bridge.call.link import NOBODY
from bridge.call.sender import Sender
from bridge.stream.content_type import ContentType
from bridge.stream.messages import ClearAudio, PlayAudio, PlayAudioBody, Side
from bridge.stream.protocol import StreamProtocol
from tests.fakes.far_end import FarEnd


class Wire:
    """A link that keeps what it is given; heads say how long a message is."""

    is_writable = True

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    @property
    def framer(self) -> "Wire":
        return self

    def head(self, size: int) -> bytes:
        return b"%d:" % size

    def send_framed(self, message: bytes) -> None:
        self.sent.append(message)

    def send(self, text: bytes) -> None:
        self.sent.append(text)

    def close(self, code: int, reason: str) -> None:
        raise AssertionError


def sender(content_type: str = "audio/x-l16;rate=8000") -> tuple[Sender, Wire]:
    wire = Wire()
    name, _, rate = content_type.partition(";rate=")
    far_end = FarEnd(ContentType(name, int(rate)))
    return Sender(wire, far_end.start()), wire


@pytest.mark.parametrize(
    "content_type",
    ["audio/x-l16;rate=8000", "audio/x-l16;rate=16000", "audio/x-mulaw;rate=8000"],
)
def test_frames_are_written_as_others_write_them(content_type: str) -> None:
    """What stands around the base64, and the head before it, make the same message."""
    made, wire = sender(content_type)
    payload = bytes(made.protocol.content_type.bytes_per_ms * FRAME_MS)

    made.audio(payload)
    writing = made.writing()

    assert writing is not None
    begin, end, framer = writing
    framer.send_framed(begin + base64.b64encode(payload) + end)
    message, framed = wire.sent
    assert framed == b"%d:" % len(message) + message


def test_nothing_is_sent_without_a_socket_or_before_the_start() -> None:
    """Nor is anything written."""
    made, wire = sender()
    made.link = None
    waiting = Sender(wire, StreamProtocol(Side.BRIDGE))
    for each in (made, waiting):
        each.audio(b"ab")
        each.message(ClearAudio())
        assert each.writing() is None
    assert wire.sent == []


def test_a_far_end_that_does_not_read_is_told_of() -> None:
    """After what went out still."""
    told: list[int] = []
    made, wire = sender()
    made.on_unwritable = lambda: told.append(len(wire.sent))
    made.message(PlayAudio(media=PlayAudioBody(b"ab")))
    wire.is_writable = False
    made.audio(b"ab")

    assert told == [2]


def test_nobody_takes_anything() -> None:
    """In everybody's place."""
    assert NOBODY.head(5) == b""
    assert not NOBODY.hear_next(b"{}")
    assert not NOBODY.hear_framed(b"\x81")
    NOBODY.send_framed(b"{}")
    NOBODY.receive(b"{}")
