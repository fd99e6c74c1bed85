"""Who gets in over real sockets, and what those cost who do not."""

import asyncio
import contextlib
import dataclasses
import json
import logging
import signal
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme
from pydantic import SecretStr
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from bridge import Call
from bridge.call.bot import InService
from bridge.control import MpcClient, tokens
from bridge.control.options import PlivoOptions
from bridge.engine.app import running as engine_running
from bridge.engine.options import EngineOptions
from bridge.multiparty import signatures
from bridge.server.app import BridgeServer, serving
from bridge.server.options import AccessOptions, ServerOptions
from tests.e2e.test_commands import command, first_line
from tests.patience import PATIENCE_S, until

pytestmark = pytest.mark.usefixtures("each_transport")


SECRET = "a secret of thirty-two bytes or so"
UPGRADE = (
    b"GET /stream HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
)


@contextlib.asynccontextmanager
async def server(
    token: str = "", options: ServerOptions | None = None, **access: Any
) -> AsyncIterator[BridgeServer]:
    calls: list[Call] = []

    async def listens(call: Call) -> None:
        calls.append(call)
        async for _frame in call.listen():
            pass

    options = dataclasses.replace(
        options or ServerOptions(drain_s=0.1, close_timeout_s=0.2),
        port=0,
        callbacks_port=0,
        access=AccessOptions(**access),
    )
    bots = {"bot": InService.of("bot", listens)}
    plivo = PlivoOptions(auth_token=SecretStr(token))
    async with serving(bots, options, None, plivo) as running:
        running.calls = calls  # type: ignore[attr-defined]
        yield running


def signature(url: str, token: str, nonce: str = "1") -> dict[str, str]:
    made = signatures.headers(token, "GET", url.replace("ws:", "http:"), nonce)
    return {name: value for name, value in made.items() if "V3" in name}


async def status_of(url: str, headers: dict[str, str] | None = None) -> int:
    """What an upgrade is answered with."""
    try:
        async with connect(url, additional_headers=headers):
            return 101
    except InvalidStatus as error:
        return error.response.status_code


async def test_signed_streams_get_in_and_no_others() -> None:
    """401 without a signature, 403 with a wrong or a used one; all counted."""
    async with server(token="right") as running:
        url = running.url + "?lang=en"
        assert await status_of(url) == 401
        assert await status_of(url, signature(url, "wrong")) == 403
        assert await status_of(url, signature(url, "right")) == 101
        assert await status_of(url, signature(url, "right")) == 403
        assert await status_of(url, signature(url, "right", "2")) == 101
        refused = running.metrics.streams_refused
        assert refused == {"unauthorized": 1, "forbidden": 2}


@contextlib.asynccontextmanager
async def an_engine(folder: Path) -> AsyncIterator[str]:
    options = EngineOptions(
        port=0, recordings=folder, database=":memory:", voice=None, recognizer=None
    )
    async with engine_running(options) as engine:
        yield engine.url


async def test_the_engine_signs_as_plivo_does(tmp_path: Path) -> None:
    """With the account's token it gets in; with another the agent does not join."""
    account = EngineOptions().auth_id
    async with (
        an_engine(tmp_path) as api,
        MpcClient(account, "local", url=api) as client,
    ):
        async with (
            server(token="local") as running,
            client.ai_agent("demo", url=running.url),
        ):
            assert running.sessions
        async with server(token="another") as running:
            added = await client.add_participant(
                "demo",
                role="ai-agent",
                ai_agent_stream_service_url=running.url,
                ring_timeout=2,
            )
            assert added.calls
            while not running.metrics.streams_refused["forbidden"]:
                await asyncio.sleep(0.02)
            assert not running.sessions


async def test_who_is_invited_gets_in_and_knows_its_call(tmp_path: Path) -> None:
    """The client puts a token into the URL; the bot's call has the MPC's name."""
    account = EngineOptions().auth_id
    async with (
        an_engine(tmp_path) as api,
        MpcClient(account, "local", url=api, stream_secret=SECRET) as client,
        server(stream_secret=SecretStr(SECRET)) as running,
    ):
        assert await status_of(running.url) == 401
        async with client.ai_agent("demo", url=running.url):
            (call,) = running.calls  # type: ignore[attr-defined]
            assert call.mpc_name == "demo"


async def test_a_token_carries_one_call_only(start: str, media: str) -> None:
    """Its call may come back; another is closed with 1008, and takes over nothing."""
    async with server(stream_secret=SecretStr(SECRET)) as running:
        invited = tokens.invited(running.url, SecretStr(SECRET), mpc="demo")
        other = tokens.invited(running.url, SecretStr(SECRET), mpc="demo")
        async with connect(invited) as socket:
            await socket.send(start)
            await socket.send(media)
            while not running.sessions:
                await asyncio.sleep(0.01)
            (session,) = running.sessions
            # Another call under this token; this call under another token.
            second = json.loads(start)
            second["start"]["callId"] = "99999999-1234-4234-8234-123456789abc"
            second["start"]["streamId"] = "99999999-4321-4321-8321-cba987654321"
            assert await close_code(invited, json.dumps(second)) == 1008
            async with connect(other) as stranger:
                await stranger.send(media)
                await stranger.send(start)
                await asyncio.sleep(0.1)
            assert running.sessions == (session,)
            socket.transport.abort()
        async with connect(invited) as back:
            await back.send(start)
            while not session.is_attached:
                await asyncio.sleep(0.01)
            assert running.metrics.streams_refused["token"] >= 1


async def close_code(url: str, text: str) -> int | None:
    async with connect(url) as socket:
        await socket.send(text)
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(socket.recv(), PATIENCE_S)
        return socket.close_code


async def test_nothing_asked_for_on_a_public_address_is_said_loudly(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Once, at the start, with the remedy."""
    options = ServerOptions(host="0.0.0.0", port=0, drain_s=0)

    async def bot(_call: Call) -> None: ...

    with caplog.at_level(logging.WARNING):
        async with serving({"bot": InService.of("bot", bot)}, options):
            pass
    (line,) = [each for each in caplog.messages if "ANYBODY" in each]
    assert "PLIVO_AUTH_TOKEN" in line


async def test_a_head_without_end_is_cut_off() -> None:
    """431, and the memory it took is given back."""
    async with server(max_header_bytes=2000) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write(UPGRADE + b"X-Long: " + b"a" * 3000)
        answer = await asyncio.wait_for(reader.read(), PATIENCE_S)
        assert answer.startswith(b"HTTP/1.1 431 ")
        writer.close()
        while not running.metrics.streams_refused["head"]:
            await asyncio.sleep(0.01)
        assert await status_of(running.url) == 101


async def test_those_who_say_nothing_leave_room_for_others() -> None:
    """Beyond the limit the oldest are dropped; streams are not counted."""
    async with server(max_waiting=5) as running:
        async with connect(running.url):
            silent = [
                await asyncio.open_connection("127.0.0.1", running.port)
                for _ in range(8)
            ]
            await until(lambda: running.metrics.streams_refused["waiting"] >= 3)
            assert running.metrics.streams_refused["waiting"] == 3
            await until(lambda: all(reader.at_eof() for reader, _ in silent[:3]))
            assert [reader.at_eof() for reader, _writer in silent] == (
                [True] * 3 + [False] * 5
            )
            assert await status_of(running.url) == 101
            for _reader, writer in silent:
                writer.close()


async def test_an_account_gets_no_more_than_its_share(start: str) -> None:
    """Closed with 1013: try again later."""
    async with (
        server(max_streams_per_account=1) as running,
        connect(running.url) as socket,
    ):
        await socket.send(start)
        while not running.sessions:
            await asyncio.sleep(0.01)
        second = json.loads(start)
        second["start"]["streamId"] = "99999999-4321-4321-8321-cba987654321"
        assert await close_code(running.url, json.dumps(second)) == 1013
        assert running.metrics.streams_refused == {"account": 1}


def certificate(folder: Path) -> trustme.CA:
    """Write a new one; return who has signed it."""
    authority = trustme.CA()
    made = authority.issue_cert("localhost", "127.0.0.1")
    made.private_key_and_cert_chain_pem.write_to_path(str(folder / "both.pem"))
    return authority


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


async def is_served(url: str, context: ssl.SSLContext) -> bool:
    """Whether a certificate is the one we trust, whatever comes after it."""
    try:
        await connect(url, ssl=context)
    except ssl.SSLCertVerificationError:
        return False
    except InvalidStatus:
        pass
    return True


async def echoed(socket: ClientConnection, media: str) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            await socket.send(media)
            message = json.loads(await socket.recv())
            if message["event"] == "playAudio":
                return


async def test_tls_and_its_renewal_in_a_process(
    tmp_path: Path, start: str, media: str
) -> None:
    """wss:// by the new certificate after SIGHUP; open streams go on; secrets come
    from a file, and are in no log."""
    first = certificate(tmp_path)
    (tmp_path / "token").write_text("hush-hush\n")
    async with command(
        *("serve", "--port", "0", "--json", "--log-level", "debug"),
        *("--tls-certificate", str(tmp_path / "both.pem")),
        *("--auth-token-file", str(tmp_path / "token")),
        *("--callbacks", "--callbacks-port", "0", "--admin", "--admin-port", "0"),
    ) as process:
        facts = json.loads(await first_line(process))
        url = facts["url"]
        assert url.startswith("wss://")
        plain = url.replace("wss:", "ws:")

        def signed(nonce: str) -> dict[str, str]:
            return signature(plain, "hush-hush", nonce)

        async with connect(
            url, ssl=trusting(first), additional_headers=signed("1")
        ) as socket:
            await socket.send(start)
            await echoed(socket, media)
            second = certificate(tmp_path)
            process.send_signal(signal.SIGHUP)
            async with asyncio.timeout(PATIENCE_S):
                while await is_served(url, trusting(first)):
                    await asyncio.sleep(0.05)
            await echoed(socket, media)
            with pytest.raises(ssl.SSLCertVerificationError):
                await connect(url, ssl=trusting(first))
            async with connect(
                url, ssl=trusting(second), additional_headers=signed("2")
            ):
                pass
            async with httpx.AsyncClient(verify=trusting(second)) as http:
                assert (await http.get(facts["callbacks"])).status_code == 403
        process.send_signal(signal.SIGTERM)
        _out, log = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == 0
        assert b"renewed" in log
        assert b"hush-hush" not in log
        assert signed("1")[signatures.V3].encode() not in log


async def test_handshakes_of_tls_that_fail_leave_nothing(tmp_path: Path) -> None:
    """Scanners and health checks may connect as often as they like."""
    authority = certificate(tmp_path)
    options = ServerOptions(handshake_timeout_s=1.5, max_streams=5, drain_s=0.1)
    async with server(
        options=options, max_waiting=10, tls_certificate=str(tmp_path / "both.pem")
    ) as running:
        for number in range(30):
            _reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
            writer.write(b"GET / HTTP/1.1\r\n\r\n" if number % 2 else b"")
            await asyncio.sleep(0.01)
            writer.close()
        await until(lambda: not running._connections)
        async with connect(running.url, ssl=trusting(authority)):
            assert len(running._connections) == 1


async def test_who_says_nothing_to_the_http_ports_is_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Their sockets would be missing to calls."""
    monkeypatch.setattr("bridge.listening.HEAD_TIMEOUT_S", 0.2)
    async with server(options=ServerOptions(callbacks=True, drain_s=0.1)) as running:
        silent, writer = await asyncio.open_connection(
            "127.0.0.1", running.callbacks_port
        )
        with contextlib.suppress(ConnectionError):
            assert await asyncio.wait_for(silent.read(), PATIENCE_S) == b""
        writer.close()
        async with httpx.AsyncClient() as http:
            first = await http.get(running.callbacks_url)
            await asyncio.sleep(0.4)
            again = await http.get(running.callbacks_url)
        assert (first.status_code, again.status_code) == (200, 200)


async def test_what_is_not_signed_of_a_callback_does_not_count() -> None:
    """The body of a GET; other methods; fields without end are not even looked at."""
    async with (
        server(
            token="t", options=ServerOptions(callbacks=True, drain_s=0.1)
        ) as running,
        httpx.AsyncClient() as http,
    ):
        told: list[Any] = []
        running.callbacks.listen(told.append)
        url = running.callbacks_url + "?EventName=x"
        signed = signatures.headers("t", "GET", url, "1")
        body = b"EventName=ParticipantJoin&MPCUUID=m&MemberID=1&ParticipantRole=agent"
        answer = await http.request("GET", url, headers=signed, content=body)
        assert answer.status_code == 200
        assert not told
        head = await http.request("HEAD", url, headers=signed)
        assert head.status_code == 405
        many = b"&".join(b"a%d=1" % number for number in range(300))
        assert (await http.post(url, content=many)).status_code == 413


async def test_a_call_may_come_back_while_the_server_drains(
    start: str, media: str
) -> None:
    """New ones are closed with 1013: this socket is not for them."""
    options = ServerOptions(drain_s=5.0, resume_s=3.0, close_timeout_s=0.2)
    async with server(options=options) as running:
        async with connect(running.url) as socket:
            await socket.send(start)
            while not running.sessions:
                await asyncio.sleep(0.01)
            (session,) = running.sessions
            draining = asyncio.ensure_future(running.drain())
            await asyncio.sleep(0.05)
            assert await status_of(running.url) == 503
            socket.transport.abort()
        while session.is_attached:
            await asyncio.sleep(0.01)
        async with connect(running.url) as back:
            await back.send(media)
            while not session.is_attached:
                await asyncio.sleep(0.01)
            await back.close()
        await draining
