"""How a bridge dies, and how it stops."""

import asyncio
import json
import signal
from contextlib import AsyncExitStack
from pathlib import Path
from time import perf_counter

import pytest

from bridge.errors import UnavailableError
from tests.chaos.caller import Caller
from tests.chaos.proxy import network
from tests.chaos.stage import staged

CALLS = 50


async def test_a_kill_is_heard_at_once_and_a_restart_answers(tmp_path: Path) -> None:
    """What was written of 50 calls is whole; on the same port, new calls are taken."""
    folder = ("--transcripts", str(tmp_path))

    def _lines(caller: Caller) -> list[str]:
        file = tmp_path / f"{caller.stream_id}.jsonl"
        return file.read_text().splitlines() if file.exists() else []

    with staged(*folder, bots="notes") as stage:
        async with AsyncExitStack() as stack:
            callers = [Caller(stage.url("notes")) for _ in range(CALLS)]
            for caller in callers:
                await stack.enter_async_context(caller)
            # Turns are in the files while calls go on, not only at their end.
            await stage.until(lambda: all(len(_lines(each)) > 40 for each in callers))
            stage.send(signal.SIGKILL)
            killed_s = perf_counter()
            ends = await asyncio.gather(*(each.closed() for each in callers))
            # Long before any ping would tell.
            assert perf_counter() - killed_s < 10
            assert {end.code for end in ends} == {1006}
    for caller in callers:
        lines = _lines(caller)
        numbers = [int(json.loads(line)["text"].split()[0]) for line in lines]
        assert numbers == list(range(1, len(lines) + 1))

    again = ("--port", str(stage.port))
    with staged(*folder, *again, bots="notes radio") as stage:
        async with Caller(stage.url("radio")) as caller:
            await caller.until_loud()


async def test_a_stop_lets_calls_end_and_then_ends_them() -> None:
    """Who is done soon is done; the others get 1001, whatever state they are in."""
    options = ("--drain-s", "4", "--farewell-s", "0.3", "--close-timeout-s", "0.3")
    async with AsyncExitStack() as stack:
        stage = stack.enter_context(staged(*options, bots="radio hangs crashes"))
        line = await stack.enter_async_context(network(stage.port))
        short, long, hung, frozen, crashing = callers = [
            Caller(stage.url("radio")),
            Caller(stage.url("radio")),
            Caller(stage.url("hangs")),
            Caller(stage.url("radio", line.port)),
            Caller(stage.url("crashes")),
        ]
        _, half_open = await asyncio.open_connection("127.0.0.1", stage.port)
        half_open.write(b"GET /stream HTTP/1.1\r\nHost: x\r\n")
        for caller in callers:
            await stack.enter_async_context(caller)
        await long.until_loud(10)
        line.freeze()
        stage.send(signal.SIGTERM)
        await stage.until(lambda: stage.said("draining"))
        with pytest.raises(UnavailableError, match="HTTP 503"):
            await Caller(stage.url("radio")).connect()
        assert (await stage.metrics())["streams_refused{why=draining}"] == 1
        await short.until_loud(25)
        short.socket.hang_up()
        assert (await short.closed()).code == 1000
        assert short.loud_s() > 0.5
        assert (await crashing.closed()).code == 1011
        assert (await long.closed()).code == (await hung.closed()).code == 1001
        assert not frozen.socket.closed.done()
        assert await stage.ended() == 0
        half_open.close()
    assert stage.said("3 calls did not end in time")
    errors = [each["message"] for each in stage.lines if each["level"] == "error"]
    assert errors == ["bot crashes failed: a bug of the bot"]
