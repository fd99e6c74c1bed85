"""Speech to text: the interface."""

from typing import Protocol

from bridge.audio.pcm import Samples

__all__ = ["Recognizer"]


class Recognizer(Protocol):
    """Understands speech, an utterance at a time."""

    async def recognize(self, utterance: Samples, rate_hz: int) -> str:
        """Return what was said; empty if nothing was understood."""
