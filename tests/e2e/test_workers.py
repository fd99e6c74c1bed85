"""`serve --workers`: real processes that are one server."""

import asyncio
import json
import os
import resource
import signal
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from bridge.cli.main import cli
from bridge.errors import ConfigError
from bridge.listening import listen, reserve
from bridge.tasks import Spawn, background
from tests.e2e.test_commands import command, first_line
from tests.e2e.test_fleet import BOT, UNDISTURBED_S, Instance, Line, until

ANYWHERE = 8
"""So many connections reach both workers, but for once in a hundred times."""


class Workers(Instance):
    """A server of two workers, what it logs, and calls on it."""

    def __init__(
        self, process: asyncio.subprocess.Process, facts: Any, spawn: Spawn
    ) -> None:
        super().__init__("W", process, facts)
        self.log = ""
        self._spawn = spawn
        self._numbers = 0

    @property
    def metrics_url(self) -> str:
        return f"http://127.0.0.1:{self.facts['port']}/metrics"

    async def ask(self, path: str, method: str = "GET", content: str = "") -> Any:
        """Ask the admin address, by a connection of its own: any worker may answer."""
        async with httpx.AsyncClient(base_url=self.facts["admin"]) as http:
            return (await http.request(method, path, content=content)).json()

    async def carried(self) -> dict[str, set[str]]:
        """The streams of each worker that has some, by its name."""
        found: dict[str, set[str]] = {}
        for call in (await self.ask("/calls"))["calls"]:
            found.setdefault(call["instance"], set()).add(call["stream_id"])
        return found

    async def call(self) -> Line:
        """Have one call more, which talks."""
        self._numbers += 1
        line = Line(self._numbers)
        self.lines.append(line)
        self._spawn(f"line {line.number}", line.live(self.facts["url"]))
        await until(lambda: line.echoes > 0)
        return line

    async def calls_on_both(self) -> dict[str, list[Line]]:
        """Have calls until each worker has one; the lines by the worker's name."""
        for _ in range(5 * ANYWHERE):
            await self.call()
            await until(self._are_all_listed)
            carried = await self.carried()
            if len(carried) == 2:
                return {
                    name: [line for line in self.lines if line.stream_id in streams]
                    for name, streams in carried.items()
                }
        raise AssertionError("one worker gets all calls")

    async def _are_all_listed(self) -> bool:
        found = await self.carried()
        return sum(map(len, found.values())) == len(self.lines)

    async def pids(self) -> dict[str, int]:
        """The workers' processes, by their place."""
        return pids_under(self.process.pid)

    async def read(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            self.log += line.decode()


def pids_under(parent: int) -> dict[str, int]:
    """The processes of a parent's workers, by their place."""
    found = {}
    for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
        words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
        found[words[-3]] = int(pid)
    return found


@asynccontextmanager
async def workers(tmp_path: Path, *more: str) -> AsyncIterator[Workers]:
    bot = tmp_path / "teller.py"
    bot.write_text(BOT)
    words = ["--bot", f"{bot}:teller", "--workers", "2", "--callbacks", "--admin"]
    ports = ["--port", "0", "--callbacks-port", "0", "--admin-port", "0", "--json"]
    async with (
        command("serve", *words, *ports, *more) as process,
        background() as spawn,
    ):
        facts = json.loads(await first_line(process))
        made = Workers(process, facts, spawn)
        spawn("log", made.read())
        yield made


async def test_they_are_one_server(tmp_path: Path) -> None:
    """Whichever of them answers: calls, their ends, callbacks, metrics, limits."""
    async with workers(tmp_path) as server:
        assert set(server.facts) >= {"url", "port", "bots", "callbacks", "admin"}
        assert server.facts["workers"] == 2
        by_worker = await server.calls_on_both()
        count = len(server.lines)
        assert count == sum(map(len, by_worker.values()))
        one, other = (lines[0] for lines in by_worker.values())

        for number in range(ANYWHERE):
            shown = await server.ask(f"/calls/{one.stream_id}")
            assert shown["call_uuid"] == one.call_uuid
            assert len((await server.ask("/calls"))["instances"]) == 2
            await server.tell("ParticipantJoin", one.number)
            await server.tell("ParticipantJoin", 100 + number)
            assert "missing" in str(await server.ask("/calls/missing"))
        # Each callback reached the call, once, whichever worker took it.
        await until(lambda: one.keys.count("1") >= ANYWHERE)
        assert one.keys == "".join(str(100 + number) for number in range(ANYWHERE))

        async def is_merged() -> bool:
            return [
                await server.count("bridge_streams_active") for _ in range(ANYWHERE)
            ] == [count] * ANYWHERE

        await until(is_merged)
        assert await server.count("bridge_workers") == 2
        seconds = [
            await server.count(f'process_cpu_seconds_total{{worker="{name}"}}')
            for name in ("parent", "1", "2")
        ]
        assert all(seconds)

        await server.ask("/log-level", "PUT", "debug")
        for _ in range(ANYWHERE):
            assert (await server.ask("/log-level"))["level"] == "debug"

        for line in (one, other):
            ended = await server.ask(f"/calls/{line.stream_id}", "DELETE")
            assert ended == {"ended": line.stream_id}
        await until(lambda: bool(one.close_reason and other.close_reason))
        assert one.close_reason == other.close_reason == "ended by the operator"


async def test_a_killed_worker_takes_only_its_calls(tmp_path: Path) -> None:
    """They are counted as lost; another worker starts; no counter goes back."""
    async with workers(tmp_path) as server:
        by_worker = await server.calls_on_both()
        name = next(name for name in by_worker if name.endswith("-1"))
        lost = by_worker.pop(name)
        (others,) = by_worker.values()
        await asyncio.sleep(1.2)
        before = await server.count("bridge_frames_received_total")
        pid = (await server.pids())["1"]
        os.kill(pid, signal.SIGKILL)
        await until(lambda: all(line.close_reason for line in lost))

        for _ in range(ANYWHERE):
            count = await server.count("bridge_frames_received_total")
            assert count >= before > 0
            before = count

        async def is_replaced() -> bool:
            deaths = await server.count("bridge_worker_deaths_total")
            return deaths == 1 and await server.count("bridge_workers") == 2

        await until(is_replaced)
        census = await server.ask("/calls")
        assert len(census["lost"]) == len(lost)
        assert {call["instance"] for call in census["lost"]} == {name}
        assert await server.count("bridge_worker_calls_lost_total") == len(lost)
        assert f"worker 1 died (SIGKILL), and with it {len(lost)} calls" in server.log
        assert (await server.pids())["1"] != pid
        for line in others:
            assert line.close_reason is None
            assert line.longest_silence_s < UNDISTURBED_S
        # The new one takes calls, and knows those of the other.
        server.lines = list(others)
        assert set(await server.calls_on_both()) == {name, *by_worker}


async def test_a_worker_that_leaves_alone_gets_no_new_calls(tmp_path: Path) -> None:
    """All that come go to the other, while its own go on; then another starts."""
    async with workers(tmp_path) as server:
        by_worker = await server.calls_on_both()
        name = next(name for name in by_worker if name.endswith("-1"))
        os.kill((await server.pids())["1"], signal.SIGTERM)
        await until(lambda: "draining " in server.log)
        for _ in range(ANYWHERE):
            await server.call()
            assert (await server.ask("/calls"))["calls"]
            await server.tell("ParticipantJoin", 1)
        await until(server._are_all_listed)
        carried = await server.carried()
        assert carried[name] == {line.stream_id for line in by_worker[name]}
        for line in by_worker[name]:
            assert line.close_reason is None
            await server.ask(f"/calls/{line.stream_id}", "DELETE")
        await until(lambda: "worker 1 has ended" in server.log)
        assert "died" not in server.log


async def test_to_leave_calls_unasked_is_to_die(tmp_path: Path) -> None:
    """Whatever the exit code."""
    file = tmp_path / "leaves.py"
    file.write_text(
        "import asyncio, os\nclass Bot:\n    sample_rate_hz = 8000\n"
        "    async def setup(self): pass\n    async def close(self): pass\n"
        "    async def __call__(self, call):\n"
        "        await asyncio.sleep(0.5)\n        os._exit(0)\n"
    )
    async with workers(tmp_path, "--bot", f"{file}:Bot") as server:
        line = Line(1)
        url = f"{server.facts['url']}/Bot"
        server._spawn("line", line.live(url))
        await until(lambda: "died (exit code 0), and with it 1 calls" in server.log)


async def test_a_worker_that_cannot_be_started_now_is_started_later(
    tmp_path: Path,
) -> None:
    """Too few descriptors, for a while, take nothing from those that serve."""
    async with workers(tmp_path) as server:
        parent = server.process.pid
        before = resource.prlimit(parent, resource.RLIMIT_NOFILE)
        resource.prlimit(parent, resource.RLIMIT_NOFILE, (4, before[1]))
        os.kill((await server.pids())["1"], signal.SIGKILL)
        await until(lambda: "a worker cannot start: " in server.log)
        assert server.process.returncode is None
        resource.prlimit(parent, resource.RLIMIT_NOFILE, before)

        async def is_replaced() -> bool:
            return await server.count("bridge_workers") == 2

        await until(is_replaced)
        assert await server.count("bridge_worker_deaths_total") == 1


async def test_a_signal_drains_all_and_a_second_forces(tmp_path: Path) -> None:
    """No new calls; those that go on may end; then the exit code is 0."""
    async with workers(tmp_path) as server:
        await server.calls_on_both()
        server.process.send_signal(signal.SIGTERM)
        await until(lambda: server.log.count("draining ") == 2)
        async with httpx.AsyncClient() as http:
            ready = server.metrics_url.replace("metrics", "readyz")
            assert (await http.get(ready)).status_code == 503
        with pytest.raises(InvalidStatus, match="503"):
            async with connect(server.facts["url"]):
                pass
        echoes = [line.echoes for line in server.lines]
        await until(
            lambda: all(
                line.echoes > before
                for line, before in zip(server.lines, echoes, strict=True)
            )
        )
        server.process.send_signal(signal.SIGINT)
        await until(lambda: server.process.returncode is not None)
        assert server.process.returncode == 0
        await until(lambda: all(line.close_reason for line in server.lines))
        assert {line.close_reason for line in server.lines} == {"the server stopped"}
        assert "died" not in server.log


async def test_no_worker_outlives_the_parent(tmp_path: Path) -> None:
    """Even if that is killed; and the limits are for all workers together."""
    async with workers(tmp_path, "--max-streams", "1") as server:
        await server.call()
        for _ in range(ANYWHERE):
            with pytest.raises(InvalidStatus, match="503"):
                async with connect(server.facts["url"]):
                    pass
        pids = (await server.pids()).values()
        assert len(pids) == 2
        server.process.kill()
        await until(lambda: not any(map(is_there, pids)))


async def test_not_even_one_whose_bot_holds_the_interpreter(tmp_path: Path) -> None:
    """No thread of its own could end it then: the kernel has to."""
    file = tmp_path / "holds.py"
    file.write_text(
        "import ctypes\nclass Bot:\n    sample_rate_hz = 8000\n"
        "    async def setup(self):\n"
        "        print('held', flush=True)\n"
        "        ctypes.PyDLL(None).sleep(60)\n"
        "    async def close(self): pass\n"
        "    async def __call__(self, call): pass\n"
    )
    words = ["serve", "--port", "0", "--workers", "2", "--bot", f"{file}:Bot"]
    async with command(*words) as process:
        for _ in range(2):
            assert "held" in await first_line(process)
        pids = pids_under(process.pid).values()
        assert len(pids) == 2
        process.kill()
        await until(lambda: not any(map(is_there, pids)))


def is_there(pid: int) -> bool:
    """Whether a process runs: not one that has ended, and nobody has asked for."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.parametrize(
    ("bot", "code", "said"),
    [
        ("async def setup(self): raise ValueError('no model')", 2, "no model"),
        ("async def setup(self): os._exit(3)", 1, "5 workers died one after the other"),
    ],
    ids=["it says why", "it does not"],
)
async def test_workers_that_cannot_start_are_given_up(
    tmp_path: Path, bot: str, code: int, said: str
) -> None:
    """With what is wrong, and the exit code of a single process."""
    file = tmp_path / "broken.py"
    file.write_text(
        "import os\nclass Bot:\n    sample_rate_hz = 8000\n"
        f"    {bot}\n    async def close(self): pass\n"
        "    async def __call__(self, call): pass\n"
    )
    words = ["serve", "--port", "0", "--workers", "2", "--bot", f"{file}:Bot"]
    began_s = time.monotonic()
    async with command(*words) as process, asyncio.timeout(20):
        out, err = await process.communicate()
    assert (process.returncode, out) == (code, b"")
    assert said in err.decode().splitlines()[-1], err
    assert time.monotonic() - began_s < 15


@pytest.mark.parametrize("number", ["0", "-1"])
def test_no_workers_are_refused(number: str) -> None:
    """With what is allowed."""
    words = ["serve", "--workers", number]
    with pytest.raises(ConfigError, match=rf"workers: {number}, allowed is 1 or more"):
        CliRunner().invoke(cli, words, catch_exceptions=False)


def test_a_port_that_somebody_else_would_share_is_not_taken() -> None:
    """Two servers would each get half of the calls."""
    with reserve("127.0.0.1", 0) as kept:
        port = kept.getsockname()[1]
        with listen("127.0.0.1", port, shares_port=True):
            with pytest.raises(ConfigError, match="cannot listen on"):
                reserve("127.0.0.1", port)


def test_a_platform_without_shared_ports_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With what it can do."""
    monkeypatch.delattr(socket, "SO_REUSEPORT")
    with pytest.raises(ConfigError, match="no SO_REUSEPORT, allowed is 1"):
        reserve("127.0.0.1", 0)
