"""No more file descriptors: the calls there are go on, and the rest can wait."""

import asyncio
import resource

import psutil

from bridge.errors import UnavailableError
from tests.chaos.bystanders import standing_by
from tests.chaos.caller import Caller
from tests.chaos.stage import staged
from tests.patience import PATIENCE_S

CROWD = 300


async def test_too_few_descriptors_are_a_wait_and_no_end() -> None:
    """Hundreds connect, few fit: no call is lost, nothing spins, and all recovers."""
    with staged("--handshake-timeout-s", "90", bots="radio") as stage:
        listeners = standing_by(stage.url("radio"), stage.pid)
        async with listeners as others, others.undisturbed():
            used = psutil.Process(stage.pid).num_fds()
            with stage.limited(resource.RLIMIT_NOFILE, used + 20):
                crowd = await _connect(stage.port, CROWD)
                await asyncio.sleep(0.3)
                began_s = stage.cpu_s
                await asyncio.sleep(1.5)
                assert stage.cpu_s - began_s < 0.75
                try:
                    async with Caller(stage.url("radio")) as late:
                        await late.until_loud(within_s=0.5)
                except (TimeoutError, UnavailableError):
                    pass
                else:
                    raise AssertionError("the descriptors were enough")
                for writer in crowd:
                    writer.transport.abort()
                async with asyncio.timeout(PATIENCE_S):
                    await _answered(stage.url("radio"))
        # Said, and not a line for each that did not fit.
        assert 1 <= len(stage.said("no more file descriptors")) < 10
        assert len(stage.lines) < 50


async def test_the_soft_limit_is_raised() -> None:
    """What the system allows is used, whatever was set for programs with `select`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        with staged() as stage:
            most = (await stage.metrics())["process_max_fds"]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert most > 256


async def _connect(port: int, count: int) -> list[asyncio.StreamWriter]:
    connected = []
    for _ in range(count):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            continue
        connected.append(writer)
    return connected


async def _answered(url: str) -> None:
    """Call until somebody answers."""
    while True:
        try:
            async with Caller(url) as caller:
                await caller.until_loud(5)
                return
        except UnavailableError:
            await asyncio.sleep(0.1)
