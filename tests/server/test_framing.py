"""What arrives, in whatever pieces, is what the library alone makes of it."""

import asyncio
import dataclasses
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Close, Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from bridge.server.framing import MOST_AT_ONCE, WebsocketsFraming

UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
MAX_SIZE = 100_000


def upgraded() -> ServerProtocol:
    websocket = ServerProtocol(max_size=MAX_SIZE)
    websocket.receive_data(UPGRADE)
    (request,) = websocket.events_received()
    assert isinstance(request, Request)
    websocket.send_response(websocket.accept(request))
    websocket.data_to_send()
    return websocket


@dataclasses.dataclass
class Owner:
    """Writes down what it is told."""

    texts: list[bytes] = dataclasses.field(default_factory=list)
    others: list[int] = dataclasses.field(default_factory=list)
    written: list[bytes] = dataclasses.field(default_factory=list)
    ended: int = 0
    most: int = 10**9
    """Frames it lets through."""

    def receive(self, text: bytes) -> None:
        self.texts.append(text)

    def take_other(self, opcode: int) -> None:
        self.others.append(int(opcode))

    def may_go_on(self, frames: int) -> bool:
        self.most -= frames
        return self.most > 0

    told: list[str] = dataclasses.field(default_factory=list)

    def pause_writing(self) -> None:
        self.told.append("pause")

    def resume_writing(self) -> None:
        self.told.append("resume")

    def connection_lost(self, error: Exception | None) -> None:
        self.told.append(f"lost by {error}")

    def end(self) -> None:
        self.ended += 1


class Wire(asyncio.WriteTransport):
    """Keeps what is sent."""

    def __init__(self, written: list[bytes]) -> None:
        super().__init__()
        self._written = written

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._written.append(bytes(data))


def framing() -> tuple[WebsocketsFraming, Owner]:
    owner = Owner()
    made = WebsocketsFraming(upgraded(), MAX_SIZE, owner, Wire(owner.written))
    made.taker = owner
    return made, owner


def sent(opcode: Opcode, data: bytes, *, fin: bool = True) -> bytes:
    return Frame(opcode, data, fin).serialize(mask=True)


TEXTS = st.one_of(st.binary(max_size=200), st.binary(min_size=65530, max_size=65545))
MESSAGES = st.one_of(
    TEXTS.map(lambda text: [sent(Opcode.TEXT, text)]),
    st.lists(st.binary(max_size=150), min_size=2, max_size=4).map(
        lambda parts: [
            sent(
                Opcode.CONT if n else Opcode.TEXT, part, fin=n == len(parts) - 1
            )  # fragments
            for n, part in enumerate(parts)
        ]
    ),
    st.binary(max_size=20).map(lambda data: [sent(Opcode.BINARY, data)]),
    st.sampled_from([Opcode.PING, Opcode.PONG]).map(lambda kind: [sent(kind, b"x")]),
)


@given(
    messages=st.lists(MESSAGES, max_size=12),
    cuts=st.lists(st.integers(0, 200_000), max_size=12),
    ends=st.sampled_from([b"", sent(Opcode.CLOSE, Close(1000, "").serialize())]),
)
def test_pieces_do_not_matter(
    messages: list[list[bytes]], cuts: list[int], ends: bytes
) -> None:
    """Texts whole and fragmented, long and short, among pings, cut anywhere."""
    data = b"".join(frame for message in messages for frame in message) + ends
    made, owner = framing()

    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for begin, end in itertools.pairwise(edges):
        made.receive(data[begin:end])

    library = upgraded()
    library.receive_data(data)
    events = [each for each in library.events_received() if isinstance(each, Frame)]
    text, texts, others = b"", [], []
    for frame in events:
        if frame.opcode in (Opcode.TEXT, Opcode.CONT):
            text += frame.data
            if frame.fin:
                texts.append(text)
                text = b""
        else:
            others.append(int(frame.opcode))
    assert owner.texts == texts
    assert owner.others == others
    answers = [each for each in library.data_to_send() if each]
    assert b"".join(owner.written) == b"".join(answers)
    assert owner.ended == bool(ends)
    assert made.is_open is not bool(ends)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (Frame(Opcode.TEXT, b"bare").serialize(mask=False), 1002),
        (b"\xc1\x84\x00\x00\x00\x00text", 1002),  # a reserved bit
        (b"\x83\x80\x00\x00\x00\x00", 1002),  # no such opcode
        (sent(Opcode.CONT, b"of nothing"), 1002),
        (sent(Opcode.TEXT, b"a", fin=False) + sent(Opcode.TEXT, b"b"), 1002),
        (sent(Opcode.TEXT, bytes(MAX_SIZE + 1)), 1009),
    ],
    ids=["unmasked", "reserved bit", "opcode", "continuation", "no end", "too long"],
)
def test_what_breaks_the_protocol_is_refused(data: bytes, code: int) -> None:
    """The library says with which code; what comes behind it is for nobody."""
    made, owner = framing()

    made.receive(sent(Opcode.TEXT, b"before"))
    made.receive(data)
    made.receive(sent(Opcode.TEXT, b"behind"))

    assert owner.texts == [b"before"]
    assert owner.written[-1] == Frame(Opcode.CLOSE, owner.written[-1][2:]).serialize(
        mask=False
    )
    assert int.from_bytes(owner.written[-1][2:4], "big") == code
    assert owner.ended
    assert not made.is_open


@pytest.mark.parametrize("size", [0, 125, 126, 65535, 65536])
def test_text_is_sent_as_the_library_would(size: int) -> None:
    """Byte for byte."""
    made, owner = framing()

    made.send(bytes(size))

    assert owner.written == [Frame(Opcode.TEXT, bytes(size)).serialize(mask=False)]


def test_nothing_is_sent_after_goodbye() -> None:
    """A close frame is the last."""
    made, owner = framing()

    made.close(1000, "")
    made.send(b"late")

    assert len(owner.written) == 1
    assert not made.is_open


def test_a_flood_waits_until_it_may_go_on() -> None:
    """Nothing of it is lost, and nothing overtakes it."""
    made, owner = framing()
    owner.most = MOST_AT_ONCE
    flood = [b"%d" % n for n in range(3 * MOST_AT_ONCE)]

    made.receive(b"".join(sent(Opcode.TEXT, text) for text in flood))
    made.receive(sent(Opcode.TEXT, b"last"))
    held = list(owner.texts)
    owner.most = 10**9
    made.go_on()

    assert held == flood[:MOST_AT_ONCE]
    assert owner.texts == [*flood, b"last"]


class Foreseen:
    """Takes some frames, whenever they come."""

    def __init__(self, *frames: bytes) -> None:
        self.asked: list[bytes] = []
        self._frames = frames

    def hear_next(self, text: bytes) -> bool:
        raise AssertionError("frames come whole")

    def hear_framed(self, data: bytes) -> bool:
        self.asked.append(data)
        return data in self._frames


def test_an_ear_is_asked_first_for_what_begins_with_a_frame() -> None:
    """What it leaves goes the usual way; what is a part of one, it is not asked for."""
    made, owner = framing()
    texts = [b"%d" % number * 200 for number in range(6)]
    frames = [sent(Opcode.TEXT, text) for text in texts]
    ear = made.ear = Foreseen(*frames[::2])
    for data in (*frames[:4], frames[4][:50], frames[4][50:], frames[5]):
        made.data_received(data)

    assert ear.asked == [*frames[:4], frames[4][:50], frames[5]]
    assert owner.texts == [texts[1], *texts[3:]]
    assert made.has_received


def test_what_an_ear_takes_counts_as_frames() -> None:
    """Else a flood of them would be nobody's matter."""
    made, owner = framing()
    frame = sent(Opcode.TEXT, b"x" * 200)
    made.ear = Foreseen(frame)
    for _ in range(2 * MOST_AT_ONCE):
        made.data_received(frame)

    assert owner.texts == []

    assert owner.most == 10**9 - 2 * MOST_AT_ONCE


def test_what_was_framed_before_goes_out_as_it_is() -> None:
    """As `send` would write it; on a closed socket, not at all."""
    made, owner = framing()
    for size in (0, 125, 126, 65535, 65536):
        made.send(bytes(size))
        made.send_framed(made.head(size) + bytes(size))
        first, second = owner.written[-2:]
        assert first == second == Frame(Opcode.TEXT, bytes(size)).serialize(mask=False)
    made.close(1000, "")
    count = len(owner.written)
    made.send_framed(b"late")
    assert len(owner.written) == count


def test_the_owner_is_told_what_the_transport_tells() -> None:
    """The framing is the transport's protocol now."""
    made, owner = framing()
    made.pause_writing()
    made.resume_writing()
    made.connection_lost(OSError("a reset"))

    assert owner.told == ["pause", "resume", "lost by a reset"]
