"""The listener, as Plivo and as probes meet it."""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from bridge import Call
from bridge.call.bot import InService
from bridge.call.options import CallOptions
from bridge.errors import ConfigError
from bridge.server.app import BridgeServer, serving
from bridge.server.options import ServerOptions
from tests.patience import PATIENCE_S, in_real_time, until
from tests.stream.samples import MEDIA, START, STREAM_ID

pytestmark = pytest.mark.usefixtures("each_transport")


async def echo(call: Call) -> None:
    async for frame in call.listen():
        await call.speak(frame)


async def fail(call: Call) -> None:
    async for _frame in call.listen():
        raise ValueError("a bug")


@contextlib.asynccontextmanager
async def server(**options: Any) -> AsyncIterator[BridgeServer]:
    bots = {"echo": InService.of("echo", echo), "fail": InService.of("fail", fail)}
    made = ServerOptions(port=0, **{"drain_s": 0.2, "close_timeout_s": 0.2, **options})
    async with serving(bots, made, CallOptions(farewell_s=0.2)) as running:
        yield running


def base(running: BridgeServer) -> str:
    return f"http://127.0.0.1:{running.port}"


async def heard(socket: ClientConnection, event: str) -> dict[str, Any]:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            message: dict[str, Any] = json.loads(await socket.recv())
            if message["event"] == event:
                return message


async def close_of(socket: ClientConnection) -> tuple[int | None, str | None]:
    async with asyncio.timeout(PATIENCE_S):
        with contextlib.suppress(ConnectionClosed):
            while True:
                await socket.recv()
        return socket.close_code, socket.close_reason


async def test_probes_are_answered_on_the_same_port() -> None:
    """Healthy, ready, metrics; anything else says what there is."""
    async with server() as running, httpx.AsyncClient(base_url=base(running)) as client:
        answers = {
            path: await client.get(path)
            for path in ("/healthz", "/readyz", "/metrics", "/nothing", "/stream", "/")
        }

    codes = {path: answer.status_code for path, answer in answers.items()}
    assert codes == {
        "/healthz": 200,
        "/readyz": 200,
        "/metrics": 200,
        "/nothing": 404,
        "/stream": 426,
        "/": 404,
    }
    assert "bridge_streams_active 0.0" in answers["/metrics"].text
    assert answers["/metrics"].headers["Content-Type"].startswith("text/plain; version")
    assert "/stream (WebSocket)" in answers["/nothing"].text


async def test_the_subprotocol_is_chosen_when_offered(start: str) -> None:
    """Never demanded."""
    async with server() as running:
        async with connect(running.url, subprotocols=["x", "audio.drachtio.org"]) as a:  # type: ignore[list-item]
            assert a.subprotocol == "audio.drachtio.org"
        async with connect(running.url, subprotocols=["other"]) as b:  # type: ignore[list-item]
            assert b.subprotocol is None
        async with connect(running.url) as c:
            await c.send(start)
            assert c.subprotocol is None
            assert c.response is not None
            assert "Sec-WebSocket-Extensions" not in c.response.headers


async def test_each_bot_has_a_path(start: str, media: str) -> None:
    """The first has two; a query changes nothing; an unknown one is 404."""
    async with server() as running:
        for path in ("", "/echo", "/echo/", "/echo?token=1"):
            async with connect(f"{running.url}{path}") as socket:
                await socket.send(start)
                await socket.send(media)
                await heard(socket, "playAudio")
        with pytest.raises(InvalidStatus) as refused:
            await connect(f"{running.url}/ecko")
        assert refused.value.response.status_code == 404
        assert b"/stream/echo, /stream/fail" in (refused.value.response.body or b"")


async def test_a_failing_bot_is_closed_with_1011(start: str, media: str) -> None:
    """And another call does not notice."""
    async with server() as running, connect(running.url) as healthy:
        await healthy.send(start.replace("8765", "1111"))
        async with connect(f"{running.url}/fail") as socket:
            await socket.send(start)
            await socket.send(media)
            assert await close_of(socket) == (1011, "the bot failed")
        await healthy.send(media.replace("8765", "1111"))
        await heard(healthy, "playAudio")


async def test_no_more_streams_than_allowed() -> None:
    """503 with Retry-After before the upgrade; probes still get through."""
    async with server(max_streams=1) as running, connect(running.url):
        with pytest.raises(InvalidStatus) as refused:
            await connect(running.url)
        response = refused.value.response
        assert response.status_code == 503
        assert response.headers["Retry-After"] == "5"
        async with httpx.AsyncClient(base_url=base(running)) as client:
            assert (await client.get("/readyz")).status_code == 200
        assert running.metrics.streams_refused == {"full": 1}


async def test_a_stream_that_does_not_start_is_closed() -> None:
    """1008 after the deadline; a media before it does not help."""
    async with server(start_timeout_s=1.0) as running, connect(running.url) as socket:
        await socket.send('{"event": "media", "media": {"payload": ""}}')
        await socket.send('{"event": "nonsense"}')
        assert await close_of(socket) == (1008, "no start in time")
        assert running.metrics.stream_errors == 1


async def test_an_idle_stream_is_closed(start: str) -> None:
    """1008 when nothing comes for too long; the call ends."""
    async with server(idle_timeout_s=0.3) as running, connect(running.url) as socket:
        await socket.send(start)
        assert await close_of(socket) == (1008, "nothing received in time")


async def test_pongs_do_not_keep_an_idle_stream(start: str) -> None:
    """A peer that only answers pings carries no stream."""
    options = {"idle_timeout_s": 0.6, "ping_interval_s": 0.1}
    async with server(**options) as running, connect(running.url) as socket:
        await socket.send(start)
        assert (await close_of(socket))[0] == 1008


async def test_after_its_end_a_stream_begins_anew(start: str, media: str) -> None:
    """A bot that is still saying farewell does not get the new socket."""

    async def slow(call: Call) -> None:
        async for frame in call.listen():
            await call.speak(frame)
        await asyncio.sleep(1)

    bots = {"slow": InService.of("slow", slow)}
    options = ServerOptions(port=0, drain_s=0.1)
    async with serving(bots, options, CallOptions(farewell_s=1.0)) as running:
        async with connect(running.url) as first:
            await first.send(start)
            await first.send(media)
            await heard(first, "playAudio")
            (old,) = running.sessions
        async with connect(running.url) as second:
            await second.send(start)
            await second.send(media)
            await heard(second, "playAudio")
            (new,) = running.sessions
            assert new is not old
        await asyncio.sleep(0.1)


async def test_a_start_with_another_content_type_begins_anew(start: str) -> None:
    """The old call could not read it."""
    async with server() as running:
        first = await connect(running.url)
        await first.send(start)
        await until(lambda: running.sessions)
        (old,) = running.sessions
        async with connect(running.url) as second:
            await second.send(start.replace("audio/x-l16", "audio/x-mulaw"))
            await until(lambda: old.end_reason and running.sessions[-1:] != (old,))
            assert old.end_reason == "started anew with another content type"
            assert running.sessions[-1].facts.content_type.encoding == "audio/x-mulaw"


@in_real_time
async def test_a_second_break_has_its_own_time(start: str, media: str) -> None:
    """Not what was left of the first's."""
    async with server(resume_s=0.6) as running:
        first = await connect(running.url)
        await first.send(start)
        await until(lambda: running.sessions)
        first.transport.abort()
        await asyncio.sleep(0.3)
        second = await connect(running.url)
        await second.send(media)
        await heard(second, "playAudio")
        second.transport.abort()
        await asyncio.sleep(0.45)
        assert running.metrics.streams_ended == {}
        await until(lambda: running.metrics.streams_ended)
        assert running.metrics.streams_ended == {"broken": 1}


async def test_bots_hear_of_a_drain_before_they_are_cancelled(start: str) -> None:
    """And may write their notes."""
    notes: list[str] = []

    async def diligent(call: Call) -> None:
        async for _frame in call.listen():
            pass
        await asyncio.sleep(0.2)
        notes.append("written")

    bots = {"d": InService.of("d", diligent)}
    options = ServerOptions(port=0, drain_s=0.1)
    async with serving(bots, options) as running:
        socket = await connect(running.url)
        await socket.send(start)
        await until(lambda: running.sessions)
    assert notes == ["written"]


async def test_an_unfinished_handshake_is_dropped() -> None:
    """Slow clients cost a socket for a bounded time."""
    async with server(handshake_timeout_s=0.2) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write(b"GET /stream HTTP/1.1\r\nHost: x\r\n")
        async with asyncio.timeout(PATIENCE_S):
            assert await reader.read() == b""
        writer.close()


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x16\x03\x01\x02\x00",
        b"HELLO\r\n\r\n",
        b"POST /healthz HTTP/1.1\r\n\r\n",
        b"GET /" + b"a" * 10_000 + b" HTTP/1.1\r\n\r\n",
    ],
    ids=["TLS", "nonsense", "POST", "long"],
)
async def test_what_is_no_request_is_dropped(request_bytes: bytes) -> None:
    """And the server serves on."""
    async with server(handshake_timeout_s=0.3) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write(request_bytes)
        async with asyncio.timeout(PATIENCE_S):
            await reader.read()
        writer.close()
        async with httpx.AsyncClient(base_url=base(running)) as client:
            assert (await client.get("/healthz")).status_code == 200


@pytest.mark.parametrize("code", [1000, 1001, 3000, 4001, 4999])
async def test_a_far_end_may_close_with_any_code(start: str, code: int) -> None:
    """It gets it back, and the call ends or waits as ever."""
    async with server(resume_s=0.1) as running:
        socket = await connect(running.url)
        await socket.send(start)
        await until(lambda: running.sessions)
        await socket.close(code, "enough")
        await until(lambda: not running.sessions)
        assert socket.close_code == code
        assert running.metrics.streams_active == 0


async def test_pings_are_sent_and_their_pongs_awaited(start: str) -> None:
    """A half-dead socket is dropped: it stays open, and reads nothing."""
    async with server(ping_interval_s=0.1, ping_timeout_s=1.5) as running:
        async with connect(running.url) as living:
            await living.send(start)
            await asyncio.sleep(0.5)
            assert running.metrics.streams_active == 1
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write(
            b"GET /stream HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            b"Sec-WebSocket-Version: 13\r\n\r\n"
        )
        async with asyncio.timeout(PATIENCE_S):
            received = await reader.read()
        assert b"101 Switching" in received
        assert received.endswith(b"\x89\x00")
        writer.close()


async def test_messages_may_be_fragmented(start: str, media: str) -> None:
    """As the WebSocket protocol allows."""
    async with server() as running, connect(running.url) as socket:
        await socket.send(iter([start[:20], start[20:50], start[50:]]))
        await socket.send(media)
        await heard(socket, "playAudio")


async def test_bad_messages_do_not_end_a_stream(start: str, media: str) -> None:
    """Binary, malformed, 64 KB and more; beyond the server's own limit 1009."""
    async with server(max_message_bytes=200_000) as running:
        async with connect(running.url) as socket:
            await socket.send(start)
            await socket.send(b"binary")
            await socket.send("not json")
            await socket.send("x" * 100_000)
            await socket.send(media)
            await heard(socket, "playAudio")
            assert running.metrics.stream_errors == 3
            await socket.send("x" * 300_000)
            assert (await close_of(socket))[0] == 1009


async def test_a_content_type_nobody_streams_is_refused(start: str) -> None:
    """1003, with what is allowed."""
    async with server() as running, connect(running.url) as socket:
        await socket.send(start.replace("audio/x-l16", "audio/opus"))
        code, reason = await close_of(socket)
        assert code == 1003
        assert "'audio/opus;rate=8000' is none of" in str(reason)


async def test_a_stop_before_the_start_closes() -> None:
    """There was no call."""
    async with server() as running, connect(running.url) as socket:
        await socket.send('{"event": "stop"}')
        assert await close_of(socket) == (1000, "stopped before it started")


async def test_a_clean_close_ends_the_call(start: str) -> None:
    """At once."""
    async with server() as running:
        async with connect(running.url) as socket:
            await socket.send(start)
        await until(lambda: running.metrics.streams_ended)
        assert running.metrics.streams_ended == {"closed": 1}
        assert running.sessions == ()


@in_real_time
async def test_a_broken_socket_ends_the_call_after_a_while(start: str) -> None:
    """Unless the stream comes back."""
    async with server(resume_s=0.3) as running:
        socket = await connect(running.url)
        await socket.send(start)
        await until(lambda: running.sessions)
        socket.transport.abort()
        await asyncio.sleep(0.1)
        assert running.metrics.streams_ended == {}
        await until(lambda: running.metrics.streams_ended)
        assert running.metrics.streams_ended == {"broken": 1}


@pytest.mark.parametrize("with_start", [True, False])
async def test_a_stream_may_reconnect(
    start: str, media: str, *, with_start: bool
) -> None:
    """With a new `start` or without; the same run of the bot goes on."""
    async with server() as running:
        first = await connect(running.url)
        await first.send(start)
        await first.send(media)
        await heard(first, "playAudio")
        (session,) = running.sessions
        first.transport.abort()
        await asyncio.sleep(0.1)

        async with connect(running.url) as second:
            if with_start:
                await second.send(start)
            await second.send(media)
            await heard(second, "playAudio")
            assert running.sessions == (session,)
            assert running.metrics.streams_resumed == 1


async def test_media_of_an_unknown_stream_starts_nothing(media: str) -> None:
    """It may be another server's call."""
    async with server() as running, connect(running.url) as socket:
        await socket.send(media)
        await until(lambda: running.metrics.stream_errors)
        assert running.sessions == ()
        assert running.metrics.stream_errors == 1


async def test_a_far_end_that_does_not_read_is_dropped(start: str, media: str) -> None:
    """After the deadline for sending; memory stays bounded meanwhile."""
    async with server(send_timeout_s=0.3, resume_s=0.1) as running:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", running.port, limit=1
        )
        writer.write(
            b"GET /stream HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            b"Sec-WebSocket-Version: 13\r\n\r\n"
        )

        def frame(text: str) -> bytes:
            data = text.encode()
            size = len(data).to_bytes(2, "big")
            return b"\x81" + bytes([0x80 | 126]) + size + bytes(4) + data

        writer.write(frame(start))
        async with asyncio.timeout(50):
            # Pongs as large as pings: what is sent back is never read.
            ping = b"\x89" + bytes([0x80 | 125]) + bytes(4 + 125)
            while not reader.at_eof() and running.metrics.streams_ended == {}:
                writer.write(ping * 2000 + frame(media))
                with contextlib.suppress(ConnectionError):
                    await writer.drain()
                await asyncio.sleep(0.005)
        assert running.metrics.streams_ended == {"broken": 1}
        writer.close()


async def test_draining_flips_readiness_first(
    start: str, media: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Then calls may end; then 1001; new streams are told to come later."""
    caplog.set_level(logging.INFO)
    async with contextlib.AsyncExitStack() as stack:
        running = await stack.enter_async_context(server(drain_s=2.5))
        socket = await connect(running.url)
        await socket.send(start)
        await socket.send(media)
        await heard(socket, "playAudio")
        draining = asyncio.create_task(stack.aclose())

        async with httpx.AsyncClient(base_url=base(running)) as client:
            while (await client.get("/readyz")).status_code == 200:
                await asyncio.sleep(0.01)
            assert (await client.get("/readyz")).status_code == 503
            assert (await client.get("/healthz")).status_code == 200
        with pytest.raises(InvalidStatus) as refused:
            await connect(running.url)
        assert refused.value.response.status_code == 503
        await socket.send(media)
        await heard(socket, "playAudio")
        assert await close_of(socket) == (1001, "the server stopped")
        await draining
    assert "1 calls did not end in time" in caplog.text


async def test_a_drain_ends_with_the_last_call(start: str) -> None:
    """No sooner, no later."""
    loop = asyncio.get_running_loop()
    async with contextlib.AsyncExitStack() as stack:
        running = await stack.enter_async_context(server(drain_s=30))
        socket = await connect(running.url)
        await socket.send(start)
        await until(lambda: running.sessions)
        began_s = loop.time()
        draining = asyncio.create_task(stack.aclose())
        await asyncio.sleep(0.2)
        await socket.close()
        await draining
    assert 0.2 <= loop.time() - began_s < 20


async def test_a_drain_can_be_forced(start: str) -> None:
    """By a second signal."""
    loop = asyncio.get_running_loop()
    async with contextlib.AsyncExitStack() as stack:
        running = await stack.enter_async_context(server(drain_s=30))
        socket = await connect(running.url)
        await socket.send(start)
        await until(lambda: running.sessions)
        began_s = loop.time()
        draining = asyncio.create_task(stack.aclose())
        await asyncio.sleep(0.1)
        running.force()
        assert await close_of(socket) == (1001, "the server stopped")
        await draining
    assert loop.time() - began_s < 20


async def test_a_port_in_use_is_said() -> None:
    """With the address."""
    async with server() as running:
        with pytest.raises(
            ConfigError, match=f"cannot listen on 127.0.0.1:{running.port}"
        ):
            async with serving(
                {"echo": InService.of("echo", echo)}, ServerOptions(port=running.port)
            ):
                pass


async def test_a_server_needs_a_bot() -> None:
    """Nobody to answer with."""
    with pytest.raises(ConfigError, match="no bot"):
        async with serving({}):
            pass


async def test_bots_are_set_up_once_and_closed() -> None:
    """Before the first call and after the last."""
    happened: list[str] = []

    class Model:
        async def setup(self) -> None:
            happened.append("setup")

        async def close(self) -> None:
            happened.append("close")

        async def __call__(self, call: Call) -> None:
            happened.append("call")

    async with serving(
        {"m": InService.of("m", Model())}, ServerOptions(port=0)
    ) as running:
        assert happened == ["setup"]
        assert repr(running).endswith("ready 0 calls>")
    assert happened == ["setup", "close"]


async def test_a_bot_whose_setup_fails_is_said() -> None:
    """One line for the operator; the traceback is in the log."""

    class Broken:
        async def setup(self) -> None:
            raise ValueError("no model")

        async def __call__(self, call: Call) -> None: ...

    with pytest.raises(ConfigError, match="bot m: setup failed: no model"):
        async with serving({"m": InService.of("m", Broken())}, ServerOptions(port=0)):
            pass


async def test_a_bot_that_blocks_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    """Every call stands still with it, for as little as one hears."""
    async with server() as running:
        for _ in range(3):
            await asyncio.sleep(0.1)
            time.sleep(0.3)
            await asyncio.sleep(0.1)

    # Each counts; of many, one is told.
    assert running.metrics.stalls >= 3
    assert caplog.text.count("a bot blocks the event loop") == 1


async def test_the_stream_id_is_in_the_state(start: str) -> None:
    """For whoever looks into a running server."""
    async with server() as running, connect(running.url) as socket:
        await socket.send(start)
        await until(lambda: running.find(STREAM_ID))
        assert running.find(STREAM_ID) is not None
        assert f"{STREAM_ID} echo open" in repr(running.sessions[0])


async def test_a_goodbye_of_ours_is_answered_between_frames() -> None:
    """The caller goes on for a moment; their close is a clean one all the same."""
    async with server() as running:
        async with connect(f"ws://127.0.0.1:{running.port}/stream") as socket:
            await socket.send(json.dumps({**START, "streamId": STREAM_ID}))
            await until(lambda: running.sessions)
            (session,) = running.sessions
            session.end("enough", "operator")
            for _frame in range(5):
                with contextlib.suppress(ConnectionClosed):
                    await socket.send(json.dumps(MEDIA))
            assert await close_of(socket) == (1000, "enough")


async def test_headers_that_proxies_write_are_taken() -> None:
    """`Connection` may name more than the upgrade."""
    async with server() as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write(
            b"GET /stream HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
            b"Connection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        async with asyncio.timeout(PATIENCE_S):
            status = await reader.readline()
            writer.close()
            await writer.wait_closed()

        assert b" 101 " in status
