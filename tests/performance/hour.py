"""An hour of one call in virtual time: what a minute of it costs, and what it keeps.

    python -m tests.performance.hour [--minutes 60]

Prints, as JSON, the calls of functions, Python's and C's, in a minute, and the memory
that is in use at the end of it: blocks of Python's allocator, and bytes of the C
library's, which has all that is larger than half a kilobyte.
"""

import argparse
import asyncio
import ctypes
import dataclasses
import gc
import json
import sys
from types import FrameType

from bridge.virtual_time import VirtualLoop
from tests.performance.line import FRAME_S, Line, lines, talk

__all__ = ["Minute", "hour"]

FRAMES = round(60 / FRAME_S)

SETTLED = 5
"""Minutes: whatever fills and then stays full has been filled."""


@dataclasses.dataclass
class Minute:
    """What one came to."""

    number: int
    calls: int = 0
    answers: int = 0
    acknowledged: int = 0
    blocks: int = 0
    heap_bytes: int = 0


class _Mallinfo(ctypes.Structure):
    """`struct mallinfo2` of glibc."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    )


async def hour(minutes: int = 60) -> list[Minute]:
    """Let an echo's caller talk; returns the first minute, the fifth and the last."""
    counted = sorted({1, SETTLED, minutes})
    found = []
    async with lines(1) as (line,):
        for number in range(1, minutes + 1):
            if number in counted:
                found.append(await _counted(line, number))
            else:
                await talk([line], FRAMES)
    return found


async def _counted(line: Line, number: int) -> Minute:
    minute = Minute(number, answers=-line.answers, acknowledged=-line.acknowledged)

    def called(_frame: FrameType, event: str, _arg: object) -> None:
        minute.calls += event in ("call", "c_call")

    sys.setprofile(called)
    try:
        await talk([line], FRAMES)
    finally:
        sys.setprofile(None)
    minute.answers += line.answers
    minute.acknowledged += line.acknowledged
    gc.collect()
    minute.blocks = sys.getallocatedblocks()
    minute.heap_bytes = _heap_bytes()
    return minute


def _heap_bytes() -> int:
    """In use, of the C library's allocator; 0 where it is another than glibc's."""
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallinfo2"):
        return 0
    library.mallinfo2.restype = _Mallinfo
    found = library.mallinfo2()
    return int(found.uordblks) + int(found.hblkhd)


def main() -> None:
    """Print it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=int, default=60)
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        found = runner.run(hour(options.minutes))
    json.dump([dataclasses.asdict(minute) for minute in found], sys.stdout, indent=1)


if __name__ == "__main__":
    main()
