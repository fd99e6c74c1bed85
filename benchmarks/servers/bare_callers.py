"""Callers of the bare echo: as many bytes as a stream's, at the same times.

They tick on the clock of `mpc-bridge load`, so that what arrives together at other
servers does here.
"""

import asyncio
import base64
import json
import time
from collections import deque
from collections.abc import Callable

import numpy as np

from bridge.load.beat import Beat
from bridge.load.figures import Tally
from bridge.tasks import background

__all__ = ["HEAD_BYTES", "Echoed", "call"]

HEAD_BYTES = 8
"""Of a client's frame of WebSocket."""


class Echoed(asyncio.Protocol):
    """One caller: sends frames, and notes when each is back.

    Args:
        tally: Where round trips are noted.
    """

    def __init__(self, tally: Tally) -> None:
        voice = np.random.default_rng(0).normal(0, 3000, 160).astype("<i2")
        media = {
            "track": "inbound",
            "payload": base64.b64encode(voice.tobytes()).decode(),
        }
        stream = "00000000-0000-4000-8000-000000000000"
        message = {"event": "media", "streamId": stream, "media": media}
        text = json.dumps({**message, "extra_headers": ""}).encode()
        self.unanswered: deque[float] = deque()
        """When frames were sent that are not back."""
        self._frame = bytes(HEAD_BYTES) + text
        self._tally = tally
        self._received = 0
        self._transport: asyncio.WriteTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        while self._received >= len(self._frame):
            self._received -= len(self._frame)
            took_s = time.perf_counter() - self.unanswered.popleft()
            self._tally.record("round_trip_ms", took_s)

    def hang_up(self) -> None:
        """Close the socket."""
        self._transport.close()

    def tick(self, _due_s: float) -> None:
        """Send a frame."""
        self.unanswered.append(time.perf_counter())
        self._transport.write(self._frame)


async def call(
    port: int, streams: int, seconds: float, read: Callable[[], float]
) -> tuple[Tally, float, int]:
    """Send frames on many sockets.

    Args:
        port: Of the bare echo.
        streams: How many sockets.
        seconds: For how long.
        read: Tells the CPU that the server has used.

    Returns:
        Round trips and own lateness, the server's CPU in seconds for each second,
        and how many frames are not back.
    """
    tally = Tally()
    loop = asyncio.get_running_loop()
    beat = Beat(time.perf_counter() + 0.1, tally)
    callers = []
    for _ in range(streams):
        _, caller = await loop.create_connection(
            lambda: Echoed(tally), "127.0.0.1", port
        )
        beat.add(caller)
        callers.append(caller)
    async with background(beat=beat.run()):
        await asyncio.sleep(1.0)
        used_s, began_s = read(), time.perf_counter()
        await asyncio.sleep(seconds)
        used_s, lasted_s = read() - used_s, time.perf_counter() - began_s
    await asyncio.sleep(0.3)
    for caller in callers:
        caller.hang_up()
    # What is still open when the loop is closed would hold it up.
    await asyncio.sleep(0.1)
    return tally, used_s / lasted_s, sum(len(each.unanswered) for each in callers)
