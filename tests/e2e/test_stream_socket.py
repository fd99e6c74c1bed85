"""The short way of an AI agent's socket, beside websockets' own."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from bridge.engine.addresses import Reach
from bridge.engine.resolver import Resolver
from bridge.engine.stream_socket import StreamSocket, open_socket

HERE = Reach.parse("loopback", "")


@asynccontextmanager
async def socket_to(
    handler: Callable[[ServerConnection], Awaitable[None]],
) -> AsyncIterator[StreamSocket]:
    async with serve(handler, "127.0.0.1", 0) as server, AsyncExitStack() as stack:
        port = server.sockets[0].getsockname()[1]
        resolver = Resolver(HERE)
        stack.callback(resolver.close)
        url = f"ws://127.0.0.1:{port}/"
        yield await open_socket(stack, url, resolver, {})


@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 65535, 65536, 200_000])
async def test_messages_of_any_length_are_written(length: int) -> None:
    """Each the bytes it was given, though the mask is ours."""
    got: asyncio.Queue[str | bytes] = asyncio.Queue()

    async def take(socket: ServerConnection) -> None:
        async for message in socket:
            got.put_nowait(message)

    async with socket_to(take) as socket:
        # \u00e9 takes two bytes: the length is that of the bytes.
        text = (
            ("caf\u00e9" * (length // 5 + 1)).encode()[:length].decode(errors="ignore")
        )
        for _ in range(2):
            while not socket.write(text.encode()):
                await asyncio.sleep(0.01)
            assert await asyncio.wait_for(got.get(), 10) == text


async def test_no_mask_is_used_twice() -> None:
    """A page of them is made at a time; the next one is another."""
    got: list[str | bytes] = []

    async def take(socket: ServerConnection) -> None:
        async for message in socket:
            got.append(message)

    async with socket_to(take) as socket:
        masks = []
        for number in range(3000):
            while not socket.write(f"{number:200}".encode()):
                await asyncio.sleep(0.01)
            masks.append(socket._masks[socket._used - 4 : socket._used])
        async with asyncio.timeout(10):
            while len(got) < 3000:
                await asyncio.sleep(0.01)
    assert got == [f"{number:200}" for number in range(3000)]
    assert len(set(masks)) > 2990


async def test_nothing_is_written_when_the_other_side_does_not_read() -> None:
    """Then `send` has to wait."""

    over = asyncio.Event()

    async def sleep(socket: ServerConnection) -> None:
        socket.transport.pause_reading()
        await over.wait()
        socket.transport.abort()

    async with socket_to(sleep) as socket:
        for _ in range(10_000):
            if not socket.write(b"x" * 60_000):
                break
        else:
            pytest.fail("600 MB were taken")
        assert socket.paused
        socket.transport.abort()
        await socket.wait_closed()
        assert not socket.write(b"too late")
        over.set()


async def test_messages_are_handed_over_in_order() -> None:
    """Until one comes in fragments; `recv` gives it and all that follow."""
    heard: list[str] = []
    go_on = asyncio.Event()

    async def talk(socket: ServerConnection) -> None:
        await go_on.wait()
        await socket.send("one")
        await socket.ping()
        await socket.send("two")
        await socket.send(["thr", "ee"])
        await socket.send("four")
        await socket.send(b"five")

    async with socket_to(talk) as socket:
        socket.hand_over(heard.append)
        go_on.set()
        rest = [message async for message in socket]

    assert heard == ["one", "two"]
    assert rest == ["three", "four", b"five"]


async def test_what_came_before_is_not_overtaken() -> None:
    """`recv` gives everything then."""
    heard: list[str] = []
    came = asyncio.Event()

    async def talk(socket: ServerConnection) -> None:
        await socket.send("early")
        await came.wait()
        await socket.send("late")

    async with socket_to(talk) as socket:
        async with asyncio.timeout(10):
            # It has come when a pong has that was asked for after it.
            await (await socket.ping())
        socket.hand_over(heard.append)
        came.set()
        rest = [message async for message in socket]

    assert (heard, rest) == ([], ["early", "late"])


async def test_text_that_is_none_ends_the_connection() -> None:
    """With the code that RFC 6455 has for it."""
    heard: list[str] = []
    codes: list[int | None] = []
    go_on = asyncio.Event()

    async def talk(socket: ServerConnection) -> None:
        await go_on.wait()
        await socket.send(b"\xff\xfe", text=True)
        await socket.wait_closed()
        codes.append(socket.close_code)

    async with socket_to(talk) as socket:
        socket.hand_over(heard.append)
        go_on.set()
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(socket.recv(), 10)
    assert (codes, heard) == ([1007], [])
