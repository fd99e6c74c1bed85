"""Load runs over real sockets, against servers whose flaws are known."""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from websockets.utils import accept_key

from bridge.bots.echo import Echo
from bridge.call.bot import InService
from bridge.call.options import CallOptions
from bridge.errors import BridgeError, ConfigError, UnavailableError
from bridge.load import CallerPlan, Constant, Plan, Report, Steps, Trouble, run
from bridge.load.caller_plan import Spells
from bridge.load.report import read
from bridge.load.thresholds import Threshold
from bridge.server.app import serving
from bridge.server.options import ServerOptions
from tests import unmeasured
from tests.fakes.flawed_server import flawed
from tests.needs import needs
from tests.patience import PATIENCE_S

try:
    import ray  # noqa: F401
except ImportError:
    HAS_RAY = False
else:
    HAS_RAY = True

pytestmark = pytest.mark.slow

STREAMS = 3


async def of(flaw: str, duration_s: float, **plan: Any) -> Report:
    """Run against a server with a flaw."""
    async with flawed(flaw) as url:
        whole = {"arrivals": Constant(streams=STREAMS), "duration_s": duration_s}
        return await run(Plan.model_validate({"url": url, **whole, **plan}))


# ----------------------------------------------------------------- trouble and ends


async def test_own_trouble_is_what_was_planned() -> None:
    trouble = Trouble(
        jitter_ms=10,
        loss_percent=5,
        malformed_percent=2,
        stalls=Spells(every_s=2, for_s=0.3),
    )
    report = await of("flaw", 5, callers=[CallerPlan(trouble=trouble)])
    figures = report.figures
    all_frames = figures["frames_sent"] + figures["own_frames_lost"]
    assert figures["own_frames_lost"] / all_frames == pytest.approx(0.05, abs=0.025)
    assert figures["own_frames_malformed"] > 0


async def test_calls_end_and_are_replaced_and_come_again() -> None:
    """Short calls that drop; a bridge resumes a stream that reconnects."""
    script = ({"do": "wait", "s": 1}, {"do": "reconnect", "with_start": False})
    callers = [
        {"name": "short", "call_s": [0.5, 1.0], "end": "drop"},
        {"name": "back", "script": script},
    ]
    in_service = {"echo": InService.of("echo", Echo(Echo.Options()))}
    options = ServerOptions(port=0, drain_s=0.5)
    async with serving(in_service, options, CallOptions()) as server:
        arrivals = Constant(streams=4)
        plan = {"url": server.url, "arrivals": arrivals, "duration_s": 6}
        report = await run(Plan.model_validate({**plan, "callers": callers}))
    assert report.figures["calls"] > 8
    assert report.figures["reconnects"] > 2
    assert report.figures["calls_failed"] == 0
    assert "broken off by us" in report.closes
    assert server.metrics.streams_resumed > 2


async def test_steps_end_where_a_threshold_breaks() -> None:
    """Every stream of this server is late by 30 ms: the first step breaks it."""
    steps = Steps(first=2, step=2, last=10, hold_s=4)
    bounds = (Threshold.parse("round_trip_p50_ms > 20"),)
    report = await of("late", 1, arrivals=steps, fail_if=bounds)
    assert report.figures["streams_carried"] == 0
    assert report.lasted_s < 16
    assert report.notes == ["round_trip_p50_ms > 20 at 2 streams"]
    assert not report.has_failed


@pytest.fixture
def unmeasured_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers are killed as soon as they have told all: while they write it, mostly."""
    for name in set(os.environ) - set(unmeasured.environment()):
        monkeypatch.delenv(name)


@pytest.mark.usefixtures("unmeasured_processes")
async def test_workers_share_the_calls() -> None:
    seconds: list[dict[str, Any]] = []
    async with flawed("flaw") as url:
        plan = Plan(url=url, arrivals=Constant(streams=5), duration_s=4)
        report = await run(plan, processes=2, on_second=seconds.append)
    assert [stream["number"] for stream in report.streams] == [0, 1, 2, 3, 4]
    assert max(second["streams"] for second in seconds) == 5
    assert report.timeline == seconds
    assert report.figures["own_cpu_cores"] > 0


@needs(HAS_RAY, "ray: pip install 'mpc-bridge[ray]'")
async def test_workers_on_ray_do_the_same() -> None:
    async with flawed("late") as url:
        plan = Plan(url=url, arrivals=Constant(streams=4), duration_s=5)
        report = await run(plan, processes=2, engine="ray")
    assert [stream["number"] for stream in report.streams] == [0, 1, 2, 3]
    assert report.figures["round_trip_p50_ms"] >= 30
    assert len(report.timeline) >= 4
    assert report.machine["engine"] == "ray"


async def test_a_server_that_is_not_there() -> None:
    with pytest.raises(UnavailableError, match="refused|failed"):
        await run(Plan(url="ws://127.0.0.1:1/"))


async def test_a_refusal_says_which() -> None:
    in_service = {"echo": InService.of("echo", Echo(Echo.Options()))}
    async with serving(in_service, ServerOptions(port=0), CallOptions()) as server:
        url = server.url.replace("/stream", "/nowhere")
        with pytest.raises(UnavailableError, match="HTTP 404"):
            await run(Plan(url=url))


async def test_wrong_settings_are_told_before_it_begins() -> None:
    plan = Plan(url="ws://127.0.0.1:1/")
    with pytest.raises(ConfigError, match="allowed are processes and ray"):
        await run(plan, engine="cloud")
    with pytest.raises(ConfigError, match="process 999999999"):
        await run(plan, server_pid=999_999_999)
    with pytest.raises(BridgeError, match="cannot read audio"):
        await run(Plan(url=plan.url, callers=(CallerPlan(audio="none.wav"),)))


# ---------------------------------------------------------------- servers that break

UPGRADED = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n"
)


def text_frame(text: bytes) -> bytes:
    return bytes((0x81, len(text))) + text


Act = Callable[[asyncio.StreamWriter, bytes], None]


async def of_raw(act: Act, **plan: Any) -> Report:
    """Run against a server that is no more than its bytes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            request = await reader.readuntil(b"\r\n\r\n")
            (key,) = re.findall(rb"(?i)sec-websocket-key: (\S+)", request)
            act(writer, UPGRADED % accept_key(key.decode()).encode())
            await reader.read(-1)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        url = f"ws://127.0.0.1:{port}/"
        arrivals = {"streams": 2}
        whole = {"url": url, "arrivals": arrivals, "duration_s": 2.5, **plan}
        return await run(Plan.model_validate(whole))


def abort_after_upgrade(writer: asyncio.StreamWriter, upgraded: bytes) -> None:
    writer.write(upgraded)
    asyncio.get_running_loop().call_later(0.3, writer.transport.abort)


def abort_in_upgrade(writer: asyncio.StreamWriter, upgraded: bytes) -> None:
    writer.write(upgraded[:40])
    asyncio.get_running_loop().call_later(0.1, writer.transport.abort)


def stop_at_once(writer: asyncio.StreamWriter, upgraded: bytes) -> None:
    writer.write(upgraded + text_frame(b'{"event":"stop"}'))


def speak_at_once(writer: asyncio.StreamWriter, upgraded: bytes) -> None:
    play = b'{"event":"playAudio","media":{"payload":""}}'
    writer.write(upgraded + text_frame(play) + text_frame(b"[]"))


def close_without_a_code(writer: asyncio.StreamWriter, upgraded: bytes) -> None:
    writer.write(upgraded + bytes((0x88, 0)))


async def test_a_dropped_connection_is_a_failed_call() -> None:
    report = await of_raw(abort_after_upgrade)
    assert report.figures["calls_failed"] >= 2
    assert set(report.closes) <= {"broken off by the server", "1000 by us"}
    assert report.closes["broken off by the server"] >= 2


async def test_a_server_that_drops_every_upgrade_is_not_there() -> None:
    with pytest.raises(UnavailableError, match="not connected"):
        await of_raw(abort_in_upgrade)


async def test_what_comes_before_start_is_a_violation() -> None:
    stopped = await of_raw(stop_at_once)
    assert stopped.violations["stop before start"] >= 2
    spoken = await of_raw(speak_at_once)
    assert "playAudio while waiting for start" in spoken.violations
    assert spoken.figures["unanswered_calls"] == 2
    assert spoken.figures["calls_failed"] == 0


async def test_a_close_without_a_code_is_in_order() -> None:
    report = await of_raw(close_without_a_code)
    assert report.figures["calls_failed"] == 0
    assert "1005 by the server" in report.closes


async def test_who_is_kept_waiting_has_failed() -> None:
    """Every other upgrade never comes, and the run ends meanwhile."""
    asked: list[bytes] = []

    def every_other(writer: asyncio.StreamWriter, upgraded: bytes) -> None:
        asked.append(upgraded)
        if len(asked) % 2:
            writer.write(upgraded)

    report = await of_raw(every_other, duration_s=3)
    assert report.figures["calls_failed"] == 1
    assert any("still dialling" in end for end in report.closes)


async def test_an_echo_that_freezes_loses_its_marks() -> None:
    """What was sent and never came back does not vanish with the call."""
    figures = (await of("freezes", 7)).figures
    assert figures["marks_lost"] >= STREAMS
    assert figures["underrun_max_ms"] > 3000


# -------------------------------------------------------------------- the command


async def load(*arguments: str, timeout_s: float = 150) -> tuple[int, str, str]:
    """Run the command to its end; the exit code, and what it printed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bridge", "load", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(timeout_s):
        out, errors = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), errors.decode()


LENIENT = """
duration_s = 3
[limits]
late_p99_ms = 5000
cpu_cores = 10
"""
"""So that a busy machine does not decide a test of something else."""


async def test_the_command_writes_reports_and_compares(tmp_path: Path) -> None:
    plan, old = tmp_path / "plan.toml", tmp_path / "old.json"
    plan.write_text(LENIENT)
    outs = [tmp_path / name for name in ("r.json", "r.html", "r.xml")]
    async with flawed("flaw") as url:
        code, _, _ = await load(url, "--plan", str(plan), "--out", str(old), "--quiet")
        assert code == 0
    async with flawed("late") as url:
        pid = ["--server-pid", str(os.getpid())]
        arguments = [each for path in outs for each in ("--out", str(path))]
        bounds = ["--fail-if", "round_trip_p50_ms > 20", "--fail-if", "calls < 1"]
        code, out, errors = await load(
            url, "--plan", str(plan), *arguments, *pid, *bounds, "--compare", str(old)
        )
    assert code == 1
    assert "round_trip_p50_ms > 20" in out
    assert "worse" in out
    assert "at s 2, streams 1" in errors
    report = read(outs[0])
    assert report.figures["server_memory_mb"] > 10
    assert [each.failed for each in report.thresholds] == [True, False]
    assert "Load test of" in outs[1].read_text()
    assert ET.parse(outs[2]).getroot().get("failures") == "1"


async def test_a_run_that_was_late_itself_exits_with_3(tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text("duration_s = 2\n[limits]\nlate_p99_ms = 0.001\n")
    async with flawed("flaw") as url:
        code, out, _ = await load(url, "--plan", str(plan), "--json")
    assert code == 3
    assert "allowed are 0.001" in json.loads(out)["unreliable_because"][0]


async def test_ctrl_c_ends_it_early_with_a_report() -> None:
    async with flawed("flaw") as url:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bridge", "load", url, "--duration", "60"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stderr is not None
        async with asyncio.timeout(PATIENCE_S):
            while b"at s 2" not in await process.stderr.readline():
                pass
            process.send_signal(signal.SIGINT)
            out, _ = await process.communicate()
    assert process.returncode in (130, 3)
    assert "1000 by us" in out.decode()
    assert "ended early" in out.decode()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "no server"),
        (["http://x"], "ws://HOST:PORT/PATH"),
        (["ws://x", "--fail-if", "roundtrip > 3"], "unknown figure"),
        (["ws://x", "--out", "report.pdf"], "allowed endings"),
        (["ws://x", "--out", "no/such/report.json"], "no folder no/such"),
        (["ws://x", "--ramp", "fast"], "a number as 20/s"),
        (["ws://x", "--header", "nonsense"], "NAME:VALUE"),
        (["ws://x", "--signed"], "PLIVO_AUTH_TOKEN"),
        (["ws://x", "--compare", "none.json"], "No such file"),
        (["--plan", "none.toml"], "No such file"),
    ],
)
async def test_mistakes_exit_with_2_and_a_sentence(
    arguments: list[str], words: str
) -> None:
    code, _, errors = await load(*arguments)
    assert code == 2
    assert words in errors
    assert "Traceback" not in errors


async def test_capacity_of_a_server_with_a_limit(tmp_path: Path) -> None:
    """It takes no more than 12 streams, and that is what is found."""
    plan = tmp_path / "plan.toml"
    plan.write_text(LENIENT)
    in_service = {"echo": InService.of("echo", Echo(Echo.Options()))}
    options = ServerOptions(port=0, max_streams=12, drain_s=0.5)
    async with serving(in_service, options, CallOptions()) as server:
        arguments = ["--find-capacity", "--streams", "40", "--plan", str(plan)]
        bound = ["--fail-if", "calls_failed > 0"]
        code, out, errors = await load(
            server.url, *arguments, "--duration", "1.5", *bound, "--json"
        )
    assert code == 0, errors
    found = json.loads(out)
    assert found["lowest"] <= 12 <= found["highest"]


async def test_the_servers_own_metrics_tell_its_cpu() -> None:
    in_service = {"echo": InService.of("echo", Echo(Echo.Options()))}
    options = ServerOptions(port=0, drain_s=0.5)
    async with serving(in_service, options, CallOptions()) as server:
        metrics = f"http://127.0.0.1:{server.port}/metrics"
        report = await run(Plan(url=server.url, duration_s=4), server_metrics=metrics)
        gone = await run(
            Plan(url=server.url, duration_s=2), server_metrics="http://127.0.0.1:1/"
        )
    assert report.figures["server_memory_mb"] > 20
    assert report.figures["server_cpu_cores"] > 0
    assert "server_cpu_cores" not in gone.figures
