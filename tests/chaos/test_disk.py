"""Disks that take no more: calls go on, and what is lost is told and counted."""

import asyncio
import fcntl
import json
import os
import resource
import signal

import pytest

from tests.chaos.caller import Caller
from tests.chaos.conftest import House
from tests.chaos.stage import Stage, staged

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_a_full_disk_costs_turns_of_transcripts_and_nothing_else(
    house: House,
) -> None:
    """Two lines in the log, a count; the file stays whole, and goes on when it can."""
    stage, others, folder = house
    async with others.undisturbed(), Caller(stage.url("notes")) as caller:
        file = folder / f"{caller.stream_id}.jsonl"
        with stage.limited(resource.RLIMIT_FSIZE, 4096):
            await stage.until_metric("transcript_turns_lost", 20)
        assert file.stat().st_size <= 4096
        await stage.until(lambda: file.stat().st_size > 4096)
    assert await stage.end_of(caller.stream_id)
    lost = (await stage.metrics())["transcript_turns_lost"]
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    numbers = [int(line["text"].split()[0]) for line in lines]
    assert numbers == sorted(numbers)
    assert numbers[-1] - len(numbers) == lost
    first, last = stage.said("transcript ")
    assert first["message"].startswith(f"transcript {file}: ")
    assert last["message"] == f"transcript {file}: {lost:.0f} turns are lost"


@pytest.mark.parametrize("log", ["full", "gone", "stuck"])
async def test_a_log_that_nobody_keeps_disturbs_no_call(log: str) -> None:
    """Standard error on a full disk, or a pipe that nobody reads, or reads any more."""
    if log == "full":
        ends = [os.open("/dev/full", os.O_WRONLY)]
    else:
        ends = list(os.pipe())
        # As small as a pipe can be: it is full soon.
        fcntl.fcntl(ends[0], fcntl.F_SETPIPE_SZ, 4096)
        if log == "gone":
            os.close(ends.pop(0))
    try:
        with staged("--drain-s", "0.2", bots="radio crashes", log=ends[-1]) as stage:
            async with Caller(stage.url("radio")) as caller:
                await asyncio.gather(*(crash(stage) for _ in range(6)))
                await caller.until_loud(10)
                stage.send(signal.SIGTERM)
                assert (await caller.closed()).code == 1001
            assert await stage.ended() == 0
    finally:
        for end in ends:
            os.close(end)


async def crash(stage: Stage) -> None:
    """Make a call that leaves a traceback in the log."""
    async with Caller(stage.url("crashes")) as caller:
        assert (await caller.closed()).code == 1011
