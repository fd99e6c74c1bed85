"""`serve` and `engine` as processes: what they print, and how they stop."""

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
from click.testing import CliRunner
from websockets.asyncio.client import connect

from bridge.cli.main import cli
from bridge.control import MpcClient
from bridge.multiparty.requests import AddParticipant
from tests.patience import PATIENCE_S


@contextlib.asynccontextmanager
async def command(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bridge",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def first_line(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE_S):
        return (await process.stdout.readline()).decode()


async def test_serve_says_where_and_drains_on_sigterm(start: str, media: str) -> None:
    """JSON for programs; a call may end; then the process does, with 0."""
    async with command(
        "serve",
        "--port",
        "0",
        "--json",
        "--bot",
        "a=echo",
        "--bot",
        "b=echo",
        "--log-format",
        "json",
    ) as process:
        facts = json.loads(await first_line(process))
        assert set(facts["bots"]) == {"a", "b"}
        async with connect(facts["bots"]["b"]) as socket:
            await socket.send(start)
            await socket.send(media)
            async with asyncio.timeout(PATIENCE_S):
                assert json.loads(await socket.recv())["event"] == "playAudio"
            process.send_signal(signal.SIGTERM)
            async with httpx.AsyncClient() as client:
                url = f"http://127.0.0.1:{facts['port']}/readyz"
                while (await client.get(url)).status_code == 200:
                    await asyncio.sleep(0.02)
                assert (await client.get(url)).status_code == 503
            assert process.returncode is None
        async with asyncio.timeout(PATIENCE_S):
            _, errors = await process.communicate()
    assert process.returncode == 0
    lines = [json.loads(line) for line in errors.decode().splitlines()]
    assert any(line.get("stream_id") for line in lines)


async def test_a_second_signal_forces(start: str) -> None:
    """Whatever calls there are."""
    async with command("serve", "--port", "0", "--json") as process:
        facts = json.loads(await first_line(process))
        async with connect(facts["url"]) as socket:
            await socket.send(start)
            await asyncio.sleep(0.2)
            process.send_signal(signal.SIGTERM)
            await asyncio.sleep(0.2)
            process.send_signal(signal.SIGINT)
            async with asyncio.timeout(PATIENCE_S):
                await process.wait()
            assert socket.close_code == 1001 or process.returncode == 0


async def test_people_get_a_table() -> None:
    """One line a bot."""
    async with command("serve", "--port", "0", "--bot", "echo") as process:
        assert "ws://127.0.0.1:" in await first_line(process)


async def test_the_engine_takes_calls_until_it_is_stopped(tmp_path: Path) -> None:
    """With a phonebook and its own recordings folder."""
    book = tmp_path / "book.toml"
    book.write_text('[numbers."+2"]\nhangs_up_after_s = 0.5\n')
    async with command(
        "engine",
        "--port",
        "0",
        "--json",
        "--phonebook",
        str(book),
        "--recordings",
        str(tmp_path / "out"),
        "--database",
        str(tmp_path / "history.sqlite3"),
        "--auth-token",
        "secret",
    ) as process:
        facts = json.loads(await first_line(process))
        async with MpcClient("MALOCALENGINE0000000", "secret", url=facts["url"]) as mpc:
            body = {"role": "customer", "from": "+1", "to": "+2", "record": True}
            await mpc.add_participant("demo", AddParticipant.model_validate(body))
            async with asyncio.timeout(PATIENCE_S):
                while (await mpc.page(status="ended")).meta.count == 0:
                    await asyncio.sleep(0.1)
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(PATIENCE_S):
            await process.wait()
    assert process.returncode == 0
    assert len(list((tmp_path / "out").glob("*.mp3"))) == 1


async def test_the_engine_tells_people_its_address() -> None:
    """And its account, not its token; switches have a no."""
    words = ["--database", ":memory:", "--no-ai-agent-hears-coach"]
    async with command("engine", "--port", "0", *words) as process:
        assert (await first_line(process)).startswith("address   http://127.0.0.1:")
        assert "/v1/Account/MALOCALENGINE0000000/" in await first_line(process)


async def test_serve_says_where_callbacks_go() -> None:
    """With the switch alone; without a token it warns that they are unsigned."""
    words = ["--port", "0", "--callbacks-port", "0", "--json", "--callbacks"]
    async with command("serve", *words) as process:
        facts = json.loads(await first_line(process))
        assert facts["callbacks"].startswith("http://127.0.0.1:")


def test_bots_are_listed() -> None:
    """For people and programs."""
    plain = CliRunner().invoke(cli, ["bots"]).output
    listed = json.loads(CliRunner().invoke(cli, ["bots", "--json"]).output)

    assert "--bot-option script=...  TOML file" in plain
    assert [bot["name"] for bot in listed] == [
        "conversation",
        "echo",
        "realtime",
        "remote",
        "scripted",
    ]
