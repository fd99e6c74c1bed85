"""What a fleet costs, and how soon it notices: callbacks, beats, a killed instance.

It starts a Redis of its own (`redis-server`) and instances as processes. Figures are of
this machine and of Redis on loopback; add the way to yours.
"""

import argparse
import asyncio
import contextlib
import logging
import multiprocessing
import resource
import shutil
import socket
import statistics
import subprocess
import time
from collections.abc import Iterator

from pydantic import SecretStr

from bridge.metrics import Metrics
from bridge.multiparty.callbacks import Callback, MpcEvent
from bridge.multiparty.vocabulary import EventName
from bridge.server.fleet import Carrier, FleetCall
from bridge.server.redis_fleet import RedisFleet

CALLS = 300


def cpu_s() -> float:
    """What this process has used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def an_event(number: int) -> MpcEvent:
    """A callback with what Plivo puts into one."""
    return MpcEvent(
        name=EventName.JOIN,
        mpc_uuid="8742d531-7a0c-4b3e-9f10-000000000000",
        mpc_name="support",
        member_id=str(number),
        member_address="+14151234567",
        role="agent",
        call_uuid="dd473c48-0000-4000-8000-000000000000",
        sequence=number,
    )


def fleet(url: str, name: str, taken: list[Callback]) -> RedisFleet:
    """An instance that does nothing but take callbacks."""
    carrier = Carrier(
        describe=lambda _stream: None,
        end=lambda _stream, _reason: False,
        take=taken.append,
    )
    return RedisFleet(SecretStr(url), "bench", name, carrier, Metrics())


@contextlib.contextmanager
def redis() -> Iterator[str]:
    """A Redis that keeps nothing."""
    binary = shutil.which("redis-server")
    if binary is None:
        raise SystemExit("needs Redis: apt install redis-server")
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    words = ["--bind", "127.0.0.1", "--port", port, "--save", ""]
    process = subprocess.Popen([binary, *words], stdout=subprocess.DEVNULL)
    try:
        time.sleep(0.5)
        yield f"redis://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def carrying(url: str, name: str) -> None:
    """An instance with calls, in a process of its own, until it is killed."""

    async def carry() -> None:
        async with fleet(url, name, []).running() as one:
            for number in range(CALLS):
                stream_id = f"{name}-{number:036}"
                one.announce(FleetCall(stream_id=stream_id, instance=name))
            await asyncio.Event().wait()

    asyncio.run(carry())


async def latency(url: str, count: int) -> None:
    """One callback at a time, from one instance to another."""
    taken: list[Callback] = []
    waits_s = []
    async with fleet(url, "a", []).running() as a, fleet(url, "b", taken).running():
        for number in range(count):
            before = len(taken)
            began_s = time.perf_counter()
            a.publish_callback(an_event(number))
            while len(taken) == before:
                await asyncio.sleep(0)
            waits_s.append(time.perf_counter() - began_s)
            await asyncio.sleep(0.005)
    waits_s.sort()
    middle, high = waits_s[count // 2] * 1e3, waits_s[count * 99 // 100] * 1e3
    print(f"callback to another instance   p50 {middle:.2f} ms, p99 {high:.2f} ms")


async def cost(url: str, count: int) -> None:
    """Many at once: CPU of telling and of being told, here together."""
    taken: list[Callback] = []
    events = [an_event(10**6 + number) for number in range(count)]
    async with fleet(url, "c", []).running() as c, fleet(url, "d", taken).running():
        taken.clear()
        began_s, cpu_before_s = time.perf_counter(), cpu_s()
        for event in events:
            c.publish_callback(event)
        while len(taken) < count:
            await asyncio.sleep(0.001)
        each_us = (cpu_s() - cpu_before_s) / count * 1e6
        rate = count / (time.perf_counter() - began_s)
    print(f"callback, sent and taken       {each_us:.0f} us CPU, {rate:.0f} a second")


async def beats(url: str, seconds: float) -> None:
    """What being in a fleet costs when nothing happens."""
    async with fleet(url, "e", []).running():
        before_s = cpu_s()
        await asyncio.sleep(seconds)
        share = (cpu_s() - before_s) / seconds
    print(f"an instance at rest            {share * 100:.2f} % of a core")


async def kills(url: str, count: int) -> None:
    """From a SIGKILL to its calls being listed as lost."""
    waits_s, lists_s = [], []
    context = multiprocessing.get_context("spawn")
    async with fleet(url, "f", []).running() as f:
        for number in range(count):
            name = f"victim{number}"
            process = context.Process(target=carrying, args=(url, name))
            process.start()
            while len((await f.calls()).calls) < CALLS:
                await asyncio.sleep(0.05)
            began_s = time.perf_counter()
            await f.calls()
            lists_s.append(time.perf_counter() - began_s)
            process.kill()
            began_s = time.perf_counter()
            while (await f.calls()).calls:
                await asyncio.sleep(0.02)
            waits_s.append(time.perf_counter() - began_s)
            process.join()
    low, middle, high = min(waits_s), statistics.median(waits_s), max(waits_s)
    print(
        f"killed, with {CALLS} calls         "
        f"noticed after {middle:.1f} s ({low:.1f} to {high:.1f})"
    )
    print(f"list of {CALLS} calls               {min(lists_s) * 1e3:.1f} ms")


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=8)
    parser.add_argument("--callbacks", type=int, default=5000)
    given = parser.parse_args()
    # Each kill would be told with the names of its calls.
    logging.disable(logging.ERROR)
    with redis() as url:
        asyncio.run(latency(url, 500))
        asyncio.run(beats(url, 15.0))
        asyncio.run(cost(url, given.callbacks))
        asyncio.run(kills(url, given.kills))


if __name__ == "__main__":
    main()
