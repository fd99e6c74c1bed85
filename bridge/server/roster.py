"""Tells calls what callbacks say of the Multiparty Call they are in."""

import collections
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from bridge.call.call import Call
from bridge.call.events import CoachMode, Event, Held, Joined, Left, Member, Muted
from bridge.multiparty.callbacks import Callback, MpcEvent
from bridge.multiparty.vocabulary import EventName

__all__ = ["Roster"]

MOST_CALLS = 10_000
"""So many are remembered, should their ends never be told."""

OWN: Mapping[EventName, Event] = {
    EventName.MUTE: Muted(is_muted=True),
    EventName.UNMUTE: Muted(is_muted=False),
    EventName.HOLD: Held(is_held=True),
    EventName.UNHOLD: Held(is_held=False),
}


class Told(Protocol):
    """A call that can be told something."""

    call: Call

    def tell(self, event: Event) -> None:
        """Let the bot know."""

    def coached_by(self, member: Member | None) -> None:
        """Whether what is heard from now on is a coach, and who."""

    def end(self, reason: str, kind: str, code: int = 1000) -> None:
        """End it."""


class Roster:
    """Who is in which Multiparty Call, as far as callbacks tell.

    A stream knows its own leg only; which call that leg is in, and who else, is learnt
    from `ParticipantJoin`.
    """

    def __init__(self) -> None:
        self._mpc_of: collections.OrderedDict[str, str] = collections.OrderedDict()
        self._members: collections.OrderedDict[str, dict[str, Member]] = (
            collections.OrderedDict()
        )
        self._names: collections.OrderedDict[str, str] = collections.OrderedDict()
        self._calls: dict[str, Told] = {}
        self._speaking: dict[str, set[str]] = {}
        self._gone: collections.OrderedDict[tuple[str, str], None] = (
            collections.OrderedDict()
        )
        self.on_placed: Callable[[Told], None] = lambda _session: None
        """Told of a call whose Multiparty Call is known now."""

    def begin(self, session: Told) -> None:
        """A stream began; what is known of its call, it is told."""
        call_uuid = session.call.call_uuid
        if not call_uuid:
            return
        self._calls[call_uuid] = session
        mpc_uuid = self._mpc_of.get(call_uuid)
        if mpc_uuid is not None:
            self._place(session, mpc_uuid)

    def end(self, session: Told) -> None:
        """A stream ended."""
        if self._calls.get(session.call.call_uuid) is session:
            del self._calls[session.call.call_uuid]

    def take(self, callback: Callback) -> None:
        """Take a callback; those that are about something else are passed over."""
        if not isinstance(callback, MpcEvent):
            return
        if (callback.mpc_uuid, callback.member_id or "") in self._gone:
            # It was overtaken by the end of its member, on the way from another
            # instance or when it was sent again.
            return
        if callback.name is EventName.MPC_END:
            self._over(callback.mpc_uuid)
        elif callback.name is EventName.JOIN:
            self._joined(callback)
        elif callback.name is EventName.EXIT:
            self._left(callback)
        elif callback.name in OWN and callback.call_uuid in self._calls:
            self._calls[callback.call_uuid].tell(OWN[callback.name])
        elif callback.name in (
            EventName.COACH_MODE_START,
            EventName.COACH_MODE_STOP,
        ):
            self._coached(callback)
        elif callback.name in (EventName.SPEAK_START, EventName.SPEAK_STOP):
            self._spoke(callback)

    # ------------------------------------------------------------------ inside

    def _joined(self, event: MpcEvent) -> None:
        member = self._note(event)
        self._names[event.mpc_uuid] = event.mpc_name or ""
        while len(self._names) > MOST_CALLS:
            self._names.popitem(last=False)
        if member.call_uuid:
            self._mpc_of[member.call_uuid] = event.mpc_uuid
            while len(self._mpc_of) > MOST_CALLS:
                self._mpc_of.popitem(last=False)
        own = self._calls.get(member.call_uuid)
        if own is not None:
            self._place(own, event.mpc_uuid)
        for session in self._others(event.mpc_uuid, member):
            session.call.members[member.member_id] = member
            session.tell(Joined(member))

    def _left(self, event: MpcEvent) -> None:
        self._gone[event.mpc_uuid, event.member_id or ""] = None
        if len(self._gone) > MOST_CALLS:
            self._gone.popitem(last=False)
        members = self._members.get(event.mpc_uuid, {})
        member = members.pop(event.member_id or "", None)
        if member is None:
            return
        self._mpc_of.pop(member.call_uuid, None)
        self._silent(event.mpc_uuid, member.member_id)
        self._tell_of_coach(event.mpc_uuid)
        for session in self._others(event.mpc_uuid, member):
            session.call.members.pop(member.member_id, None)
            session.tell(Left(member))

    def _coached(self, event: MpcEvent) -> None:
        member = self._note(event)
        for session in self._others(event.mpc_uuid, member):
            session.call.members[member.member_id] = member
            session.tell(CoachMode(member))
        self._tell_of_coach(event.mpc_uuid)

    def _spoke(self, event: MpcEvent) -> None:
        """Who speaks is heard by all; a coach alone, if nobody else does."""
        if event.name is EventName.SPEAK_STOP:
            self._silent(event.mpc_uuid, event.member_id or "")
        elif event.mpc_uuid in self._members:
            speaking = self._speaking.setdefault(event.mpc_uuid, set())
            speaking.add(event.member_id or "")
        self._tell_of_coach(event.mpc_uuid)

    def _silent(self, mpc_uuid: str, member_id: str) -> None:
        speaking = self._speaking.get(mpc_uuid, set())
        speaking.discard(member_id)
        if not speaking:
            self._speaking.pop(mpc_uuid, None)

    def _tell_of_coach(self, mpc_uuid: str) -> None:
        members = self._members.get(mpc_uuid, {})
        for session in self._calls.values():
            if session.call.mpc_uuid != mpc_uuid:
                continue
            heard = [
                members[each]
                for each in self._speaking.get(mpc_uuid, ())
                if each in members and members[each].call_uuid != session.call.call_uuid
            ]
            coaches = heard and all(each.is_coaching for each in heard)
            session.coached_by(heard[0] if coaches else None)

    def _note(self, event: MpcEvent) -> Member:
        member = _member(event)
        self._members.setdefault(event.mpc_uuid, {})[member.member_id] = member
        while len(self._members) > MOST_CALLS:
            mpc_uuid, _members = self._members.popitem(last=False)
            self._speaking.pop(mpc_uuid, None)
        return member

    def _over(self, mpc_uuid: str) -> None:
        self._speaking.pop(mpc_uuid, None)
        self._names.pop(mpc_uuid, None)
        for member in self._members.pop(mpc_uuid, {}).values():
            self._mpc_of.pop(member.call_uuid, None)

    def _place(self, session: Told, mpc_uuid: str) -> None:
        """A call learns where it is, and who was there before."""
        if session.call.mpc_uuid == mpc_uuid:
            return
        invited = session.call.mpc_name
        known = self._names.get(mpc_uuid) or invited
        if invited not in ("", mpc_uuid, known):
            session.end("its token is for another MPC", "wrong_mpc", code=1008)
            return
        session.call.mpc_uuid = mpc_uuid
        self.on_placed(session)
        session.call.members.clear()
        for member in self._members.get(mpc_uuid, {}).values():
            if member.call_uuid != session.call.call_uuid:
                session.call.members[member.member_id] = member
                session.tell(Joined(member))
        self._tell_of_coach(mpc_uuid)

    def _others(self, mpc_uuid: str, member: Member) -> Iterable[Told]:
        """The calls in a Multiparty Call that a member is not."""
        for call_uuid, session in self._calls.items():
            if session.call.mpc_uuid == mpc_uuid and call_uuid != member.call_uuid:
                yield session


def _member(event: MpcEvent) -> Member:
    coaches = bool(event.coach_mode)
    if event.name in (EventName.COACH_MODE_START, EventName.COACH_MODE_STOP):
        coaches = event.name is EventName.COACH_MODE_START
    return Member(
        member_id=event.member_id or "",
        role=event.role or "",
        address=event.member_address or "",
        call_uuid=event.call_uuid or "",
        is_coaching=coaches,
    )
