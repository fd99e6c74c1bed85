"""How calls are run."""

import dataclasses

from bridge.errors import ConfigError

__all__ = ["CallOptions", "PlaybackOptions"]

LEAST_LEAD_S, MOST_LEAD_S = 0.06, 0.4
"""Less starves on every jitter; more can be heard when the bot is interrupted."""


@dataclasses.dataclass(frozen=True, slots=True)
class PlaybackOptions:
    """How far ahead of the far end's loudspeaker we are."""

    lead_s: float = 0.16
    """Audio kept at the far end, in seconds; 0.06 to 0.4. Cures jitter of its size."""
    cushion_s: float = 0.06
    """Silence sent before speech that arrives just in time, in seconds; 0 to `lead_s`.
    Speech of which this much is ready needs and gets none."""
    queue_s: float = 2.0
    """How much speech may wait before `speak` does, in seconds."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not LEAST_LEAD_S <= self.lead_s <= MOST_LEAD_S:
            raise ConfigError(
                f"lead_s: {self.lead_s}, allowed are {LEAST_LEAD_S} to {MOST_LEAD_S}"
            )
        if not 0 <= self.cushion_s <= self.lead_s:
            raise ConfigError(
                f"cushion_s: {self.cushion_s}, allowed are 0 to lead_s, {self.lead_s}"
            )
        if self.queue_s <= 0:
            raise ConfigError(f"queue_s: {self.queue_s}, allowed is more than 0")


@dataclasses.dataclass(frozen=True, slots=True)
class CallOptions:
    """How calls are run."""

    playback: PlaybackOptions = dataclasses.field(default_factory=PlaybackOptions)
    listen_s: float = 5.0
    """How much audio may wait for a bot before the oldest is dropped, in seconds."""
    transcripts: str = ""
    """Folder for a transcript of each call, JSON lines; empty: none is written."""
    capture: str = ""
    """Folder for a capture of each call, all that goes over its stream, to be played
    again by `mpc-bridge replay`; empty: none is written."""
    farewell_s: float = 5.0
    """How long a bot may go on after the call has ended, in seconds."""
    bot_timeout_s: float = 60.0
    """How long a bot may neither listen nor speak before it counts as failed, in
    seconds; 0: for ever."""
    fallback: str = ""
    """What takes over when a bot fails, steps by commas: a WAV or MP3 file is played,
    `bot:NAME` answers, `transfer:NUMBER` hands over to a person; empty: the call ends.
    """
    fallback_from: str = ""
    """The number that a person sees to whom a fallback transfers."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.listen_s <= 0:
            raise ConfigError(f"listen_s: {self.listen_s}, allowed is more than 0")
        for name in ("farewell_s", "bot_timeout_s"):
            if not getattr(self, name) >= 0:
                value = getattr(self, name)
                raise ConfigError(f"{name}: {value}, allowed is 0 or more")
