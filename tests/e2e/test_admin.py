"""The address for those who run the server."""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from bridge import Call
from bridge.call.bot import InService
from bridge.call.transcript import Turn
from bridge.errors import ConfigError
from bridge.server.app import BridgeServer, serving
from bridge.server.options import AdminOptions, ServerOptions
from tests.e2e.test_commands import command
from tests.stream.samples import STREAM_ID


async def talker(call: Call) -> None:
    call.note(Turn("bot", "Hello!", 0.0, 0.5))
    call.measure("played", 0.35)
    async for _frame in call.listen():
        pass


@contextlib.asynccontextmanager
async def server(token: str = "") -> AsyncIterator[BridgeServer]:
    admin = AdminOptions(admin=True, admin_port=0, admin_token=SecretStr(token))
    options = ServerOptions(port=0, drain_s=0.1, close_timeout_s=0.1, admin=admin)
    async with serving({"talker": InService.of("talker", talker)}, options) as running:
        yield running


@pytest.fixture
def level() -> Iterator[None]:
    before = logging.getLogger().level
    yield
    logging.getLogger().setLevel(before)


async def test_calls_are_listed_shown_and_ended(start: str, media: str) -> None:
    """With their transcript so far, and latencies; the end is an ordinary close."""
    async with (
        server() as running,
        httpx.AsyncClient(base_url=running.admin_url) as http,
        connect(running.url) as socket,
    ):
        nothing = (await http.get("/calls")).json()
        assert (nothing["calls"], nothing["is_complete"]) == ([], True)
        await socket.send(start)
        for _ in range(10):
            await socket.send(media)
        while not (calls := (await http.get("/calls")).json()["calls"]):
            await asyncio.sleep(0.01)
        (call,) = calls
        assert call["stream_id"] == STREAM_ID
        assert (call["bot"], call["state"]) == ("talker", "open")

        async def show() -> Any:
            return (await http.get(f"/calls/{STREAM_ID}")).json()

        while (shown := await show())["received_s"] < 0.19:
            await asyncio.sleep(0.01)
        assert shown["transcript"][0]["text"] == "Hello!"
        assert shown["latencies_ms"]["played"]["median"] == 350
        assert 0.19 < shown["received_s"] <= 0.2
        assert shown["underruns"] == 0

        assert (await http.delete(f"/calls/{STREAM_ID}")).json() == {"ended": STREAM_ID}
        with pytest.raises(ConnectionClosed, match="1000 .*ended by the operator"):
            await socket.recv()
        missing = await http.get(f"/calls/{STREAM_ID}")
        assert missing.status_code == 404
        assert missing.json() == {"error": f"stream {STREAM_ID}: not found"}
        assert 'end="operator"} 1.0' in (await http.get("/metrics")).text


async def test_the_log_level_is_set(level: None) -> None:
    """As a word or as JSON; a wrong one says which there are."""
    async with (
        server() as running,
        httpx.AsyncClient(base_url=running.admin_url) as http,
    ):
        assert (await http.put("/log-level", content="debug")).json() == {
            "level": "debug"
        }
        assert logging.getLogger().level == logging.DEBUG
        body = json.dumps({"level": "warning"})
        assert (await http.put("/log-level", content=body)).status_code == 200
        assert (await http.get("/log-level")).json() == {"level": "warning"}
        for wrong in ("loud", "{", '{"level": 1}', "x" * 5000):
            answer = await http.put("/log-level", content=wrong)
            assert answer.status_code == 400
            assert answer.text == "allowed levels: debug, info, warning, error\n"
        assert logging.getLogger().level == logging.WARNING


async def test_a_token_is_asked_for() -> None:
    """Of everybody but probes."""
    async with (
        server("t0ken") as running,
        httpx.AsyncClient(base_url=running.admin_url) as http,
    ):
        for headers in ({}, {"Authorization": "Bearer other"}):
            for path in ("/calls", "/metrics", "/log-level", "/nothing"):
                assert (await http.get(path, headers=headers)).status_code == 401
        assert (await http.get("/healthz")).text == "ok\n"
        assert (await http.get("/readyz")).text == "ready\n"
        right = {"Authorization": "Bearer t0ken"}
        assert (await http.get("/calls", headers=right)).status_code == 200


async def test_a_page_in_a_browser_gets_nothing() -> None:
    """It has a name of its own that leads here: DNS rebinding."""
    async with (
        server() as running,
        httpx.AsyncClient(base_url=running.admin_url) as http,
    ):
        for host, status in (
            ("evil.example", 401),
            ("evil.example:8767", 401),
            ("localhost:8767", 200),
            ("127.0.0.1", 200),
            ("[::1]:8767", 200),
        ):
            answer = await http.get("/calls", headers={"Host": host})
            assert answer.status_code == status, host


def test_it_is_not_shown_to_the_world() -> None:
    """Conversations are nobody's business: away from loopback, a token is a must."""
    with pytest.raises(ConfigError, match="set admin_token"):
        AdminOptions(admin=True, admin_host="0.0.0.0")
    AdminOptions(admin=True, admin_host="0.0.0.0", admin_token=SecretStr("t"))


async def test_the_command_line_shows_them_too(start: str, media: str) -> None:
    """A table, JSON, and clear words where there is nothing to ask."""

    async def said(*words: str) -> tuple[int, str]:
        async with command("calls", *words) as process:
            out, err = await asyncio.wait_for(process.communicate(), 60)
            assert process.returncode is not None
            return process.returncode, (out + err).decode()

    async with server("t0ken") as running, connect(running.url) as socket:
        await socket.send(start)
        await socket.send(media)
        there = ("--url", running.admin_url, "--admin-token", "t0ken")
        while not running.sessions:
            await asyncio.sleep(0.01)
        code, table = await said(*there)
        assert code == 0
        assert STREAM_ID in table
        assert "1 calls go on, 0 were lost" in table
        (session,) = running.sessions
        code, text = await said(*there, "show", session.call.call_uuid)
        assert json.loads(text)["transcript"][0]["text"] == "Hello!"
        assert await said(*there, "end", STREAM_ID) == (0, f"ended {STREAM_ID}\n")
        code, text = await said(*there, "end", "nobody")
        assert (code, "nobody: not found" in text) == (1, True)
        code, text = await said("--url", running.admin_url)
        assert (code, "HTTP 401" in text) == (1, True)
    code, text = await said("--url", running.admin_url)
    assert (code, "does the server run with --admin?" in text) == (1, True)
