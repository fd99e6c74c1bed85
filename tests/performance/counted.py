"""What is counted: frames through the whole hot path, and a reference.

Run by `hot_path.py` under callgrind, which begins a new count at each `mark`.
"""

import asyncio
import base64
import contextlib
import dataclasses
import gc
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from bridge.virtual_time import VirtualLoop
from tests.performance.line import lines, talk

__all__ = ["CASES", "FRAMES", "MARK", "REFERENCES", "Case"]

ROOT = Path(__file__).parents[2]

STREAMS = 10
"""At once, so that they share the turns of the loop: it is not that of production."""

TICKS = 100
"""Of each stream: two seconds, with the checkpoints of two seconds."""

WARM_UP_TICKS = 20

FRAMES = STREAMS * TICKS

REFERENCES = 500
"""Rounds of the reference."""

MARK = "getloadavg"
"""A function of the C library that nobody else here calls."""


@dataclasses.dataclass(frozen=True)
class Case:
    """A kind of stream."""

    rate_hz: int
    """Of the bot; the wire has 8 kHz."""
    encoding: str = "audio/x-l16"


CASES = {
    "8 kHz bot": Case(8000),
    "16 kHz bot": Case(16000),
    "24 kHz bot": Case(24000),
    "mu-law, 16 kHz bot": Case(16000, "audio/x-mulaw"),
}


def mark() -> None:
    """Let the count that runs end, and another begin."""
    os.getloadavg()


def main() -> None:
    """Go through all cases and the reference; print what each frame came to."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        for case in CASES.values():
            runner.run(counted(case))
    reference()
    mark()
    reference()
    mark()


async def counted(case: Case) -> None:
    """Count `FRAMES` frames of a case.

    Raises:
        AssertionError: If not each of them was answered by one.
    """
    async with lines(STREAMS, case.rate_hz, case.encoding) as opened:
        await talk(opened, WARM_UP_TICKS)
        answers = sum(line.answers for line in opened)
        # Collections are a part of the cost, and always the same one.
        gc.collect()
        mark()
        await talk(opened, TICKS)
        mark()
        assert sum(line.answers for line in opened) - answers == FRAMES
        assert all(line.acknowledged for line in opened)


# ------------------------------------------------------------------- the reference


def reference() -> None:
    """Do what a frame cannot do without, with what Python brings and numpy.

    It tells whether two interpreters, and what they were built with, are alike: then
    their counts can be compared as they are, else by their ratio to this.
    """
    samples = (np.arange(160) * 100 % 30_000).astype("<i2")
    payload = base64.b64encode(samples.tobytes()).decode()
    text = json.dumps({"event": "media", "media": {"chunk": 1, "payload": payload}})
    taps = np.ones(48, np.float32) / 48
    for _ in range(REFERENCES):
        message = json.loads(text)
        wire = np.frombuffer(base64.b64decode(message["media"]["payload"]), "<i2")
        heard = np.convolve(wire.astype(np.float32), taps, "same")
        spoken = np.rint(heard).astype(np.int16).tobytes()
        media = {"payload": base64.b64encode(spoken).decode()}
        json.dumps({"event": "playAudio", "media": media})
        # And the interpreter by itself: names, calls, numbers, an object or two.
        kept: list[tuple[int, str]] = []
        for number in range(60):
            kept.append((number, message["event"]))
        max(kept, key=lambda each: each[0])


# ------------------------------------------------------------ by Python's functions


def by_function(case: Case) -> tuple[Counter[str], Counter[str]]:
    """Bytecodes and calls of each Python function, in one frame's way.

    Returns:
        Both by `file:function`, for all `FRAMES` together.
    """
    codes: Counter[Any] = Counter()
    calls: Counter[Any] = Counter()

    def opcode(frame: FrameType, event: str, _arg: object) -> Any:
        if event == "opcode":
            codes[frame.f_code] += 1
        return opcode

    def called(frame: FrameType, _event: str, _arg: object) -> Any:
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        calls[frame.f_code] += 1
        return opcode

    @contextlib.contextmanager
    def traced() -> Iterator[None]:
        # Coverage may be measured.
        before = sys.gettrace()
        sys.settrace(called)
        try:
            yield
        finally:
            sys.settrace(before)

    async def run() -> None:
        async with lines(STREAMS, case.rate_hz, case.encoding) as opened:
            await talk(opened, WARM_UP_TICKS)
            with traced():
                await talk(opened, TICKS)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(run())
    return _named(codes), _named(calls)


def _named(counts: Counter[Any]) -> Counter[str]:
    named: Counter[str] = Counter()
    for code, count in counts.items():
        file = Path(code.co_filename)
        inside = file.is_relative_to(ROOT)
        shown = file.relative_to(ROOT) if inside else Path(*file.parts[-2:])
        named[f"{shown}:{code.co_qualname}"] += count
    return named


if __name__ == "__main__":
    main()
