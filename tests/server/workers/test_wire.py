"""How letters travel."""

import asyncio
import socket

import msgspec
import pytest

from bridge.server.fleet import Answer, Outcome
from bridge.server.workers.letters import OTHERS, Began, Left, Letter, Reply, Stop, Told
from bridge.server.workers.wire import Wire, opened
from tests.server.fleet_contract import a_call


async def wires() -> tuple[Wire, Wire]:
    one, other = socket.socketpair()
    return await Wire.over(one), await Wire.over(other)


async def test_what_is_sent_arrives_in_order() -> None:
    """With its place; however long it is, and passed on as it came."""
    sent: list[Letter] = [
        Began(a_call(1)),
        Told({"EventName": "x" * 1_000_000, "From": "+1 é"}),
        Reply(1, Answer(Outcome.DONE, {"turns": [{"text": "hi", "at_s": 0.5}]})),
        Left(2, [a_call(2, lost_s=1.5)], []),
        Stop(),
    ]
    one, other = await wires()
    for place, letter in enumerate(sent, OTHERS):
        one.send(place, letter)
    for expected, letter in enumerate(sent, OTHERS):
        place, sealed = await other.receive()
        assert (place, opened(sealed)) == (expected, letter)
        other.forward(7, sealed)
        assert opened((await one.receive())[1]) == letter
    await one.close()
    await other.close()


async def test_an_end_is_told_after_what_was_sent_before() -> None:
    """A worker that is killed has said what it had said."""
    one, other = await wires()
    one.send(0, Stop())
    await one.close()
    one.send(0, Stop())
    assert opened((await other.receive())[1]) == Stop()
    with pytest.raises(EOFError):
        await other.receive()
    await other.close()


async def test_who_does_not_read_is_seen() -> None:
    """Nobody waits for it."""
    one, other = await wires()
    for _ in range(20):
        one.send(0, Told({"x": "y" * 100_000}))
    await asyncio.sleep(0)
    assert one.unsent_bytes > 1_000_000
    await other.close()
    await one.close()


async def test_who_does_not_read_is_not_waited_for() -> None:
    """Even at the end: what was not sent is dropped."""
    one, other = await wires()
    one.send(0, Told({"x": "y" * 2_000_000}))
    one.abort()
    async with asyncio.timeout(5):
        with pytest.raises(EOFError):
            await one.receive()
    await other.close()


def test_what_is_no_letter_is_an_error() -> None:
    """As of another version."""
    for what in ({"type": "Proclamation"}, [1], {"type": "Over", "stream_id": 1}):
        with pytest.raises(msgspec.MsgspecError):
            opened(msgspec.Raw(msgspec.msgpack.encode(what)))
