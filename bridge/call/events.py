"""What a bot is told, in the order in which it happened."""

import msgspec

from bridge.audio.pcm import Samples
from bridge.call.heard import Certainty

__all__ = ["Audio", "Dtmf", "Ended", "Event", "Gap", "Heard", "Played"]


class Heard(msgspec.Struct, frozen=True):
    """How much of a playback the far end has heard."""

    samples: int
    """At least this many, at the bot's rate."""
    at_most_samples: int
    """And no more than this many."""
    certainty: Certainty
    complete: bool
    """Whether that is all of it."""
    sample_rate_hz: int

    @property
    def duration_s(self) -> float:
        """`samples` as seconds."""
        return self.samples / self.sample_rate_hz


class Audio(msgspec.Struct, frozen=True, eq=False):
    """What the caller said, about 20 ms of it."""

    samples: Samples
    """int16, shape `(n,)`, at the bot's rate; the bot's to change."""
    start_samples: int
    """Its place in the call, counted in samples received before it."""


class Dtmf(msgspec.Struct, frozen=True):
    """A key was pressed."""

    digit: str
    """One of `0-9 * # A-D`."""


class Gap(msgspec.Struct, frozen=True):
    """Audio is missing before the next `Audio`."""

    duration_s: float
    reason: str
    """In words: lost on the way, or not read in time."""


class Played(msgspec.Struct, frozen=True):
    """A playback or checkpoint has been played out, or was interrupted."""

    name: str
    """As it was given to `play` or `checkpoint`."""
    heard: Heard


class Ended(msgspec.Struct, frozen=True):
    """The call is over; nothing comes after this."""

    reason: str


Event = Audio | Dtmf | Gap | Played | Ended
