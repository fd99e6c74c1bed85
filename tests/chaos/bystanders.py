"""Callers in a process of their own, whom nothing that is done to others may disturb.

What they hear is judged by a far end with the usual lead. A hole is the server's fault
only if nobody was kept waiting for a processor for as long: neither the server nor
this process. The kernel counts those waits, so on a busy machine the judgement gets
milder by exactly as much as the machine was busy, and stays strict on a quiet one.
"""

import asyncio
import contextlib
import json
import sys
from bisect import bisect_left, bisect_right
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

from bridge.tasks import background
from tests import unmeasured
from tests.chaos.caller import Caller
from tests.patience import PATIENCE_S

__all__ = ["Bystanders", "standing_by"]

ROOT = Path(__file__).parents[2]

SAMPLE_S = 0.02

BEFORE_S = 0.4
"""A wait so long before a hole may have caused it: the lead has to be used up first."""


class Bystanders:
    """The other callers, as a test sees them."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def since(self, from_s: float) -> dict[str, Any]:
        """What they heard since a time of `perf_counter`.

        Returns:
            `every`: how many holes there were; `holes`: in words, those that are the
            server's fault; `gone`: how calls ended, where they did; `calls`.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{from_s}\n".encode())
        async with asyncio.timeout(PATIENCE_S):
            answer = await self._process.stdout.readline()
        heard: dict[str, Any] = json.loads(answer)
        return heard

    @asynccontextmanager
    async def undisturbed(self) -> AsyncIterator[None]:
        """Assert that none of them notices what the block does."""
        from_s = perf_counter()
        yield
        await asyncio.sleep(0.25)
        heard = await self.since(from_s)
        assert heard["gone"] == []
        assert heard["holes"] == []


@asynccontextmanager
async def standing_by(url: str, pid: int, count: int = 4) -> AsyncIterator[Bystanders]:
    """Have callers listen to a bot that never pauses.

    Args:
        url: Of that bot's stream.
        pid: The server's process.
        count: How many.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", __name__, url, str(pid), str(count)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=unmeasured.environment(),
        cwd=ROOT,
    )
    try:
        bystanders = Bystanders(process)
        assert process.stdout is not None
        async with asyncio.timeout(2 * PATIENCE_S):
            assert await process.stdout.readline() == b"listening\n"
        yield bystanders
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


class _Waits:
    """How long the server and this process were kept from running."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._at_s: list[float] = []
        self._waited_s: list[float] = []
        self._late_s: list[float] = []

    async def run(self) -> None:
        due_s = perf_counter()
        while True:
            now_s = perf_counter()
            self._at_s.append(now_s)
            self._late_s.append(now_s - due_s)
            self._waited_s.append(_waited_s(self._pid))
            due_s = now_s + SAMPLE_S
            await asyncio.sleep(SAMPLE_S)

    def between(self, from_s: float, until_s: float) -> float:
        first = max(0, bisect_left(self._at_s, from_s) - 1)
        last = min(bisect_right(self._at_s, until_s), len(self._at_s) - 1)
        server_s = self._waited_s[last] - self._waited_s[first]
        return server_s + sum(self._late_s[first : last + 1])


def _waited_s(pid: int) -> float:
    """How long a process was ready to run and did not; 0 where nobody counts that."""
    try:
        counts = Path(f"/proc/{pid}/schedstat").read_text().split()
    except OSError:
        return 0.0
    return int(counts[1]) / 1e9


def _answer(callers: list[Caller], waits: _Waits, from_s: float) -> dict[str, Any]:
    holes = []
    every = 0
    for caller in callers:
        for gap in caller.holes(from_s):
            every += 1
            ended_s = gap.start_s + gap.length_s
            waited_s = waits.between(gap.start_s - BEFORE_S, ended_s)
            if gap.length_s > waited_s:
                holes.append(
                    f"{gap.length_s:.3f} s, {gap.start_s - from_s:.1f} s on; "
                    f"waited for a processor: {waited_s:.3f} s"
                )
    ends = [each.socket.closed for each in callers]
    gone = [str(each.result()) for each in ends if each.done()]
    return {"calls": len(callers), "every": every, "holes": holes, "gone": gone}


async def _listen(url: str, pid: int, count: int) -> None:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin.buffer
    )
    waits = _Waits(pid)
    async with background(waits=waits.run()), AsyncExitStack() as stack:
        callers = [
            await stack.enter_async_context(Caller(url, is_endless=True))
            for _ in range(count)
        ]
        for caller in callers:
            await caller.until_loud(20)
        _tell("listening")
        async for line in reader:
            _tell(json.dumps(_answer(callers, waits, float(line))))


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_listen(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
