"""The conformance kit, against servers that keep the protocol and that do not."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner
from websockets.asyncio.server import ServerConnection, serve

from bridge.bots.echo import Echo
from bridge.call.bot import InService
from bridge.call.options import CallOptions
from bridge.cli.main import cli
from bridge.conformance import SCENARIO_NAMES, Finding, Outcome, conform
from bridge.errors import ConfigError
from bridge.server.app import serving
from bridge.server.options import ServerOptions
from tests.patience import in_real_time

pytestmark = pytest.mark.slow


def outcomes(findings: list[Finding]) -> dict[str, Outcome]:
    return {finding.scenario: finding.outcome for finding in findings}


@asynccontextmanager
async def the_bridge() -> AsyncIterator[str]:
    in_service = {"echo": InService.of("echo", Echo(Echo.Options()))}
    options = ServerOptions(port=0, drain_s=0.5)
    async with serving(in_service, options, CallOptions()) as server:
        yield server.url


@asynccontextmanager
async def naive() -> AsyncIterator[str]:
    """What people write: no error is handled."""

    async def stream(socket: ServerConnection) -> None:
        start: dict[str, Any] = json.loads(await socket.recv())
        stream_id = start["start"]["streamId"]
        async for text in socket:
            message = json.loads(text)
            assert message["event"] == "media"
            assert message["streamId"] == stream_id
            media = {"contentType": "audio/x-l16", "sampleRate": 8000}
            media["payload"] = message["media"]["payload"]
            await socket.send(json.dumps({"event": "playAudio", "media": media}))

    async with serve(stream, "127.0.0.1", 0, compression=None) as server:
        yield f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/"


@asynccontextmanager
async def wrong() -> AsyncIterator[str]:
    """Keeps to nothing that is written."""

    async def stream(socket: ServerConnection) -> None:
        await socket.recv()
        odd = base64.b64encode(bytes(321)).decode()
        minute = base64.b64encode(bytes(40_000)).decode()
        bodies = [
            {
                "contentType": "audio/x-l16;rate=8000",
                "sampleRate": 8000,
                "payload": odd,
            },
            {"contentType": "audio/x-l16", "sampleRate": 8000, "payload": "%%%"},
            {"payload": odd},
            *({"contentType": "audio/x-l16", "sampleRate": 8000, "payload": minute},)
            * 40,
        ]
        for media in bodies:
            await socket.send(json.dumps({"event": "playAudio", "media": media}))
        await socket.send(b"binary")
        await socket.send("[]")
        await socket.send(json.dumps({"event": "hello"}))
        await socket.send(json.dumps({"event": "clearAudio", "streamId": "nobody's"}))
        async for _ in socket:
            pass

    async with serve(stream, "127.0.0.1", 0, compression=None) as server:
        yield f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/"


@in_real_time
async def test_our_own_server_fails_nothing() -> None:
    async with the_bridge() as url:
        findings = await conform(url)
    assert [finding.scenario for finding in findings] == list(SCENARIO_NAMES)
    failed = [each for each in findings if each.outcome is Outcome.FAIL]
    assert failed == []
    found = outcomes(findings)
    assert found["sent-stream-id"] is Outcome.PASS
    assert found["slow-reader"] is Outcome.PASS
    assert found["bad-base64"] is Outcome.UNDOCUMENTED


@in_real_time
async def test_a_naive_server_fails_what_it_does_not_expect() -> None:
    async with naive() as url:
        found = outcomes(await conform(url))
    assert found["plain-call"] is Outcome.PASS
    assert found["repeated-chunk"] is Outcome.UNDOCUMENTED
    for name in ("unknown-events", "dtmf-each-key", "test-client-frames", "not-json"):
        assert found[name] is Outcome.FAIL, name


async def test_what_a_wrong_server_sends_is_found() -> None:
    only = [name for name in SCENARIO_NAMES if name.startswith("sent-")]
    async with wrong() as url:
        findings = await conform(url, only=only, timeout_s=1.5)
    found = outcomes(findings)
    passed = {name for name, outcome in found.items() if outcome is not Outcome.FAIL}
    assert passed == {"sent-small-messages"}


async def test_a_server_that_is_not_there_fails_whatever_was_asked_for() -> None:
    findings = await conform("ws://127.0.0.1:1/", only=["bad-base64"], timeout_s=0.5)
    assert outcomes(findings) == {
        "plain-call": Outcome.FAIL,
        "bad-base64": Outcome.SKIPPED,
    }


async def test_an_unknown_scenario_says_which_there_are() -> None:
    with pytest.raises(ConfigError, match="bad-base64"):
        await conform("ws://127.0.0.1:1/", only=["bad-base"])


async def test_the_command_prints_a_table_and_junit(tmp_path: Path) -> None:
    path = tmp_path / "conform.xml"
    async with the_bridge() as url:
        arguments = ["conform", url, "--only", "ping-answered", "--junit", str(path)]
        result = await asyncio.to_thread(CliRunner().invoke, cli, arguments)
        again = [*arguments, "--json"]
        as_json = await asyncio.to_thread(CliRunner().invoke, cli, again)
    assert result.exit_code == 0, result.output
    assert "1 pass, 0 fail" in result.output
    assert ET.parse(path).getroot().get("tests") == "1"
    assert json.loads(as_json.stdout)[0]["outcome"] == "pass"


def test_the_command_says_what_is_wrong() -> None:
    runner = CliRunner()
    listed = runner.invoke(cli, ["conform", "--list"])
    assert listed.stdout.split() == list(SCENARIO_NAMES)
    for arguments in (["conform"], ["conform", "http://x"]):
        result = runner.invoke(cli, arguments)
        assert isinstance(result.exception, ConfigError)
