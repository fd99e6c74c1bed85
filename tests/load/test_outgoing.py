"""Frames that leave without asking are those that would have left with it."""

import math
import os
import socket
from collections.abc import Iterator
from contextlib import suppress

import numpy as np
import pytest
from websockets.extensions.base import Extension
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from bridge.load import outgoing
from bridge.load.caller_plan import Trouble
from bridge.load.figures import Tally
from bridge.load.opening import start_of
from bridge.load.plan import Plan
from bridge.load.record import Record
from bridge.load.sending import Sending
from bridge.load.sounds import Sound
from bridge.stream.content_type import DEFAULT_CONTENT_TYPE
from bridge.stream.messages import Side
from bridge.stream.protocol import StreamProtocol
from tests.uncompiled import uncompiled

SOUND = Sound.tones(DEFAULT_CONTENT_TYPE)
COMPILED = outgoing._outgoing  # type: ignore[attr-defined]

compiled = pytest.mark.skipif(
    COMPILED is None, reason="there was no compiler at installation"
)


@pytest.mark.skipif("CI" not in os.environ, reason="elsewhere there may be no compiler")
def test_ci_compiles_it() -> None:
    """Else nothing below has been tried."""
    assert COMPILED is not None


class Line:
    """What is sent of a caller, over a real socket, without asking or by Python."""

    def __init__(self, extra_headers: str = "") -> None:
        self.texts: list[bytes] = []
        self.record = Record(0, "caller", Tally(), 0.0)
        self.sending = Sending(Trouble(), self.record, np.random.default_rng(0))
        start = start_of(Plan(url="ws://h/", extra_headers=extra_headers), "the-stream")
        self.sending.go_over(self.texts.append, StreamProtocol(Side.PLATFORM))
        self.sending.start(start)
        self.sending._began_ms = 1_700_000_000_000
        self.sending.say(SOUND.texts)
        self.line = self.sending.line
        self.line.owner = self
        self.near, self.far = socket.socketpair()
        self.near.setblocking(False)
        self.line.fd, self.line.alone, self.line.look_s = self.near.fileno(), 1000, 10.0

    def close(self) -> None:
        self.near.close()
        self.far.close()

    def due(self, now_s: float = 0.0) -> list[tuple[object, bytes | None]]:
        return outgoing.due([self.line], now_s)

    def received(self) -> list[Frame]:
        """All frames up to the end."""
        self.near.shutdown(socket.SHUT_WR)
        return list(frames_of(b"".join(iter(lambda: self.far.recv(65536), b""))))


def frames_of(data: bytes) -> Iterator[Frame]:
    stream, extensions = StreamReader(), list[Extension]()
    stream.feed_data(data)
    stream.feed_eof()
    while stream.buffer:
        parser = Frame.parse(stream.read_exact, mask=True, extensions=extensions)
        try:
            next(parser)
        except StopIteration as done:
            yield done.value


@pytest.fixture(params=["", "a=1,b=%d %% {}", 'x="4444444444,"'])
def line(request: pytest.FixtureRequest) -> Iterator[Line]:
    made = Line(request.param)
    yield made
    made.close()


@compiled
def test_frames_are_what_python_would_send(line: Line) -> None:
    """From one end of the sound over to its beginning."""
    line.line.at = len(SOUND) - 2
    for _ in range(5):
        assert line.due() == []
    line.sending.settle()
    assert line.record.frames_sent == 5
    assert (line.line.number, line.line.chunk, line.line.alone) == (6, 5, 995)
    frames = line.received()
    assert all(frame.fin and frame.opcode is Opcode.TEXT for frame in frames)
    line.line.number, line.line.chunk = 1, 0
    for at in (-2, -1, 0, 1, 2):
        line.sending.frame(SOUND.texts[at], None)
    assert [frame.data for frame in frames] == line.texts[1:]


@compiled
def test_masks_differ(line: Line) -> None:
    line.line.number = line.line.chunk = 0
    line.due()
    line.line.number = line.line.chunk = line.line.at = 0
    line.due()
    line.near.shutdown(socket.SHUT_WR)
    data = b"".join(iter(lambda: line.far.recv(65536), b""))
    first, second = data[: len(data) // 2], data[len(data) // 2 :]
    assert first != second
    assert [each.data for each in frames_of(first)] == [
        each.data for each in frames_of(second)
    ]


@compiled
def test_asked_is_who_has_to_be(line: Line) -> None:
    """Without a socket; at a mark; where something is due; at each look."""
    asked: list[tuple[object, bytes | None]] = [(line, None)]
    fd, own = line.near.fileno(), line.line
    for name, value, before in (
        ("fd", -1, fd),
        ("alone", 0, 1),
        ("due_s", 5.0, math.inf),
        ("look_s", 5.0, 10.0),
    ):
        setattr(own, name, value)
        assert line.due(now_s=5.0) == asked, name
        setattr(own, name, before)
    assert own.chunk == 0
    assert line.due(now_s=5.0) == []
    assert line.due(now_s=5.0) == asked, "the one frame that it might send has left"
    own.alone = 1
    own.say((), (b"",) * 5, 0)
    assert line.due(now_s=5.0) == asked, "there is nothing to say"


@compiled
def test_what_a_socket_does_not_take_comes_back(line: Line) -> None:
    rest: list[tuple[object, bytes | None]] = []
    while not rest:
        rest = line.due()
    ((owner, left),) = rest
    assert owner is line
    assert left
    line.far.setblocking(False)
    data = b""
    with suppress(BlockingIOError):
        while True:
            data += line.far.recv(1 << 20)
    frames = list(frames_of(data + left))
    assert len(frames) == line.line.sent == line.line.number - 1


@compiled
def test_a_broken_socket_is_found_by_its_transport(line: Line) -> None:
    line.far.close()
    ((owner, left),) = line.due()
    assert owner is line
    assert [frame.opcode for frame in frames_of(left or b"")] == [Opcode.TEXT]


@compiled
def test_nothing_but_lines_is_due() -> None:
    with pytest.raises(TypeError, match="not Outgoing"):
        outgoing.due([object()], 0.0)  # type: ignore[list-item]
    with pytest.raises(TypeError, match="bytes"):
        COMPILED.Outgoing().say(("text",), (b"",) * 5, 0)


def test_without_a_compiler_each_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = uncompiled(monkeypatch, outgoing, "bridge.load._outgoing")
    line = plain.outgoing()
    line.owner, line.fd, line.alone, line.look_s = "owner", 1, 5, 10.0
    line.say(SOUND.texts, (b"",) * 5, 0)
    assert plain.due([line], 0.0) == [("owner", None)]
    assert line.due_s == math.inf
