"""Text to speech: the interface, and the voice that comes with the extra `local`."""

import asyncio
import importlib
import importlib.util
from typing import Any, Protocol

import numpy as np

from bridge.audio.pcm import Samples, saturate
from bridge.audio.resampling import resample
from bridge.errors import ConfigError

__all__ = ["Hibari", "Synthesizer", "offline"]

GAIN = 2.0
"""The voice peaks at about a third of full scale."""


class Synthesizer(Protocol):
    """Speaks."""

    async def speak(self, text: str, rate_hz: int) -> Samples:
        """Say a text; silence of no length if there is nothing to say."""


class Hibari:
    """An English voice that runs offline (hibari-tts, Apache-2.0).

    The model is loaded on the first word.

    Raises:
        ConfigError: If it is not installed.
    """

    def __init__(self) -> None:
        if not _is_installed("hibari"):
            raise ConfigError("no voice is installed: pip install 'mpc-bridge[local]'")
        self._voice: Any = None
        self._loading = asyncio.Lock()

    async def speak(self, text: str, rate_hz: int) -> Samples:
        """Say a text; emoji and what is not English say nothing."""
        async with self._loading:
            if self._voice is None:
                self._voice = await asyncio.to_thread(_load)
        return await asyncio.to_thread(self._speak, text, rate_hz)

    def _speak(self, text: str, rate_hz: int) -> Samples:
        parts = [np.asarray(part) for part in self._voice.stream(text, seed=0)]
        if not parts:
            return np.zeros(0, np.int16)
        floats = np.concatenate(parts).astype(np.float32)
        return resample(
            saturate(floats * GAIN * 32767.0), self._voice.sample_rate, rate_hz
        )


def _is_installed(module: str) -> bool:
    """Whether a module is there; importing this one takes half a second."""
    try:
        return importlib.util.find_spec(module) is not None
    except ValueError:
        return False


def _load() -> Any:
    return importlib.import_module("hibari").Hibari()


def offline() -> Synthesizer | None:
    """The voice that is installed; None if there is none."""
    try:
        return Hibari()
    except ConfigError:
        return None
