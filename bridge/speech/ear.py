"""Listens to one speaker: audio goes in;
when they speak and what they say comes out."""

import asyncio
import collections
import dataclasses
import functools
import logging
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from bridge.audio.pcm import Samples
from bridge.errors import BridgeError
from bridge.speech.recognition import Recognition, Recognized, StreamingRecognizer
from bridge.speech.turns import (
    SpeechBegan,
    SpeechPaused,
    SpeechResumed,
    TurnDetector,
    TurnEnded,
)
from bridge.speech.voices import VoiceDetector
from bridge.tasks import Spawn

__all__ = ["Ear", "HeardTurn", "OnHeard"]

_LOG = logging.getLogger(__name__)

PRE_ROLL_S = 0.38
"""Kept from before a voice is noticed: the first sounds of a word are soft."""

RECENT_S = 0.5

PATIENCE_S = 10.0
"""So long a text is waited for, once the turn is over."""


@dataclasses.dataclass(slots=True)
class HeardTurn:
    """Something the speaker said, from beginning to end; times are the loop's."""

    began_at_s: float
    ended_at_s: float
    """When its last sample came, as near as the detector can tell."""
    decided_at_s: float
    """When it was clear that it was the last."""
    voiced_s: float
    text: str = ""
    has_failed: bool = False
    """Whether the recognizer has, and nobody knows what was said."""
    is_echo: bool = False
    """Whether it was not theirs, but ours come back."""
    text_at_s: float = 0.0


OnHeard: TypeAlias = Callable[[HeardTurn], None]


class Ear:
    """One speaker's detector, turns and recognition, overlapped.

    Args:
        detector: Hears voices.
        turns: Decides when a turn ends.
        recognizer: Understands.
        rate_hz: Of the audio.
        spawn: Runs what goes on meanwhile.
    """

    def __init__(
        self,
        detector: VoiceDetector,
        turns: TurnDetector,
        recognizer: StreamingRecognizer,
        rate_hz: int,
        spawn: Spawn,
    ) -> None:
        self.on_began: Callable[[], None] = lambda: None
        self.on_turn: OnHeard = lambda _turn: None
        """Told of each turn, in order, when it has been understood."""
        self.is_speaking = False
        self.is_echo = False
        """Whether what is heard now is ours: as long as it is, it need not be
        understood. For the listener to say; of each turn anew."""
        self._voices = detector.listen(rate_hz)
        self._turns = turns
        self._recognizer = recognizer
        self._rate_hz = rate_hz
        self._spawn = spawn
        self._recognition: Recognition | None = None
        self._before: collections.deque[Samples] = collections.deque()
        self._before_samples = 0
        self._received = 0
        self._turn_number = 0
        self._began_at_s = 0.0
        self._in_order = asyncio.Lock()
        self._now = asyncio.get_running_loop().time

    async def push(self, samples: Samples) -> None:
        """Take what was heard."""
        now_s = self._now()
        self._received += len(samples)
        if self._recognition is not None:
            self._recognition.push(samples)
        self._remember(samples)
        for voice in await self._voices.push(samples):
            for event in self._turns.push(voice):
                self._take(event, now_s)

    def recent(self, seconds: float) -> Samples:
        """The last of what was heard."""
        heard = np.concatenate([np.zeros(0, np.int16), *self._before])
        return heard[-round(seconds * self._rate_hz) :]

    def spoken(self, seconds: float) -> Samples:
        """The last of what was spoken since the speaker began."""
        return self.recent(min(seconds, self._now() - self._began_at_s))

    def _take(
        self,
        event: SpeechBegan | SpeechPaused | SpeechResumed | TurnEnded,
        now_s: float,
    ) -> None:
        match event:
            case SpeechBegan():
                self.is_speaking, self.is_echo = True, False
                self._began_at_s = self._time_of(event.at_samples, now_s)
                self._turn_number += 1
                self._recognition = self._recognizer.begin(
                    self._rate_hz,
                    functools.partial(self._understood, self._turn_number),
                    self._spawn,
                )
                since_s = (self._received - event.at_samples) / self._rate_hz
                self._recognition.push(self.recent(since_s + PRE_ROLL_S))
                self.on_began()
            case SpeechPaused() if self._recognition is not None:
                if not self.is_echo:
                    self._recognition.pause()
            case SpeechResumed() if self._recognition is not None:
                self._recognition.resume()
            case TurnEnded() if self._recognition is not None:
                self.is_speaking = False
                turn = HeardTurn(
                    self._began_at_s,
                    self._time_of(event.until_samples, now_s),
                    now_s,
                    event.voiced_samples / self._rate_hz,
                    is_echo=self.is_echo,
                )
                self.is_echo = False
                recognition, self._recognition = self._recognition, None
                # What was said in it is not the beginning of the next.
                self._before.clear()
                self._before_samples = 0
                self._turn_number += 1
                self._spawn("turn", self._finish(recognition, turn))

    async def _finish(self, recognition: Recognition, turn: HeardTurn) -> None:
        async with self._in_order:
            try:
                if not turn.is_echo:
                    async with asyncio.timeout(PATIENCE_S):
                        turn.text = await recognition.finish()
            # The edge of a plug-in, and of our patience with it.
            except Exception as error:  # noqa: BLE001
                trace = None if isinstance(error, BridgeError | TimeoutError) else error
                _LOG.warning("not understood: %r", error, exc_info=trace)
                turn.has_failed = True
            finally:
                recognition.close()
            turn.text_at_s = self._now()
            self.on_turn(turn)

    def _understood(self, turn_number: int, heard: Recognized) -> None:
        # What comes late is about a turn that is over.
        if turn_number == self._turn_number:
            self._turns.hint(heard.text)

    def _remember(self, samples: Samples) -> None:
        self._before.append(samples)
        self._before_samples += len(samples)
        most = (PRE_ROLL_S + RECENT_S) * self._rate_hz
        while self._before_samples - len(self._before[0]) > most:
            self._before_samples -= len(self._before.popleft())

    def _time_of(self, position: int, now_s: float) -> float:
        """When a sample came."""
        return now_s - (self._received - position) / self._rate_hz
