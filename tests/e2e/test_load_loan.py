"""A lent socket says and hears what it would have, in the same order."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.frames import Frame, Opcode

from bridge.load import incoming
from bridge.load.form import Form
from bridge.load.incoming import Reader
from bridge.load.loan import Loan
from bridge.load.outgoing import due, outgoing
from bridge.load.socket import Socket, dial
from bridge.stream import codec
from bridge.stream.messages import PlayAudio, PlayAudioBody
from tests.patience import PATIENCE_S, until

COMPILED = incoming._incoming  # type: ignore[attr-defined]
CLEAR = b'{"event":"clearAudio"}'
PARTS = (b'{"number":', b',"payload":"', b'","time":', b',"chunk":', b"}")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        COMPILED is None, reason="there was no compiler at installation"
    ),
]


def audio(number: int) -> bytes:
    return bytes([number, 0]) * 160


def written(number: int) -> bytes:
    body = PlayAudioBody(audio(number), "audio/x-l16", 8000)
    return codec.dump(PlayAudio(media=body))


def framed(text: bytes, opcode: Opcode = Opcode.TEXT, *, fin: bool = True) -> bytes:
    return Frame(opcode, text, fin=fin).serialize(mask=False)


class Caller:
    """One end of a stream; of what comes it notes who read it."""

    def __init__(self) -> None:
        self.form = Form(2)
        self.form.learn(written(0))
        self.heard: list[tuple[str, bytes]] = []
        self.complaints: list[str] = []
        self.socket: Socket
        self.loan: Loan
        self.line = outgoing()
        self.line.owner, self.line.look_s = self, float("inf")
        self.line.say((b"AAAA",), PARTS, 0)

    async def call(self, url: str, reader: Reader) -> None:
        self.socket = await dial(url, {}, self, PATIENCE_S)
        made, transport = reader.incoming(2), self.socket.plain_transport
        assert made is not None
        assert transport is not None
        self._incoming = made
        self.loan = Loan(transport, self.form, self.line, made, reader)
        self.loan.catch_up = self._catch_up
        self.socket.loan = self.loan

    def received(self, text: bytes, _now_s: float) -> None:
        self.heard.append(("python", self.form.payload_of(text) or text))

    def complain(self, what: str) -> None:
        self.complaints.append(what)

    def _catch_up(self) -> None:
        self.heard += [("lent", payload) for payload in self._incoming.take()[0]]

    async def has(self, count: int) -> None:
        """Wait until so many messages have come."""

        def is_there() -> bool:
            self._catch_up()
            return len(self.heard) == count

        await until(is_there)


@asynccontextmanager
async def stream() -> AsyncIterator[tuple[Caller, ServerConnection]]:
    """A caller and their server's end, lent by the first message."""
    met: asyncio.Future[ServerConnection] = asyncio.get_running_loop().create_future()

    async def hold(connection: ServerConnection) -> None:
        met.set_result(connection)
        await connection.wait_closed()

    caller = Caller()
    async with serve(hold, "127.0.0.1", 0, compression=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        with Reader() as reader:
            await caller.call(f"ws://127.0.0.1:{port}/", reader)
            far = await met
            far.transport.write(framed(written(1)))
            await until(lambda: caller.loan.is_on)
            try:
                yield caller, far
            finally:
                caller.socket.drop()
                await caller.socket.closed


async def test_all_is_heard_in_its_order() -> None:
    async with stream() as (caller, far):
        half = framed(written(9))
        for data in (
            framed(written(2)),
            framed(written(3)) + framed(CLEAR) + framed(written(4)),
            framed(b"?", Opcode.PING) + framed(written(5)),
            framed(written(6)[:50], fin=False) + framed(written(6)[50:], Opcode.CONT),
            framed(written(7)) + framed(written(8)) + half[:100],
            half[100:],
            framed(written(10)),
        ):
            # The server's own end is passed by: it would not write such pieces.
            far.transport.write(data)
            await asyncio.sleep(0.02)
        await caller.has(11)
        await until(lambda: caller.loan.is_on)
        far.transport.write(framed(written(11)))
        await caller.has(12)
        numbers = [audio(number) for number in range(1, 12)]
        assert [each for _, each in caller.heard] == [*numbers[:3], CLEAR, *numbers[3:]]
        readers = {payload: who for who, payload in caller.heard}
        assert readers[audio(2)] == readers[audio(3)] == readers[audio(11)] == "lent"
        assert readers[CLEAR] == readers[audio(9)] == "python"
        assert caller.complaints == []


async def test_what_is_sent_is_whole_where_the_server_does_not_read() -> None:
    """What the socket does not take goes through the transport, and all behind it."""
    async with stream() as (caller, far):
        far.transport.pause_reading()
        caller.line.alone = 1_000_000
        rests: list[bytes] = []
        while not rests:
            rests = [rest for _, rest in due([caller.line], 0.0) if rest]
        caller.loan.resend(rests[0])
        assert not caller.loan.is_on
        assert due([caller.line], 0.0) == [(caller, None)]
        assert caller.socket.unsent_bytes > 0
        caller.socket.send(b"last")
        far.transport.write(framed(written(2)))
        await until(lambda: ("python", audio(2)) in caller.heard)
        assert not caller.loan.is_on, "the transport has not sent all"
        far.transport.resume_reading()
        async with asyncio.timeout(PATIENCE_S):
            for number in range(1, caller.line.number + 1):
                assert str(await far.recv()).startswith(f'{{"number":{number},')
            assert await far.recv() == "last"
        far.transport.write(framed(written(3)))
        await until(lambda: caller.loan.is_on)


async def test_both_can_end_it() -> None:
    async with stream() as (caller, far):
        await far.close(4001, "enough")
        closed = await caller.socket.closed
        assert (closed.code, closed.reason, closed.is_ours) == (4001, "enough", False)
    async with stream() as (caller, far):
        caller.socket.hang_up()
        closed = await caller.socket.closed
        assert (closed.code, closed.is_ours) == (1000, True)
    async with stream() as (caller, far):
        far.transport.abort()
        closed = await caller.socket.closed
        assert (closed.code, closed.is_ours) == (1006, False)
        assert (caller.line.fd, caller.loan.is_on) == (-1, False)


async def test_a_socket_that_breaks_while_it_is_lent() -> None:
    async with stream() as (caller, far):
        raw = far.transport.get_extra_info("socket")
        raw.shutdown(socket.SHUT_RDWR)
        far.transport.abort()
        await asyncio.wait_for(asyncio.shield(caller.socket.closed), PATIENCE_S)
        assert caller.line.fd == -1
