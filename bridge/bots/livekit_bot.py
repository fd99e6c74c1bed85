"""Lets a LiveKit agent answer calls: a bot without a room, without a LiveKit server.

    receptionist = livekit_bot(lambda: (AgentSession(...), Agent(instructions="...")))

The factory runs once per call. It makes its plugins anew: many keep the HTTP session of
the call they first served, and that is closed with it.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import numpy as np
from livekit import rtc
from livekit.agents import Agent, AgentSession, CloseEvent
from livekit.agents.utils import aio, http_context
from livekit.agents.voice import io
from numpy.typing import NDArray

from bridge import Bot, Call

__all__ = ["livekit_bot"]


def livekit_bot(make: Callable[[], tuple[AgentSession[Any], Agent]]) -> Bot:
    """Return a bot that holds each call with a session and an agent of its own."""

    async def bot(call: Call) -> None:
        # Plugins look for an HTTP session that a LiveKit worker would have opened.
        async with http_context.open():
            session, agent = make()
            ear, mouth, failures = _Ear(), _Mouth(call), list[Exception]()
            session.input.audio, session.output.audio = ear, mouth
            listening = asyncio.create_task(ear.listen(call))

            @session.once("close")
            def _close(event: CloseEvent) -> None:
                listening.cancel()
                if event.error is not None:
                    failures.append(event.error.error)

            try:
                await session.start(agent=agent)
                await asyncio.wait({listening})
            finally:
                listening.cancel()
                await session.aclose()
                await aio.cancel_and_wait(*mouth.playing)
        if failures:
            raise RuntimeError("the LiveKit session failed") from failures[0]

    return bot


class _Ear(io.AudioInput):
    """What the agent hears."""

    def __init__(self) -> None:
        super().__init__(label="call")
        self._frames: aio.Chan[rtc.AudioFrame] = aio.Chan()

    async def listen(self, call: Call) -> None:
        async for heard in call.listen():
            data, count = heard.tobytes(), len(heard)
            self._frames.send_nowait(
                rtc.AudioFrame(data, call.sample_rate_hz, 1, count)
            )

    async def __anext__(self) -> rtc.AudioFrame:
        return await self._frames.__anext__()


class _Mouth(io.AudioOutput):
    """What the agent says; each segment is kept until it was heard, for pauses."""

    def __init__(self, call: Call) -> None:
        can = io.AudioOutputCapabilities(pause=True)
        super().__init__(
            label="call", capabilities=can, sample_rate=call.sample_rate_hz
        )
        self.playing: set[asyncio.Task[None]] = set()
        self._call = call
        self._said = bytearray()
        self._heard_samples = 0
        self._is_whole, self._is_held, self._is_cleared = True, False, False
        self._change, self._may_play = asyncio.Event(), asyncio.Event()
        self._may_play.set()

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        if self._is_whole:
            await asyncio.gather(*self.playing)
            self._said, self._heard_samples = bytearray(), 0
            self._is_whole = self._is_cleared = False
            self.playing = {asyncio.create_task(self._play())}
        await super().capture_frame(frame)
        samples = np.frombuffer(frame.data, np.int16).reshape(-1, frame.num_channels)
        self._said += samples.mean(axis=1).astype(np.int16).tobytes()
        self._change.set()

    def flush(self) -> None:
        super().flush()
        self._is_whole = True
        self._change.set()

    def clear_buffer(self) -> None:
        self._is_cleared = True
        self._silence()
        self._may_play.set()  # A paused segment ends, too.

    def pause(self) -> None:
        if self._may_play.is_set():  # It is called again with every frame of noise.
            self._is_held = True
            self._may_play.clear()
            self._silence()

    def resume(self) -> None:
        self._may_play.set()

    def _silence(self) -> None:
        if not all(task.done() for task in self.playing):
            self._call.interrupt()

    async def _play(self) -> None:
        """Say one segment; after each pause, say the rest of it."""
        is_all = False
        await self._may_play.wait()
        if not self._is_cleared:
            self.on_playback_started(created_at=time.time())  # noqa: TID251 - theirs
        while not self._is_cleared:
            self._is_held = False
            heard = await self._call.play(self._rest()).done()
            self._heard_samples += heard.samples
            is_all = heard.complete
            if is_all or not self._is_held:
                break
            await self._may_play.wait()
        at_s = self._heard_samples / self._call.sample_rate_hz
        self.on_playback_finished(playback_position=at_s, interrupted=not is_all)

    async def _rest(self) -> AsyncIterator[NDArray[np.int16]]:
        """Yield what was not heard yet, as it is made."""
        place = 2 * self._heard_samples
        while len(self._said) > place or not self._is_whole:
            if piece := self._said[place:]:
                place += len(piece)
                yield np.frombuffer(piece, np.int16)
            else:
                self._change.clear()
                await self._change.wait()
