"""Rooms in real time on one core: what a tick and a member cost.

    python benchmarks/engine_rooms.py [--rooms 100] [--seconds 20]

Each room has three phones that speak and one AI agent. The engine has one core; the
stream server, a process of its own, has the other.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from importlib.resources import files
from pathlib import Path

import numpy as np
import uvloop

from bridge.engine import app
from bridge.engine.exchange import Exchange
from bridge.engine.media_clock import MediaClock
from bridge.engine.options import EngineOptions
from bridge.engine.phonebook import Phonebook, PhoneScript
from bridge.multiparty.requests import AddParticipant

PHONES = 3
QUIET = {"enter_sound": "none", "exit_sound": "none", "dial_music": "none"}


class TimedClock(MediaClock):
    """Notes how long each tick takes, and how late it begins."""

    made: "TimedClock"

    def __init__(self, exchange: Exchange) -> None:
        super().__init__(exchange)
        TimedClock.made = self
        self.took_s: list[float] = []
        self.began_s: list[float] = []

    def tick(self) -> None:
        """Time it."""
        began_s = time.perf_counter()
        super().tick()
        self.began_s.append(began_s)
        self.took_s.append(time.perf_counter() - began_s)


def participants(stream_url: str) -> list[AddParticipant]:
    """Three phones and an AI agent."""
    bodies = [
        {"role": "customer", "from": "1", "to": str(number), **QUIET}
        for number in range(PHONES)
    ]
    bodies.append(
        {"role": "ai-agent", "ai_agent_stream_service_url": stream_url, **QUIET}
    )
    return [AddParticipant.model_validate(body) for body in bodies]


async def measured(rooms: int, seconds: float, stream_url: str) -> dict[str, float]:
    """Fill the rooms, let them talk, and say what it cost."""
    speech = Path(str(files("bridge") / "data" / "speech" / "caller.wav"))
    script = PhoneScript(says=speech, repeats=True, answers_after_s=0.1)
    with tempfile.TemporaryDirectory() as folder:
        options = EngineOptions(
            port=0,
            recordings=Path(folder),
            database=":memory:",
            phonebook=Phonebook(numbers={str(n): script for n in range(PHONES)}),
        )
        async with app.running(options) as engine:
            for number in range(rooms):
                for request in participants(stream_url):
                    engine.exchange.add(f"room {number}", request)
                await asyncio.sleep(0.02)
            members = rooms * (PHONES + 1)
            conferences = engine.exchange.conferences
            async with asyncio.timeout(60):
                while sum(len(each.lines) for each in conferences.values()) < members:
                    await asyncio.sleep(0.1)
            await asyncio.sleep(2.0)
            clock = TimedClock.made
            clock.took_s.clear()
            clock.began_s.clear()
            late = clock.late_ticks
            cpu_s, wall_s = time.process_time(), time.perf_counter()
            await asyncio.sleep(seconds)
            cpu_s = time.process_time() - cpu_s
            wall_s = time.perf_counter() - wall_s
            took_ms = np.array(clock.took_s) * 1000
            begun_ms = np.array(clock.began_s) * 1000
            # The least late tick is the clock's zero: later ones are late by the rest.
            slip_ms = begun_ms - np.arange(len(begun_ms)) * 20.0
            slip_ms -= slip_ms.min()
            return {
                "members": members,
                "ticks": len(took_ms),
                "ticks_expected": round(wall_s * 50),
                "tick_p50_ms": float(np.percentile(took_ms, 50)),
                "tick_p99_ms": float(np.percentile(took_ms, 99)),
                "late_p99_ms": float(np.percentile(slip_ms, 99)),
                "late_by_a_tick": clock.late_ticks - late,
                "cpu_share": cpu_s / wall_s,
                "ms_per_member_second": cpu_s * 1000 / wall_s / members,
            }


def serve(stack: AsyncExitStack) -> str:
    """Start a stream server on the other core."""
    command = [sys.executable, "-m", "bridge", "serve", "--port", "0", "--json", "--bot", "echo",
               "--bot-option", "sample_rate_hz=8000", "--log-level", "error"]  # fmt: skip
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    stack.callback(server.wait)
    stack.callback(server.terminate)
    pin(server.pid, -1)
    assert server.stdout is not None
    return str(json.loads(server.stdout.readline())["url"])


def pin(pid: int, place: int) -> None:
    """Give a process one core, where there are several."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:
        os.sched_setaffinity(pid, {cores[place]})


async def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rooms", type=int, nargs="+", default=[10, 100])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    setattr(app, "MediaClock", TimedClock)  # noqa: B010 - it is not the app's to export
    async with AsyncExitStack() as stack:
        url = serve(stack)
        pin(0, 0)
        results = [await measured(rooms, given.seconds, url) for rooms in given.rooms]
    if given.json:
        print(json.dumps(results))
        return
    print(
        "rooms  members  tick p50   p99 ms  late p99  of a core  CPU ms/member-second"
    )
    for rooms, found in zip(given.rooms, results, strict=True):
        print(
            f"{rooms:5d} {found['members']:8.0f} {found['tick_p50_ms']:9.2f}"
            f" {found['tick_p99_ms']:7.2f} {found['late_p99_ms']:9.2f}"
            f" {found['cpu_share']:11.0%} {found['ms_per_member_second']:14.2f}"
        )


if __name__ == "__main__":
    uvloop.run(main())
