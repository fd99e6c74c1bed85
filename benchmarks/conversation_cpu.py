"""What a conversation costs: CPU of the whole server process, by what the caller does.

Callers of a process of their own (this one) stream to `serve --bot` in three states:
they are silent, on a line with a little noise; they listen, to sentences that were
never said before; and they talk, human speech with half a second of silence after
each prompt or clip, so that each is a turn that is understood and answered, and the
next interrupts that answer.
"""

import argparse
import asyncio
import json
import random
import tempfile
import time
from collections.abc import Iterator

import numpy as np
import uvloop
from websockets.asyncio.client import ClientConnection

from benchmarks.callers import RATE_HZ, TICK, TICK_S, Caller, trimmed
from benchmarks.speech import clips, cpu_s, prompts, serving

NOISE = 16.0
"""Standard deviation of the line's noise, of 32767: -66 dBFS."""

AFTER_S = 0.5
"""So long a caller who talks is silent between two prompts."""

SETTLE_S = 3.0


class Line(Caller):
    """One call that streams whatever state it is put in."""

    def __init__(self, number: int) -> None:
        super().__init__(number, [], None)
        self.is_over = False
        self.is_talking = False
        self._dice = random.Random(number)
        self._noise = self._noises(number)
        self._talk = self._talks()
        self._keys: list[str] = []

    def press(self, key: str) -> None:
        """Press a key at the next tick."""
        self._keys.append(key)

    async def _live(self, socket: ClientConnection) -> None:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        while not self.is_over:
            due_s = began_s + self._tick * TICK_S
            await asyncio.sleep(max(0.0, due_s - loop.time()))
            self.late_s.append(loop.time() - due_s)
            for name in self.far.take(TICK)[1]:
                await self._played(socket, name)
            for key in self._keys:
                await socket.send(json.dumps({"event": "dtmf", "dtmf": {"digit": key}}))
            self._keys.clear()
            samples = next(self._talk if self.is_talking else self._noise)
            await socket.send(json.dumps(self._media(samples)))
            self._tick += 1

    def _noises(self, seed: int) -> Iterator[np.ndarray]:
        noise = np.random.default_rng(seed).normal(0, NOISE, RATE_HZ * 5)
        frames = noise.astype(np.int16).reshape(-1, TICK)
        while True:
            yield from frames

    def _talks(self) -> Iterator[np.ndarray]:
        paths = [*sorted(prompts()), *sorted(clips()) * 20]
        while True:
            speech = trimmed(self._dice.choice(paths))
            speech = speech[: len(speech) // TICK * TICK]
            yield from speech.reshape(-1, TICK)
            for _ in range(round(AFTER_S / TICK_S)):
                yield next(self._noise)


async def measured(port: int, pid: int, calls: int, seconds: float) -> dict[str, float]:
    """CPU in ms per second of one stream, by state."""
    lines = [Line(number) for number in range(calls)]

    async def begin(place: int, line: Line) -> None:
        # So that not all their frames come at once.
        await asyncio.sleep(place * 0.137)
        await line.call(port)

    async def cost() -> float:
        await asyncio.sleep(SETTLE_S)
        began_s, began_cpu_s = time.monotonic(), cpu_s(pid)
        await asyncio.sleep(seconds)
        spent_s = cpu_s(pid) - began_cpu_s
        return 1000 * spent_s / (time.monotonic() - began_s) / calls

    going = asyncio.gather(*(begin(place, line) for place, line in enumerate(lines)))
    await asyncio.sleep(calls * 0.137)
    figures = {"silent": await cost()}
    for line in lines:
        line.press("#")
        await asyncio.sleep(0.05)
    figures["listening"] = await cost()
    for line in lines:
        line.is_talking = True
    figures["talking"] = await cost()
    for line in lines:
        line.is_over = True
    await going
    late_s = np.concatenate([line.late_s for line in lines])
    figures["callers_late_p99_ms"] = 1000 * float(np.percentile(late_s, 99))
    return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, nargs="*", default=[1, 16])
    parser.add_argument("--seconds", type=float, default=12.0, help="in each state")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    report: dict[int, dict[str, float]] = {}
    for calls in options.calls:
        with (
            tempfile.TemporaryDirectory() as folder,
            serving("teller", folder) as (port, pid),
            asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        ):
            report[calls] = runner.run(measured(port, pid, calls, options.seconds))
    if options.json:
        print(json.dumps(report, indent=2))
        return
    print(
        "CPU ms per stream-second:\ncalls   silent  listening  talking   callers late"
    )
    for calls, of in report.items():
        print(
            f"{calls:5} {of['silent']:8.1f} {of['listening']:10.1f} "
            f"{of['talking']:8.1f} {of['callers_late_p99_ms']:11.1f} ms"
        )


if __name__ == "__main__":
    main()
