"""Callers for `speech.py`: each speaks recorded prompts in turn, as Plivo would stream
them, and notes at the far end when it hears what. A process of its own."""

import argparse
import asyncio
import base64
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import uvloop
from websockets.asyncio.client import ClientConnection, connect

from bridge.audio import g711
from bridge.engine.far_buffer import FarBuffer

RATE_HZ = 8000
TICK = 160
TICK_S = 0.02

SOUND = 300
"""Of 32767; more is sound."""

QUIET_S = 0.6
"""So long the bot has been silent when it has finished."""

PATIENCE_S = 8.0

GAP_S = 0.4
"""Longer than the bot's pauses between sentences."""


def trimmed(path: str) -> np.ndarray:
    """A prompt at 8 kHz, from its first sound to its last."""
    samples, rate_hz = soundfile.read(path, dtype="int16")
    if rate_hz != RATE_HZ:
        from bridge.audio.resampling import resample  # noqa: PLC0415

        samples = resample(samples, rate_hz, RATE_HZ)
    # Through the codec that the line has.
    samples = g711.ulaw_decode(g711.ulaw_encode(samples))
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > SOUND)
    return samples[loud[0] : loud[-1] + 1]


class Caller:
    """One call: ticks every 20 ms, speaks its prompts, hears the bot."""

    def __init__(self, number: int, prompts: list[str], into_s: float | None) -> None:
        self.stream_id = f"00000000-0000-4000-8000-{number:012d}"
        self.turns: list[dict[str, float | str | None]] = []
        self.late_s: list[float] = []
        self.far = FarBuffer(60 * RATE_HZ)
        self._prompts = [(path, trimmed(path)) for path in prompts]
        self._into_s = into_s
        self._tick = 0
        self._speech = np.zeros(0, np.int16)
        self._place = 0
        self._heard_since = 0.0
        self._silent_for_s = 0.0
        self._has_heard = False
        self._ended_s: float | None = None
        self._gap_s = 0.0
        self._is_silenced = False

    async def call(self, port: int) -> None:
        url = f"ws://127.0.0.1:{port}/stream"
        async with connect(url, compression=None, ping_interval=None) as socket:
            await socket.send(json.dumps(self._start()))
            reading = asyncio.ensure_future(self._read(socket))
            try:
                await self._live(socket)
            finally:
                reading.cancel()

    def _start(self) -> dict[str, object]:
        media = {"encoding": "audio/x-mulaw", "sampleRate": RATE_HZ}
        start = {
            "callId": self.stream_id,
            "streamId": self.stream_id,
            "accountId": "MABENCHMARK000000000",
            "tracks": ["inbound"],
            "mediaFormat": media,
        }
        return {
            "event": "start",
            "sequenceNumber": 1,
            "start": start,
            "extra_headers": "",
        }

    async def _read(self, socket: ClientConnection) -> None:
        async for text in socket:
            message = json.loads(text)
            match message["event"]:
                case "playAudio":
                    data = base64.b64decode(message["media"]["payload"])
                    self.far.play(g711.ulaw_decode(data))
                case "checkpoint":
                    if self.far.checkpoint(message["name"]):
                        await self._played(socket, message["name"])
                case "clearAudio":
                    self.far.clear()

    async def _played(self, socket: ClientConnection, name: str) -> None:
        event = {"event": "playedStream", "streamId": self.stream_id, "name": name}
        await socket.send(json.dumps(event))

    async def _live(self, socket: ClientConnection) -> None:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        while self._prompts or self._place < len(self._speech) or not self._is_idle:
            due_s = began_s + self._tick * TICK_S
            await asyncio.sleep(max(0.0, due_s - loop.time()))
            self.late_s.append(loop.time() - due_s)
            heard, reached = self.far.take(TICK)
            for name in reached:
                await self._played(socket, name)
            self._hear(heard)
            await socket.send(json.dumps(self._media(self._say())))
            self._tick += 1

    @property
    def _now_s(self) -> float:
        return self._tick * TICK_S

    @property
    def _is_idle(self) -> bool:
        """Whether the last turn is over."""
        return self._ended_s is None

    def _say(self) -> np.ndarray:
        if self._place >= len(self._speech) and self._wants_to_speak():
            path, self._speech = self._prompts.pop(0)
            self._place = 0
            self._gap_s, self._is_silenced = 0.0, False
            self.turns.append({"path": path, "from_s": self._now_s, "answer_s": None})
            self._has_heard = False
        part = self._speech[self._place : self._place + TICK]
        self._place += len(part)
        if len(part) and self._place >= len(self._speech):
            self._ended_s = self._now_s + len(part) / RATE_HZ
            self.turns[-1]["to_s"] = self._ended_s
        return np.pad(part, (0, TICK - len(part)))

    def _wants_to_speak(self) -> bool:
        if not self._prompts or not self._has_heard or self._ended_s is not None:
            return False
        if self._into_s is not None and len(self.turns) % 2:
            return self._now_s - self._heard_since >= self._into_s
        return self._silent_for_s >= QUIET_S

    def _hear(self, heard: np.ndarray) -> None:
        loud = np.flatnonzero(np.abs(heard.astype(np.int32)) > SOUND)
        if self._place < len(self._speech):
            self._interrupt(loud)
            return
        if len(loud):
            if not self._has_heard:
                self._heard_since = self._now_s
            self._has_heard = True
            self._silent_for_s = 0.0
            if self._ended_s is not None:
                answered_s = self._now_s + loud[0] / RATE_HZ
                self.turns[-1]["answer_s"] = answered_s - self._ended_s
                self._ended_s = None
        else:
            self._silent_for_s += TICK_S
            waited_s = self._now_s - (self._ended_s or self._now_s)
            if waited_s > PATIENCE_S:
                self._ended_s = None
                self._has_heard = True

    def _interrupt(self, loud: np.ndarray) -> None:
        """Note the last of the bot's sound that is heard once we speak.

        What comes after a longer silence is an answer into a pause of the prompt.
        """
        self._gap_s = 0.0 if len(loud) else self._gap_s + TICK_S
        if len(loud) and not self._is_silenced:
            since_s = self._now_s - float(self.turns[-1]["from_s"] or 0.0)
            self.turns[-1]["silent_after_s"] = since_s + (loud[-1] + 1) / RATE_HZ
        self._is_silenced = self._is_silenced or self._gap_s > GAP_S

    def _media(self, samples: np.ndarray) -> dict[str, object]:
        payload = base64.b64encode(g711.ulaw_encode(samples)).decode()
        media = {"track": "inbound", "payload": payload, "chunk": self._tick + 1}
        return {
            "event": "media",
            "streamId": self.stream_id,
            "media": media,
            "extra_headers": "",
        }


async def run(
    port: int, plans: list[list[str]], into_s: float | None
) -> dict[str, Any]:
    """Make all calls, begun a little apart."""
    callers = [Caller(number, plan, into_s) for number, plan in enumerate(plans)]

    async def one(place: int, caller: Caller) -> None:
        await asyncio.sleep(place * 0.137)
        await caller.call(port)

    await asyncio.gather(*(one(place, each) for place, each in enumerate(callers)))
    return {
        "calls": [
            {
                "stream_id": each.stream_id,
                "turns": each.turns,
                "seconds": each._tick * TICK_S,
                "holes_ms": [
                    spell.samples / 8
                    for spell in each.far.dry_spells
                    if not spell.was_announced
                ],
            }
            for each in callers
        ],
        "late_ms_p99": float(
            np.percentile(np.concatenate([c.late_s for c in callers]), 99) * 1000
        ),
    }


def main() -> None:
    """Read plans from standard input, write what happened to standard output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--into", type=float, default=None)
    options = parser.parse_args()
    plans = json.loads(sys.stdin.read())
    assert all(Path(path).exists() for plan in plans for path in plan)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        result = runner.run(run(options.port, plans, options.into))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
