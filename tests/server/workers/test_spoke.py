"""A worker's side of the socket to the parent."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from bridge.server.workers.letters import (
    PARENT,
    Force,
    Level,
    Ping,
    Pong,
    Stop,
    Welcome,
)
from bridge.server.workers.spoke import Spoke
from bridge.server.workers.wire import Wire, opened
from tests.server.workers.spokes import until


@asynccontextmanager
async def pair() -> AsyncIterator[tuple[Spoke, Wire]]:
    one, other = socket.socketpair()
    ours, theirs = await Wire.over(one), await Wire.over(other)
    yield Spoke(1, ours), theirs
    await ours.close()
    await theirs.close()


async def test_what_came_before_is_heard_first() -> None:
    """By everybody who wants it, then by the block."""
    async with pair() as (spoke, parent):
        heard: list[object] = []
        spoke.hear(Level, lambda place, letter: heard.append((place, letter)))
        spoke.hear(Level, lambda _place, _letter: heard.append("again"))
        for letter in (Level(10), Force(), Welcome()):
            parent.send(0, letter)
        async with spoke.listening():
            assert heard == [(0, Level(10)), "again"]


async def test_what_cannot_be_read_is_passed_over(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It may be of another version."""
    async with pair() as (spoke, parent):
        heard: list[object] = []
        spoke.hear(Stop, lambda _place, letter: heard.append(letter))
        parent.send(0, Welcome())
        parent.forward(2, msgspec.Raw(msgspec.msgpack.encode({"type": "Unheard"})))
        parent.send(0, Stop())
        with caplog.at_level(logging.WARNING):
            async with spoke.listening():
                await until(lambda: heard == [Stop()])
        assert "a letter from worker 2 cannot be read" in caplog.text


async def test_it_answers_the_parent() -> None:
    """Who does not is taken to hang."""
    async with pair() as (spoke, parent):
        for letter in (Welcome(), Ping()):
            parent.send(0, letter)
        async with spoke.listening():
            place, sealed = await parent.receive()
            assert (place, opened(sealed)) == (PARENT, Pong())


async def test_without_a_parent_there_is_no_worker() -> None:
    """Its calls end; nobody would know of it."""

    async def live(spoke: Spoke, parent: Wire) -> None:
        async with spoke.listening():
            await parent.close()
            await asyncio.sleep(10)

    async with pair() as (spoke, parent):
        parent.send(0, Welcome())
        with pytest.raises(ExceptionGroup) as raised:
            await live(spoke, parent)
        assert "hung up" in str(raised.value.exceptions[0])
