"""What is read for others is what a parser would read, or is left to it."""

import asyncio
import os
import socket
from time import perf_counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from bridge.load import incoming
from bridge.load.form import Form
from bridge.load.incoming import Incoming, Reader
from bridge.stream import codec
from bridge.stream.messages import PlayAudio, PlayAudioBody
from tests.uncompiled import uncompiled

AUDIO = bytes(range(160)) * 2
COMPILED = incoming._incoming  # type: ignore[attr-defined]

compiled = pytest.mark.skipif(
    COMPILED is None, reason="there was no compiler at installation"
)


@pytest.mark.skipif("CI" not in os.environ, reason="elsewhere there may be no compiler")
def test_ci_compiles_it() -> None:
    """Else nothing below has been tried."""
    assert COMPILED is not None


def written(payload: bytes) -> bytes:
    return codec.dump(PlayAudio(media=PlayAudioBody(payload, "audio/x-l16", 8000)))


def framed(text: bytes, opcode: Opcode = Opcode.TEXT, *, fin: bool = True) -> bytes:
    return Frame(opcode, text, fin=fin).serialize(mask=False)


class Stream:
    """A server's end of a real socket, and all that is read at the other."""

    def __init__(self, reader: Reader) -> None:
        made = reader.incoming(2)
        assert made is not None
        self.incoming: Incoming = made
        self.form = Form(2)
        self.form.learn(written(AUDIO))
        self.near, self.far = socket.socketpair()
        self.told: list[bytes | None] = []
        self.payloads: list[bytes] = []
        self.came_s: list[float] = []
        self._epoll = reader.fileno()
        self.lend()

    def lend(self) -> None:
        head, tail, fd = self.form.head, self.form.tail, self.near.fileno()
        self.incoming.read_from(self, self._epoll, fd, head, tail)

    def close(self) -> None:
        self.incoming.stop()
        self.near.close()
        self.far.close()

    def heard(self, unread: bytes | None) -> None:
        self.told.append(unread)
        payloads, came_s = self.incoming.take()
        self.payloads += payloads
        self.came_s += came_s
        if unread is not None:
            self.incoming.stop()

    async def said(self, data: bytes) -> tuple[list[bytes], bytes | None]:
        """Send bytes; the audio that was taken of them, and what was left."""
        self.payloads.clear()
        self.told.clear()
        self.far.sendall(data)
        await settled(self.near)
        self.payloads += self.incoming.take()[0]
        left = self.told[-1] if self.told else None
        if left is not None:
            self.lend()
        return list(self.payloads), left


async def settled(near: socket.socket) -> None:
    """Wait until all that came was read."""
    for _ in range(1000):
        await asyncio.sleep(0)
        try:
            near.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
    raise AssertionError("nobody reads")


@compiled
async def test_audio_is_kept_with_its_time_until_there_is_some() -> None:
    with Reader() as reader:
        stream, before_s = Stream(reader), perf_counter()
        parts = [bytes([number, 0]) * 160 for number in range(25)]
        for part in parts[:23]:
            stream.far.sendall(framed(written(part)))
            await settled(stream.near)
        assert stream.told == []
        stream.far.sendall(framed(written(parts[23])) + framed(written(parts[24])))
        await settled(stream.near)
        assert stream.told == [None]
        assert stream.payloads == parts[:25]
        assert stream.came_s == sorted(stream.came_s)
        assert before_s <= stream.came_s[0] <= stream.came_s[-1] <= perf_counter()
        assert await stream.said(framed(written(b"\1\0" * 20))) == (
            [b"\1\0" * 20],
            None,
        )
        stream.close()


@compiled
async def test_what_is_not_as_foreseen_is_left_with_all_behind_it() -> None:
    good, other = framed(written(AUDIO)), framed(b'{"event":"clearAudio"}')
    fragment = framed(written(AUDIO), fin=False)
    with Reader() as reader:
        stream = Stream(reader)
        for left in (
            other + good,
            framed(b"", Opcode.PING) + good,
            framed(written(AUDIO), Opcode.BINARY),
            fragment + framed(b"", Opcode.CONT),
            framed(written(AUDIO) + b" "),
            framed(written(AUDIO[:3])),
            framed(written(b"")),
            framed(written(AUDIO).replace(b"8000", b"8001")),
            framed(written(AUDIO).replace(b"AAEC", b"AA!C")),
            # The last letter has bits that stand for nothing.
            framed(written(AUDIO[:-2] + b"\0\0").replace(b'AAA="', b'AAB="')),
            good[:3],
            good[:-1],
            good[:1],
        ):
            taken, unread = await stream.said(good + left)
            assert taken == [AUDIO], left[:80]
            assert unread == left, left[:80]
        stream.close()


@compiled
async def test_more_than_is_kept_is_left() -> None:
    with Reader() as reader:
        stream = Stream(reader)
        short = b"\1\0" * 8
        taken, unread = await stream.said(framed(written(short)) * 66)
        assert taken == [short] * 64
        assert unread == framed(written(short)) * 2
        stream.close()


@compiled
async def test_of_a_long_one_only_the_beginning_was_read() -> None:
    with Reader() as reader:
        stream, long = Stream(reader), framed(written(bytes(60000)))
        stream.far.sendall(long)
        while not stream.told:
            await asyncio.sleep(0)
        (unread,) = stream.told
        assert unread
        assert unread + stream.near.recv(100_000) == long
        stream.close()


@compiled
async def test_the_end_of_a_socket_is_told() -> None:
    with Reader() as reader:
        stream = Stream(reader)
        stream.far.sendall(framed(written(AUDIO)))
        stream.far.close()
        while b"" not in stream.told:
            await asyncio.sleep(0)
        assert stream.payloads == [AUDIO]
        stream.close()


@compiled
@given(st.binary(max_size=400), st.data())
def test_spoiled_messages_are_never_read_otherwise(payload: bytes, data: Any) -> None:
    """Whatever stands there, it is what the parser's form reads, or left to it."""
    text = bytearray(written(payload))
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(0, len(text) - 1))
        text[at] = data.draw(st.sampled_from(b'A=+/-_"\\ {}:,\n\x00\xff'))

    async def read() -> None:
        with Reader() as reader:
            stream = Stream(reader)
            taken, unread = await stream.said(framed(bytes(text)))
            if taken:
                assert (taken, unread) == ([stream.form.payload_of(bytes(text))], None)
            else:
                assert unread == framed(bytes(text))
            stream.close()

    asyncio.run(read())


@compiled
def test_samples_have_bytes() -> None:
    """And one is made once, and read from only then."""
    with pytest.raises(ValueError, match="bytes"):
        COMPILED.Incoming(0)
    with pytest.raises(ValueError, match="made once"):
        COMPILED.Incoming(2).__init__(2)
    unmade = COMPILED.Incoming.__new__(COMPILED.Incoming)
    with pytest.raises(ValueError, match="bytes"):
        unmade.read_from(None, 0, 0, b"", b"")


async def test_without_a_compiler_nothing_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plain = uncompiled(monkeypatch, incoming, "bridge.load._incoming")
    with plain.Reader() as reader:
        assert reader.incoming(2) is None
