"""When a caller begins to speak, pauses, and has finished: no I/O, no clock.

Time is counted in samples of the caller's audio.
"""

import dataclasses
import re
from typing import Protocol, TypeAlias

import msgspec

from bridge.errors import ConfigError
from bridge.speech.voices import Voice

__all__ = [
    "SilenceTurns",
    "SpeechBegan",
    "SpeechPaused",
    "SpeechResumed",
    "TurnDetector",
    "TurnEnded",
    "TurnEvent",
    "TurnOptions",
]


class SpeechBegan(msgspec.Struct, frozen=True):
    """The caller speaks."""

    at_samples: int


class SpeechPaused(msgspec.Struct, frozen=True):
    """It has been quiet for a moment: perhaps that was all."""

    until_samples: int
    """The end of what was said."""


class SpeechResumed(msgspec.Struct, frozen=True):
    """That was not all."""

    at_samples: int


class TurnEnded(msgspec.Struct, frozen=True):
    """The caller has finished."""

    from_samples: int
    until_samples: int
    """The end of what was said, not of the wait for more."""
    voiced_samples: int
    """How much of it was voice; a cough has little."""


TurnEvent: TypeAlias = SpeechBegan | SpeechPaused | SpeechResumed | TurnEnded


class TurnDetector(Protocol):
    """Decides about one caller's turns."""

    def push(self, voice: Voice) -> list[TurnEvent]:
        """Take the next window."""

    def hint(self, text: str) -> None:
        """Take what was understood so far, if anything has been, at a pause."""


@dataclasses.dataclass(frozen=True, slots=True)
class TurnOptions:
    """How patient we are, in seconds."""

    end_s: float = 0.32
    """So much silence ends a turn."""
    unfinished_s: float = 0.9
    """And so much one whose words want to go on, as in `my number is`."""
    pause_s: float = 0.128
    """After so much silence it is looked what was said; less than `end_s`."""
    longest_s: float = 30.0
    """A turn without an end is ended: noise, most likely."""
    begin_s: float = 0.06
    """So much voice begins a turn; less is a click."""
    threshold: float = 0.5
    """From this probability on, it is voice; it stays so down to 0.15 less."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not 0 < self.pause_s <= self.end_s <= self.unfinished_s:
            raise ConfigError(
                "turns: 0 < pause_s <= end_s <= unfinished_s is needed, got "
                f"{self.pause_s}, {self.end_s}, {self.unfinished_s}"
            )
        if not 0 < self.threshold < 1:
            raise ConfigError(f"threshold: {self.threshold}, allowed is 0 to 1")


HYSTERESIS = 0.15

UNFINISHED = re.compile(
    r"\b(?:a|an|and|are|at|but|because|for|from|i|if|in|is|it's|my|of|on|or|so|the|then"
    r"|to|um|uh|er|well|with|would|like|can|could|i'd|i'm|your)[\s,.…-]*$",
    re.IGNORECASE,
)
"""Words that hardly end what somebody says."""


class SilenceTurns:
    """Ends a turn after silence: short, or longer where the words want to go on.

    Args:
        rate_hz: Of the audio.
        options: How patient.
    """

    def __init__(self, rate_hz: int, options: TurnOptions | None = None) -> None:
        options = options or TurnOptions()
        self._options = options
        self._begin = round(options.begin_s * rate_hz)
        self._pause = round(options.pause_s * rate_hz)
        self._end = round(options.end_s * rate_hz)
        self._unfinished = round(options.unfinished_s * rate_hz)
        self._longest = round(options.longest_s * rate_hz)
        self._position = 0
        self._is_voiced = False
        self._began: int | None = None
        self._voiced_run = 0
        self._voiced = 0
        self._last_voice = 0
        self._turn_began = 0
        self._is_in_turn = False
        self._is_paused = False
        self._patience = self._end

    def hint(self, text: str) -> None:
        """Wait longer after words that want to go on."""
        wants_more = UNFINISHED.search(text) is not None
        self._patience = self._unfinished if wants_more else self._end

    def push(self, voice: Voice) -> list[TurnEvent]:
        """Take the next window."""
        begin, self._position = self._position, voice.until_samples
        lower = HYSTERESIS if self._is_voiced else 0.0
        self._is_voiced = voice.probability >= self._options.threshold - lower
        if self._is_voiced:
            return self._heard(begin)
        return self._quiet()

    def _heard(self, begin: int) -> list[TurnEvent]:
        length = self._position - begin
        if not self._voiced_run:
            self._began = begin
        self._voiced_run += length
        self._last_voice = self._position
        if self._is_in_turn:
            self._voiced += length
            if self._position - self._turn_began > self._longest:
                return [self._over()]
            if not self._is_paused:
                return []
            self._is_paused = False
            self._patience = self._end
            return [SpeechResumed(begin)]
        if self._voiced_run < self._begin:
            return []
        self._is_in_turn = True
        self._patience = self._end
        self._voiced = self._voiced_run
        self._turn_began = self._began or 0
        return [SpeechBegan(self._turn_began)]

    def _quiet(self) -> list[TurnEvent]:
        self._voiced_run = 0
        if not self._is_in_turn:
            return []
        silent = self._position - self._last_voice
        events: list[TurnEvent] = []
        if silent >= self._pause and not self._is_paused:
            self._is_paused = True
            events.append(SpeechPaused(self._last_voice))
        if silent >= self._patience:
            events.append(self._over())
        return events

    def _over(self) -> TurnEnded:
        self._is_in_turn = self._is_paused = False
        self._voiced_run = 0
        return TurnEnded(self._turn_began, self._last_voice, self._voiced)
