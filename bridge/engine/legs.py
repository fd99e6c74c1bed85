"""A leg: where a member's audio comes from and goes to."""

from collections.abc import Callable
from typing import Protocol

from bridge.audio.pcm import Samples

__all__ = ["RATE_HZ", "TICK_SAMPLES", "Leg"]

RATE_HZ = 8000
"""Rooms are mixed at the telephone's rate."""

TICK_SAMPLES = 160
"""20 ms: what a leg says and hears in one tick."""


class Leg(Protocol):
    """One member's end of the line, at 8 kHz, a tick at a time."""

    on_keys: Callable[[str], None]
    """Called with keys the member pressed."""

    async def run(self, answered: Callable[[], None]) -> None:
        """Live the leg: call `answered` once when it is up, return when it is down."""

    def say(self) -> Samples:
        """Return the next 160 samples the member says."""

    def hear(self, samples: Samples) -> None:
        """Take the next 160 samples the member hears."""

    def press(self, digit: str) -> None:
        """Take a key that another member pressed."""

    def hang_up(self) -> None:
        """Take the leg down; `run` returns soon."""
