"""How calls are run."""

import dataclasses

from bridge.call.outbound import PlaybackOptions
from bridge.errors import ConfigError

__all__ = ["CallOptions"]


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
