"""Whether somebody speaks: the interface, and detectors that need no model."""

import importlib
from typing import Any, Protocol

import msgspec
import numpy as np

from bridge.audio.activity import Activity
from bridge.audio.pcm import FRAME_MS, Samples
from bridge.errors import ConfigError

__all__ = ["LevelDetector", "Voice", "VoiceDetector", "VoiceStream", "WebRtcDetector"]


class Voice(msgspec.Struct, frozen=True):
    """What a detector thinks of one window of audio."""

    until_samples: int
    """Where the window ends, counted from the first sample pushed."""
    probability: float
    """That it is speech, 0 to 1."""


class VoiceStream(Protocol):
    """Listens to one caller."""

    async def push(self, samples: Samples) -> list[Voice]:
        """Take audio of any length; return what is known of the windows it filled."""


class VoiceDetector(Protocol):
    """Tells speech from everything else, for many callers."""

    async def load(self) -> None:
        """Get ready; else it happens with the first audio."""

    def listen(self, rate_hz: int) -> VoiceStream:
        """Begin with a caller.

        Raises:
            ConfigError: If it cannot hear audio of that rate.
        """


class Windows:
    """Cuts audio into windows of one length.

    Args:
        length: In samples.
    """

    def __init__(self, length: int) -> None:
        self.until_samples = 0
        self._length = length
        self._rest = np.zeros(0, np.int16)

    def push(self, samples: Samples) -> list[Samples]:
        """Add audio; return the windows that are full."""
        rest = np.concatenate([self._rest, samples]) if len(self._rest) else samples
        count = len(rest) // self._length
        self._rest = rest[count * self._length :]
        return [
            rest[place * self._length : (place + 1) * self._length]
            for place in range(count)
        ]

    def next(self) -> int:
        """Where the next window ends."""
        self.until_samples += self._length
        return self.until_samples


class LevelDetector:
    """Goes by loudness alone: no model, no package, and easily fooled by noise."""

    async def load(self) -> None:
        """Nothing to load."""

    def listen(self, rate_hz: int) -> VoiceStream:
        """Begin with a caller, at any rate."""
        return _LevelStream(rate_hz)


class _LevelStream:
    def __init__(self, rate_hz: int) -> None:
        self._windows = Windows(rate_hz * FRAME_MS // 1000)
        # The turn detector has patience of its own.
        self._activity = Activity(begins_ms=FRAME_MS, ends_ms=FRAME_MS)

    async def push(self, samples: Samples) -> list[Voice]:
        voices = []
        for window in self._windows.push(samples):
            self._activity.push(window)
            speaks = float(self._activity.is_speaking)
            voices.append(Voice(self._windows.next(), speaks))
        return voices


class WebRtcDetector:
    """WebRTC's detector: next to no CPU, worse in noise (webrtcvad-wheels, MIT).

    Raises:
        ConfigError: If the package is not installed.
    """

    def __init__(self, mode: int = 3) -> None:
        try:
            self._module = importlib.import_module("webrtcvad")
        except ImportError as error:
            text = "no webrtcvad is installed: pip install webrtcvad-wheels"
            raise ConfigError(text) from error
        self._mode = mode

    async def load(self) -> None:
        """Nothing to load."""

    def listen(self, rate_hz: int) -> VoiceStream:
        """Begin with a caller, at 8000, 16000, 32000 or 48000 Hz."""
        if rate_hz not in (8000, 16000, 32000, 48000):
            raise ConfigError(f"webrtcvad cannot hear {rate_hz} Hz")
        return _WebRtcStream(self._module.Vad(self._mode), rate_hz)


class _WebRtcStream:
    def __init__(self, detector: Any, rate_hz: int) -> None:
        self._detector = detector
        self._rate_hz = rate_hz
        self._windows = Windows(rate_hz * FRAME_MS // 1000)

    async def push(self, samples: Samples) -> list[Voice]:
        return [
            Voice(
                self._windows.next(),
                float(self._detector.is_speech(window.tobytes(), self._rate_hz)),
            )
            for window in self._windows.push(samples)
        ]
