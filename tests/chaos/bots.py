"""Bots that fail in every way there is, and one that never pauses."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator

from bridge import Call, Gap
from bridge.audio.pcm import Samples
from bridge.audio.tones import tone
from bridge.call.transcript import Turn

_LOG = logging.getLogger(__name__)


async def _endless(rate_hz: int) -> AsyncIterator[Samples]:
    second = tone(400, 1.0, rate_hz)
    while True:
        yield second


async def radio(call: Call) -> None:
    """Speaks without end, and says so if it misses anything of the caller."""
    call.play(_endless(call.sample_rate_hz))
    async for event in call.events():
        if isinstance(event, Gap):
            _LOG.warning("radio missed %.2f s: %s", event.duration_s, event.reason)


async def station(call: Call) -> None:
    """Speaks without end, whatever is said to it."""
    call.play(_endless(call.sample_rate_hz))
    async for _event in call.events():
        pass


async def echo(call: Call) -> None:
    """Says what it hears."""
    async for frame in call.listen():
        await call.speak(frame)


async def crashes(call: Call) -> None:
    """Has a bug that shows after half a second."""
    call.play(_endless(call.sample_rate_hz))
    await asyncio.sleep(0.5)
    raise ValueError("a bug of the bot")


async def hangs(call: Call) -> None:
    """Never reads and never returns."""
    await asyncio.Event().wait()


async def clings(call: Call) -> None:
    """Will not even be cancelled."""
    while True:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(3600)


async def waits_in_a_thread(call: Call) -> None:
    """Waits in a thread for what never comes."""
    await asyncio.to_thread(time.sleep, 3600)


async def blocks(call: Call) -> None:
    """Stops the event loop for 300 ms, twice a second."""
    while call.is_open:
        await asyncio.sleep(0.5)
        time.sleep(0.3)


async def lags(call: Call) -> None:
    """Needs 0.2 s in a thread for every 20 ms."""
    async for frame in call.listen():
        await asyncio.to_thread(time.sleep, 0.2)
        await call.speak(frame)


async def notes(call: Call) -> None:
    """Writes a turn every 20 ms."""
    number = 0
    async for _frame in call.listen():
        number += 1
        call.note(Turn("bot", f"{number} " + "x" * 100, number / 50, number / 50))
