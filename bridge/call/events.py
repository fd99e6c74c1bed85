"""What a bot is told, in the order in which it happened."""

import msgspec

from bridge.audio.pcm import Samples
from bridge.call.heard import Certainty

__all__ = [
    "Audio",
    "CoachMode",
    "Coached",
    "Dtmf",
    "Ended",
    "Event",
    "Gap",
    "Heard",
    "Held",
    "Joined",
    "Left",
    "Member",
    "Muted",
    "Played",
]


HALF_FRAME_S = 0.01


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

    @property
    def likely_s(self) -> float:
        """The best guess, in seconds: within some 20 ms of the truth, to either side.

        Between both bounds, and half a frame more: the far end plays whole ones, and
        has always begun with one.
        """
        if self.samples == self.at_most_samples:
            return self.duration_s
        middle_s = (self.samples + self.at_most_samples) / 2 / self.sample_rate_hz
        return min(middle_s + HALF_FRAME_S, self.at_most_samples / self.sample_rate_hz)


class Audio(msgspec.Struct, frozen=True, eq=False, gc=False):
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


class Member(msgspec.Struct, frozen=True):
    """Somebody else in the same Multiparty Call."""

    member_id: str
    role: str
    """`agent`, `customer`, `supervisor` or `ai-agent`."""
    address: str = ""
    """A number or SIP address."""
    call_uuid: str = ""
    is_coaching: bool = False
    """Whether a supervisor is heard by agents alone."""


class Joined(msgspec.Struct, frozen=True):
    """Somebody came into the call."""

    member: Member


class Left(msgspec.Struct, frozen=True):
    """Somebody went."""

    member: Member


class CoachMode(msgspec.Struct, frozen=True):
    """A supervisor will speak to agents alone from now on, or to everybody."""

    member: Member
    """As they are now."""


class Coached(msgspec.Struct, frozen=True, eq=False):
    """What a coaching supervisor said, to agents alone: 20 ms of it, instead of
    `Audio`. Told where callbacks say who speaks; nobody else spoke then."""

    samples: Samples
    """int16, shape `(n,)`, at the bot's rate."""
    start_samples: int
    """Its place in the call, counted as in `Audio`."""
    member: Member


class Muted(msgspec.Struct, frozen=True):
    """This agent was muted, or may be heard again."""

    is_muted: bool


class Held(msgspec.Struct, frozen=True):
    """This agent was put on hold, or is back."""

    is_held: bool


class Ended(msgspec.Struct, frozen=True):
    """The call is over; nothing comes after this."""

    reason: str


Event = (
    Audio
    | Dtmf
    | Gap
    | Played
    | Joined
    | Left
    | CoachMode
    | Coached
    | Muted
    | Held
    | Ended
)
