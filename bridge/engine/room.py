"""One Multiparty Call: who is in it, and the rules of its life.

Commands and the time go in, effects come out; whoever asked carries them out. Time
is any clock in seconds that does not jump.
"""

import dataclasses
from collections.abc import Sequence

from bridge.engine.routing import Voice
from bridge.multiparty.requests import AddParticipant, UpdateParticipant
from bridge.multiparty.vocabulary import (
    EventName,
    ExitCause,
    MpcStatus,
    Role,
    Termination,
)

__all__ = [
    "Changed",
    "Effect",
    "Ended",
    "Exited",
    "HangUp",
    "Joined",
    "Member",
    "NotAllowedError",
    "Room",
    "RoomFullError",
    "Started",
]


class NotAllowedError(Exception):
    """A command that cannot be done; its text says why."""


class RoomFullError(NotAllowedError):
    """No more participants are allowed."""


@dataclasses.dataclass(slots=True)
class Member:
    """Somebody who is, or was, in the call."""

    member_id: str
    call_uuid: str
    address: str
    role: Role
    start_mpc_on_enter: bool
    end_mpc_on_exit: bool
    creates_mpc_alone: bool
    join_s: float
    mute: bool = False
    hold: bool = False
    coach_mode: bool = False
    exit_s: float | None = None
    exit_cause: ExitCause | None = None

    @property
    def voice(self) -> Voice:
        """What routing needs to know."""
        return Voice(self.role, self.mute, self.hold, self.coach_mode)


@dataclasses.dataclass(frozen=True, slots=True)
class Started:
    """The call became active."""


@dataclasses.dataclass(frozen=True, slots=True)
class Joined:
    """Somebody came in."""

    member: Member


@dataclasses.dataclass(frozen=True, slots=True)
class Exited:
    """Somebody went."""

    member: Member


@dataclasses.dataclass(frozen=True, slots=True)
class Changed:
    """Somebody was muted, held, coached, or the opposite."""

    member: Member
    event: EventName


@dataclasses.dataclass(frozen=True, slots=True)
class HangUp:
    """A leg has to leave; what becomes of its call is not the room's matter."""

    call_uuid: str
    cause: ExitCause


@dataclasses.dataclass(frozen=True, slots=True)
class Ended:
    """The call is over."""

    termination: Termination


Effect = Started | Joined | Exited | Changed | HangUp | Ended

# What an update sets, and the events of setting and unsetting it.
SWITCHES = (
    ("mute", EventName.MUTE, EventName.UNMUTE),
    ("hold", EventName.HOLD, EventName.UNHOLD),
    ("coach_mode", EventName.COACH_MODE_START, EventName.COACH_MODE_STOP),
)


class Room:
    """A call from its creation to its end; what it was stays readable after.

    Args:
        mpc_uuid: Its unique name.
        name: Its friendly name.
        request: The first participant's: whoever creates a call sets its limits.
        now_s: When.
    """

    def __init__(
        self, mpc_uuid: str, name: str, request: AddParticipant, now_s: float
    ) -> None:
        self.mpc_uuid = mpc_uuid
        self.name = name
        self.status = MpcStatus.INITIALIZED
        self.stay_alone = request.stay_alone
        self.max_duration_s = request.max_duration
        self.max_participants = request.max_participants
        self.created_s = now_s
        self.started_s: float | None = None
        self.ended_s: float | None = None
        self.termination: Termination | None = None
        self.former: list[Member] = []
        self._members: dict[str, Member] = {}
        self._joined = 0
        # Dialled, not yet in: they keep an empty call open, and count as places.
        self._expected: dict[str, AddParticipant] = {}
        # Of calls that are rivals for one place, by call; and whose place is taken.
        self._groups: dict[str, str] = {}
        self._won: set[str] = set()

    def __repr__(self) -> str:
        return f"<Room {self.name!r} {self.status.value} {len(self._members)} members>"

    @property
    def members(self) -> tuple[Member, ...]:
        """Who is in, in the order they came."""
        return tuple(self._members.values())

    @property
    def expected(self) -> tuple[str, ...]:
        """The calls that are being made."""
        return tuple(self._expected)

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.status is MpcStatus.ENDED

    @property
    def next_due_s(self) -> float | None:
        """When `advance` has something to do."""
        return None if self.is_over else self.created_s + self.max_duration_s

    def voices(self) -> list[Voice]:
        """The members, for routing."""
        return [member.voice for member in self._members.values()]

    def find(self, member_id: str) -> Member | None:
        """A member, former ones included."""
        if member_id in self._members:
            return self._members[member_id]
        return next((m for m in self.former if m.member_id == member_id), None)

    # ---------------------------------------------------------------- commands

    def check_places(self, count: int) -> None:
        """Look whether so many more may come.

        Raises:
            RoomFullError: If not.
        """
        waiting = {self._groups[call] for call in self._expected} - self._won
        taken = len(self._members) + len(waiting)
        if taken + count > self.max_participants:
            raise RoomFullError(
                f"{taken} participants are in {self.name} or on their way, "
                f"allowed are {self.max_participants}"
            )

    def expect(self, call_uuid: str, request: AddParticipant, group: str = "") -> None:
        """Note that somebody is being dialled.

        Args:
            call_uuid: Their call.
            request: How they come.
            group: Calls of one group take one place: the first to come has it.

        Raises:
            RoomFullError: If there is no place for them.
        """
        group = group or call_uuid
        if group not in self._groups.values():
            self.check_places(1)
            self._won.discard(group)
        self._groups[call_uuid] = group
        self._expected[call_uuid] = request

    def give_up(self, call_uuid: str, now_s: float) -> Sequence[Effect]:
        """They did not come: busy, no answer, no connection."""
        if self._expected.pop(call_uuid, None) is None:
            return []
        del self._groups[call_uuid]
        return self._look_who_is_left(now_s)

    def join(self, call_uuid: str, now_s: float, address: str = "") -> Sequence[Effect]:
        """Somebody who was expected comes in; too late is to be hung up."""
        request = self._expected.pop(call_uuid, None)
        if request is None or self.is_over:
            return [HangUp(call_uuid, ExitCause.MPC_ENDED)]
        group = self._groups.pop(call_uuid)
        if group in self._won:
            # A rival has its place already.
            late = HangUp(call_uuid, ExitCause.MPC_ENDED)
            return [late, *self._look_who_is_left(now_s)]
        self._won.add(group)
        self._joined += 1
        member = Member(
            str(self._joined),
            call_uuid,
            address or request.to or "",
            request.role,
            request.start_mpc_on_enter,
            request.end_mpc_on_exit,
            request.create_mpc_with_single_participant,
            now_s,
            mute=request.mute,
            hold=request.hold,
            coach_mode=request.coach_mode and request.role is Role.SUPERVISOR,
        )
        self._members[member.member_id] = member
        effects: list[Effect] = [Joined(member)]
        if self._starts():
            effects += self.activate(now_s)
        return effects

    def update(
        self, member_ids: Sequence[str], change: UpdateParticipant
    ) -> Sequence[Effect]:
        """Mute, hold or coach members; what is so already, is no event.

        Raises:
            NotAllowedError: If one who is to coach is no supervisor.
        """
        members = [self._members[each] for each in member_ids if each in self._members]
        for member in members:
            if change.coach_mode and member.role is not Role.SUPERVISOR:
                raise NotAllowedError(
                    f"coach_mode: participant {member.member_id} is no supervisor "
                    f"but {member.role.value}"
                )
        effects: list[Effect] = []
        for member in members:
            for name, begun, over in SWITCHES:
                wanted = getattr(change, name)
                if wanted is not None and wanted != getattr(member, name):
                    setattr(member, name, wanted)
                    effects.append(Changed(member, begun if wanted else over))
        return effects

    def activate(self, now_s: float) -> Sequence[Effect]:
        """Start a call that waits; one that has started stays so."""
        if self.status is not MpcStatus.INITIALIZED:
            return []
        self.status = MpcStatus.ACTIVE
        self.started_s = now_s
        return [Started()]

    def leave(
        self, call_uuid: str, now_s: float, cause: ExitCause = ExitCause.HANGUP
    ) -> Sequence[Effect]:
        """A leg has gone, or is to go; one that is not in is only forgotten."""
        member = self._member_on(call_uuid)
        if member is None:
            return self.give_up(call_uuid, now_s)
        effects = self._remove(member, cause, now_s)
        if member.end_mpc_on_exit:
            return [*effects, *self.end(Termination.NO_ACTIVE_PARTICIPANTS, now_s)]
        return [*effects, *self._look_who_is_left(now_s)]

    def kick(self, member_ids: Sequence[str], now_s: float) -> Sequence[Effect]:
        """Throw members out, all of them before it is looked who is left."""
        members = [
            self._members[each]
            for each in dict.fromkeys(member_ids)
            if each in self._members
        ]
        effects: list[Effect] = []
        for member in members:
            effects += self._remove(member, ExitCause.KICKED, now_s)
        if any(member.end_mpc_on_exit for member in members):
            return [*effects, *self.end(Termination.NO_ACTIVE_PARTICIPANTS, now_s)]
        return [*effects, *self._look_who_is_left(now_s)] if members else []

    def end(self, termination: Termination, now_s: float) -> Sequence[Effect]:
        """End it for everybody."""
        if self.is_over:
            return []
        self.status = MpcStatus.ENDED
        self.ended_s = now_s
        self.termination = termination
        effects: list[Effect] = []
        for member in self.members:
            effects += self._remove(member, ExitCause.MPC_ENDED, now_s)
        for call_uuid in self._expected:
            effects.append(HangUp(call_uuid, ExitCause.MPC_ENDED))
        self._expected.clear()
        self._groups.clear()
        return [*effects, Ended(termination)]

    def advance(self, now_s: float) -> Sequence[Effect]:
        """Do what is due."""
        due_s = self.next_due_s
        if due_s is None or now_s < due_s:
            return []
        return self.end(Termination.MAX_DURATION_REACHED, now_s)

    # ------------------------------------------------------------------ inside

    def _starts(self) -> bool:
        """Whether a waiting call begins, now that somebody came in.

        Plivo does not say what a call is that a single participant does not create;
        here it waits, until there are two.
        """
        if self.status is not MpcStatus.INITIALIZED:
            return False
        members = self._members.values()
        alone = len(members) == 1 and not all(m.creates_mpc_alone for m in members)
        return not alone and any(m.start_mpc_on_enter for m in members)

    def _member_on(self, call_uuid: str) -> Member | None:
        return next(
            (m for m in self._members.values() if m.call_uuid == call_uuid), None
        )

    def _remove(self, member: Member, cause: ExitCause, now_s: float) -> list[Effect]:
        del self._members[member.member_id]
        member.exit_s = now_s
        member.exit_cause = cause
        self.former.append(member)
        gone: list[Effect] = [Exited(member)]
        if cause is not ExitCause.HANGUP:
            gone.insert(0, HangUp(member.call_uuid, cause))
        return gone

    def _look_who_is_left(self, now_s: float) -> Sequence[Effect]:
        """Nobody ends a call, and so does one who was left alone in it."""
        if self._expected or self.is_over:
            return []
        if not self._members:
            return self.end(Termination.NO_ACTIVE_PARTICIPANTS, now_s)
        was_left = len(self._members) == 1 and self._joined > 1
        if was_left and not self.stay_alone and self.status is MpcStatus.ACTIVE:
            return self.end(Termination.STAY_ALONE_NOT_PERMITTED, now_s)
        return []
