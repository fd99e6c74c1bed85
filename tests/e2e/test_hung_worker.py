"""A worker whose event loop stands still: who notices, and what becomes of it."""

import json
import os
import re
import signal
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from bridge.cli import calls
from bridge.cli.main import cli
from bridge.errors import ConfigError
from bridge.multiparty import signatures
from tests.e2e.test_fleet import UNDISTURBED_S, Line, until
from tests.e2e.test_workers import ANYWHERE, Workers, workers

SLEEPER = """
import ctypes, time
class Bot:
    sample_rate_hz = 8000
    async def setup(self): pass
    async def close(self): pass
    async def __call__(self, call): {sleep}(600)
"""


@pytest.mark.parametrize("sleep", ["time.sleep", "ctypes.PyDLL(None).sleep"])
async def test_a_bot_that_blocks_costs_one_worker(tmp_path: Path, sleep: str) -> None:
    """It is ended and replaced, with its pid in the log; the others' calls go on."""
    file = tmp_path / "sleeper.py"
    file.write_text(SLEEPER.format(sleep=sleep))
    more = ["--bot", f"{file}:Bot", "--worker-silence-s", "4"]
    async with workers(tmp_path, *more) as server:
        by_worker = await server.calls_on_both()
        before = await server.pids()
        blocking = Line(500)
        server._spawn("line", blocking.live(f"{server.facts['url']}/Bot"))
        await until(lambda: "it is ended" in server.log)
        found = re.search(
            r"ERROR +worker (\d) \(pid (\d+)\) has not answered for [\d.]+ s: it is "
            r"ended, and with it (\d+) calls",
            server.log,
        )
        assert found is not None, server.log
        place, pid, count = found.groups()
        assert before[place] == int(pid)
        name = next(name for name in by_worker if name.endswith(f"-{place}"))
        lost = by_worker.pop(name)
        assert int(count) == len(lost) + 1
        await until(lambda: all(line.close_reason for line in (*lost, blocking)))
        await until(lambda: f"worker {place} died (SIGKILL)" in server.log)
        if sleep == "time.sleep":
            # What it says itself, by a thread, names it and the line.
            assert re.search(
                rf"worker {place}: everything stands still.*sleeper.py",
                server.log,
                re.DOTALL,
            )

        await until(lambda: is_whole(server))
        assert await server.count("bridge_worker_hangs_total") == 1
        assert await server.count("bridge_worker_deaths_total") == 1
        assert (await server.pids())[place] != int(pid)
        for line in next(iter(by_worker.values())):
            assert line.close_reason is None
            assert line.longest_silence_s < UNDISTURBED_S


async def is_whole(server: Workers) -> bool:
    try:
        return await server.count("bridge_workers") == 2
    except httpx.HTTPError:
        # The connection went to the worker that is on its way out.
        return False


async def answers(url: str) -> set[str]:
    """What workers say; one that does not answer says nothing."""
    said: set[str] = set()
    for count in range(5 * ANYWHERE):
        if count >= ANYWHERE and said:
            break
        try:
            async with httpx.AsyncClient(timeout=0.5) as http:
                said.add((await http.get(url)).text)
        except httpx.HTTPError:
            continue
    return said


async def test_the_others_say_who_is_silent(tmp_path: Path) -> None:
    """And that it is no more. With a time of 0 nobody is ended for it."""
    async with workers(tmp_path, "--worker-silence-s", "0") as server:
        by_worker = await server.calls_on_both()
        name = next(name for name in by_worker if name.endswith("-1"))
        pid = (await server.pids())["1"]
        readyz = server.metrics_url.replace("metrics", "readyz")
        os.kill(pid, signal.SIGSTOP)
        remark = {"ready; workers that do not answer: 1\n"}

        async def is_said() -> bool:
            return await answers(readyz) == remark

        await until(is_said)
        for told in await answers(f"{server.facts['admin']}/calls"):
            found = json.loads(told)
            assert found["silent"] == [name]
            title = str(calls._table(found).title)
            assert title.endswith(f"; no answer from {name}")
        (shown,) = {
            line
            for text in await answers(server.metrics_url)
            for line in text.splitlines()
            if line.startswith("bridge_workers ")
        }
        assert shown == "bridge_workers 1.0"
        assert f"worker 1 (pid {pid}), with {len(by_worker[name])} calls" in server.log

        os.kill(pid, signal.SIGCONT)
        await until(lambda: f"worker 1 (pid {pid}) answers again" in server.log)

        async def is_over() -> bool:
            return await answers(readyz) == {"ready\n"}

        await until(is_over)
        assert (await server.pids())["1"] == pid
        assert "died" not in server.log


@pytest.mark.parametrize(
    ("silence", "allowed"), [("1", "0, or 2 or more"), ("-1", "0 or more")]
)
def test_a_time_that_is_none_is_refused(silence: str, allowed: str) -> None:
    """With what is allowed: any machine is silent for a second now and then."""
    words = ["serve", "--workers", "2", "--worker-silence-s", silence]
    with pytest.raises(ConfigError, match=f"worker_silence_s: .*allowed is {allowed}"):
        CliRunner().invoke(cli, words, catch_exceptions=False)


async def test_workers_that_start_later_know_used_signatures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has seen one cannot use it again when a worker has died."""
    monkeypatch.setenv("PLIVO_AUTH_TOKEN", "the account's")
    async with workers(tmp_path) as server:
        url = server.facts["url"]
        http_url = url.replace("ws", "http", 1)
        signed = signatures.headers("the account's", "GET", http_url, "n1")
        async with connect(url, additional_headers=signed):
            pass
        for pid in (await server.pids()).values():
            os.kill(pid, signal.SIGKILL)

        async def are_replaced() -> bool:
            try:
                deaths = await server.count("bridge_worker_deaths_total")
            except httpx.HTTPError:
                return False
            return deaths == 2 and await is_whole(server)

        await until(are_replaced)
        for _ in range(ANYWHERE):
            with pytest.raises(InvalidStatus) as refused:
                async with connect(url, additional_headers=signed):
                    pass
            assert refused.value.response.status_code == HTTPStatus.FORBIDDEN
        fresh = signatures.headers("the account's", "GET", http_url, "n2")
        async with connect(url, additional_headers=fresh):
            pass
