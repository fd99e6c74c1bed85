"""The soak in short: a server under churn stays as it was, and a leak is found."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]

SOAK = Path(__file__).parents[2] / "benchmarks" / "soak.py"

LEAKY = '''
import asyncio, socket
from bridge import Call

KEPT = []

async def leaky(call: Call) -> None:
    """Leaks whatever can leak: 300 KB, a task, a file and a socket a call."""
    KEPT.append(bytearray(b"x" * 300_000))
    KEPT.append(asyncio.create_task(asyncio.Event().wait()))
    KEPT.append(open("/dev/null"))
    KEPT.append(socket.socket())
    async for frame in call.listen():
        await call.speak(frame)
'''


async def soaked(bot: str) -> tuple[int | None, dict[str, Any], str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(SOAK), "--json", "--bot", bot),
        *("--seconds", "15", "--streams", "10", "--call-s", "1", "3"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, told = await process.communicate()
    assert out, told.decode()
    return process.returncode, json.loads(out), told.decode().splitlines()[-1]


async def test_a_server_stays_as_it_was_and_a_leak_is_found(tmp_path: Path) -> None:
    """Both beside each other: it takes a while."""
    bot = tmp_path / "bot.py"
    bot.write_text(LEAKY)

    sound, leaky = await asyncio.gather(soaked("echo"), soaked(f"{bot}:leaky"))

    code, found, verdict = sound
    assert (code, found["leaks"], verdict) == (0, [], "nothing leaks")
    assert found["calls"] > 30
    code, found, verdict = leaky
    assert code == 1
    assert found["leaks"] == ["memory", "files", "sockets", "tasks"]
    assert verdict == "leaks: memory, files, sockets, tasks"
