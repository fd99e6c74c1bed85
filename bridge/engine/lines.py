"""A call on this engine: its leg, what it is doing, and what it hears."""

import asyncio
import collections
import dataclasses

from bridge.audio.activity import Activity
from bridge.audio.pcm import Samples, silence
from bridge.engine.legs import TICK_SAMPLES, Leg
from bridge.engine.room import Member, Room
from bridge.engine.sounds import Sound, SoundQueue
from bridge.engine.targets import Target
from bridge.multiparty.requests import AddParticipant
from bridge.multiparty.vocabulary import ExitCause, HangupCause
from bridge.multiparty.xml import Element

__all__ = ["Dial", "Line"]


@dataclasses.dataclass(frozen=True, slots=True)
class Dial:
    """How a call is made."""

    ring_s: float = 45.0
    delay_s: float = 0.0


class Line:
    """One call.

    Args:
        call_uuid: Its unique name.
        leg: Its audio.
        sender: Who calls.
        address: Who is called.
    """

    def __init__(self, call_uuid: str, leg: Leg, sender: str, address: str) -> None:
        self.call_uuid = call_uuid
        self.request_uuid = call_uuid
        self.leg = leg
        self.sender = sender
        self.address = address
        self.direction = "outbound"
        self.dial = Dial()
        self.status = "queued"
        """As in `CallStatus`: queued, ringing, in-progress, completed, busy, ..."""
        self.room: Room | None = None
        """Where it is, or is going to."""
        self.request: AddParticipant | None = None
        """On which terms."""
        self.member: Member | None = None
        """What it is in the room it is in."""
        self.created_s = 0.0
        self.answered_s: float | None = None
        self.patience: asyncio.Timeout | None = None
        """How long it is dialled, until it is answered."""
        self.said: Samples = silence(TICK_SAMPLES)
        """In the last tick."""
        self.heard: Samples = silence(TICK_SAMPLES)
        """In the last tick."""
        self.sounds = SoundQueue()
        """Over what the room gives."""
        self.music: Sound | None = None
        """Instead of what the room gives."""
        self.tuned_to: Target | None = None
        """Where the music comes from."""
        self.activity: Activity | None = None
        """Notices speech, where somebody wants to know."""
        self.hangup: HangupCause | None = None
        """Why it was hung up, or is going to be."""
        self.script: collections.deque[Element] = collections.deque()
        """What it does when it is in no room."""
        self.released: asyncio.Future[ExitCause] | None = None
        """Done when the room lets it go."""
        self.keys: asyncio.Queue[str] = asyncio.Queue()
        """What was pressed before it was let in."""
        self.dialled_with: AddParticipant | None = None
        """What it was dialled with: whom to tell of the call itself."""
        self.is_added = False
        """Whether the API asked for it, and not XML."""
        self.rivals: list[Line] = []
        """Of whom the first to answer wins, this one among them."""

    def __repr__(self) -> str:
        return f"<Line {self.call_uuid} {self.address} {self.status}>"

    @property
    def role(self) -> str:
        """What it is, or is going to be, in a room."""
        return self.request.role.value if self.request is not None else "caller"

    @property
    def peer(self) -> str:
        """The number or address at the other end."""
        return self.sender if self.direction == "inbound" else self.address

    @property
    def is_up(self) -> bool:
        """Whether there is somebody to talk to."""
        return self.status == "in-progress"

    @property
    def is_audible(self) -> bool:
        """Whether the others could hear it."""
        member = self.member
        return member is not None and not member.mute and not member.hold

    def fall_silent(self) -> None:
        """Hear no more of what belonged to where it was."""
        self.sounds = SoundQueue()

    def leave_the_race(self) -> None:
        """Be nobody's rival any more."""
        if self in self.rivals:
            self.rivals.remove(self)
        self.rivals = []

    def hang_up(self, cause: HangupCause) -> None:
        """Take it down; the first cause counts."""
        if self.hangup is None:
            self.hangup = cause
        self.leg.hang_up()
        if self.patience is not None and not self.patience.expired():
            # It is still being dialled: no need to wait for its end.
            self.patience.reschedule(0.0)
