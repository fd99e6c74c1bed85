"""The rules of a call's life."""

import contextlib
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
)

from bridge.engine.room import (
    Changed,
    Effect,
    Ended,
    Exited,
    HangUp,
    Joined,
    NotAllowedError,
    Room,
    RoomFullError,
    Started,
)
from bridge.multiparty.requests import AddParticipant, UpdateParticipant
from bridge.multiparty.vocabulary import ExitCause, MpcStatus, Role, Termination


def adding(role: str = "customer", **more: Any) -> AddParticipant:
    return AddParticipant.model_validate(
        {"role": role, "from": "+1", "to": "+2", **more}
    )


def room(**more: Any) -> Room:
    return Room("u", "demo", adding(**more), 0.0)


def enter(
    into: Room, call_uuid: str, now_s: float = 1.0, **more: Any
) -> Sequence[Effect]:
    into.expect(call_uuid, adding(**more))
    return into.join(call_uuid, now_s)


def kinds(effects: Sequence[Effect]) -> list[str]:
    return [type(effect).__name__ for effect in effects]


def test_the_first_to_enter_starts_the_call() -> None:
    """Unless told not to."""
    call = room()

    effects = enter(call, "a", 2.0)

    assert kinds(effects) == ["Joined", "Started"]
    assert call.status is MpcStatus.ACTIVE
    assert call.started_s == 2.0
    assert call.members[0].member_id == "1"
    assert repr(call) == "<Room 'demo' Active 1 members>"


def test_a_call_waits_for_somebody_who_starts_it() -> None:
    """Or for the API, which starts it once."""
    call = room()
    enter(call, "a", start_mpc_on_enter=False)
    assert call.status is MpcStatus.INITIALIZED

    assert kinds(call.activate(3.0)) == ["Started"]
    assert call.activate(4.0) == []
    assert call.started_s == 3.0


def test_the_last_to_leave_ends_it() -> None:
    """1000, No Active Participants."""
    call = room(stay_alone=True)
    enter(call, "a")

    effects = call.leave("a", 9.0)

    assert effects[-1] == Ended(Termination.NO_ACTIVE_PARTICIPANTS)
    assert call.ended_s == 9.0
    assert call.former[0].exit_cause is ExitCause.HANGUP


@pytest.mark.parametrize("stay_alone", [True, False])
def test_who_is_left_alone_stays_only_if_allowed(*, stay_alone: bool) -> None:
    """Else they are hung up, 1010."""
    call = room(stay_alone=stay_alone)
    enter(call, "a")
    enter(call, "b")

    effects = call.leave("a", 5.0)

    assert call.is_over != stay_alone
    if not stay_alone:
        assert HangUp("b", ExitCause.MPC_ENDED) in effects
        assert call.termination is Termination.STAY_ALONE_NOT_PERMITTED


def test_the_first_may_wait_alone() -> None:
    """Being alone before anybody came is waiting."""
    call = room()
    enter(call, "a")

    assert not call.is_over


def test_somebody_on_their_way_keeps_the_call() -> None:
    """Neither empty nor alone, while a phone rings; alone, if it is not answered."""
    call = room()
    enter(call, "a")
    enter(call, "b")
    call.expect("c", adding())

    call.leave("a", 5.0)
    assert not call.is_over
    effects = call.give_up("c", 6.0)
    assert effects[-1] == Ended(Termination.STAY_ALONE_NOT_PERMITTED)
    assert call.give_up("c", 7.0) == []


def test_who_never_had_company_may_wait_on() -> None:
    """A first call that is not answered changes nothing."""
    call = room()
    enter(call, "a")
    call.expect("b", adding())
    assert call.give_up("b", 45.0) == []
    assert not call.is_over


def test_rivals_take_one_place() -> None:
    """Until one of them has it."""
    call = room(max_participants=2)
    enter(call, "a")
    for rival in ("b", "c", "d"):
        call.expect(rival, adding("agent"), "group")
    with pytest.raises(RoomFullError):
        call.expect("e", adding())
    call.join("c", 2.0)
    for rival in ("b", "d"):
        call.give_up(rival, 3.0)
    assert [member.call_uuid for member in call.members] == ["a", "c"]
    call.leave("c", 4.0)
    assert call.is_over


def test_a_rival_that_is_late_does_not_come_in() -> None:
    """Its place is taken; the one who took it may go and come back."""
    call = room(stay_alone=True)
    for rival in ("a", "b"):
        call.expect(rival, adding("agent"), "group")
    call.join("a", 1.0)
    assert call.join("b", 2.0) == [HangUp("b", ExitCause.MPC_ENDED)]
    enter(call, "c")
    call.leave("a", 3.0)
    call.expect("a", adding("agent"), "group")
    assert kinds(call.join("a", 4.0)) == ["Joined"]


def test_a_member_named_twice_is_kicked_once() -> None:
    """However the list came about."""
    call = room(stay_alone=True)
    enter(call, "a")
    enter(call, "b")
    assert kinds(call.kick(["1", "1"], 5.0)) == ["HangUp", "Exited"]


def test_all_can_be_kicked_at_once() -> None:
    """Each for the same cause; then nobody is left, which is another end than alone."""
    call = room()
    enter(call, "a")
    enter(call, "b")
    call.kick(["1", "2"], 5.0)
    assert [m.exit_cause for m in call.former] == [ExitCause.KICKED] * 2
    assert call.termination is Termination.NO_ACTIVE_PARTICIPANTS
    assert call.kick(["1"], 6.0) == []


def test_a_kicked_member_can_take_the_call_along() -> None:
    """`end_mpc_on_exit`, whoever is left."""
    call = room(stay_alone=True)
    enter(call, "a", end_mpc_on_exit=True)
    enter(call, "b")
    call.kick(["1"], 5.0)
    assert call.is_over
    assert call.former[1].exit_cause is ExitCause.MPC_ENDED


def test_a_call_nobody_comes_to_ends() -> None:
    """The only phone did not answer."""
    call = room()
    call.expect("a", adding())

    assert kinds(call.give_up("a", 45.0)) == ["Ended"]


def test_one_member_can_take_the_call_along() -> None:
    """`end_mpc_on_exit`."""
    call = room()
    enter(call, "a", end_mpc_on_exit=True)
    enter(call, "b")
    enter(call, "c")

    effects = call.leave("a", 5.0)

    assert call.is_over
    assert {e.call_uuid for e in effects if isinstance(e, HangUp)} == {"b", "c"}


def test_a_kicked_member_is_hung_up() -> None:
    """With the cause; one who is not in is nobody."""
    call = room()
    enter(call, "a")
    enter(call, "b")
    enter(call, "c")

    effects = call.kick(["2"], 5.0)

    assert effects[0] == HangUp("b", ExitCause.KICKED)
    assert kinds(effects) == ["HangUp", "Exited"]
    assert call.kick(["2"], 6.0) == []
    assert call.find("2") is call.former[0]
    assert call.find("3") is call.members[1]
    assert call.find("9") is None


def test_an_end_hangs_everybody_up() -> None:
    """Those in it and those on their way; a second end is none."""
    call = room()
    enter(call, "a")
    call.expect("b", adding())

    effects = call.end(Termination.HANGUP_API_TRIGGERED, 5.0)

    hung = [e.call_uuid for e in effects if isinstance(e, HangUp)]
    assert hung == ["a", "b"]
    assert call.end(Termination.HANGUP_API_TRIGGERED, 6.0) == []
    assert call.expected == ()


def test_who_comes_too_late_is_hung_up() -> None:
    """The call is over, or they were not asked."""
    call = room()
    enter(call, "a")
    call.end(Termination.HANGUP_API_TRIGGERED, 5.0)

    assert call.join("b", 6.0) == [HangUp("b", ExitCause.MPC_ENDED)]


def test_the_longest_duration_ends_it() -> None:
    """Counted from its creation; 2000."""
    call = room(max_duration=300)
    enter(call, "a")

    assert call.next_due_s == 300.0
    assert call.advance(299.9) == []
    assert call.advance(300.0)[-1] == Ended(Termination.MAX_DURATION_REACHED)
    assert call.next_due_s is None
    assert call.advance(301.0) == []


def test_a_full_room_says_so() -> None:
    """Those on their way count."""
    call = room(max_participants=2)
    enter(call, "a")
    call.expect("b", adding())

    with pytest.raises(RoomFullError, match=r"2 participants .* allowed are 2"):
        call.expect("c", adding())


def test_members_join_as_they_were_asked() -> None:
    """Muted, held; coach mode is for supervisors alone."""
    call = room()
    enter(call, "a", role="supervisor", mute=True)
    enter(call, "b", role="agent", hold=True)

    supervisor, agent = call.voices()
    assert (supervisor.is_coaching, supervisor.is_muted) == (True, True)
    assert (agent.is_coaching, agent.is_held) == (False, True)


class RoomMachine(RuleBasedStateMachine):
    """Any commands in any order leave a room that adds up."""

    calls = Bundle("calls")

    @initialize(stay_alone=st.booleans(), most=st.integers(2, 4))
    def begin(self, stay_alone: bool, most: int) -> None:
        self.room = room(stay_alone=stay_alone, max_participants=most)
        self.now_s = 0.0
        self.serial = 0
        self.up: set[str] = set()
        self.begun = False

    def apply(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            match effect:
                case Joined(member):
                    assert member.call_uuid not in self.up
                    self.up.add(member.call_uuid)
                case Exited(member):
                    self.up.remove(member.call_uuid)
                case Ended():
                    assert self.room.is_over
                case Started():
                    assert self.room.status is MpcStatus.ACTIVE
                case HangUp():
                    pass

    @rule(target=calls, role=st.sampled_from(list(Role)), starts=st.booleans())
    def dial(self, role: Role, starts: bool) -> str:
        self.serial += 1
        call_uuid = str(self.serial)
        if not self.room.is_over:
            url = {"ai_agent_stream_service_url": "ws://h/s"}
            request = adding(role.value, start_mpc_on_enter=starts, **url)
            try:
                self.room.expect(call_uuid, request)
                self.begun = True
            except RoomFullError:
                assert len(self.room.members) <= self.room.max_participants
        return call_uuid

    @rule(call_uuid=calls)
    def join(self, call_uuid: str) -> None:
        if call_uuid not in self.up:
            self.apply(self.room.join(call_uuid, self.now_s))

    @rule(call_uuid=calls, seconds=st.floats(0, 400))
    def leave(self, call_uuid: str, seconds: float) -> None:
        self.now_s += seconds
        self.apply(self.room.leave(call_uuid, self.now_s))

    @rule()
    def dial_rivals(self) -> None:
        if not self.room.is_over:
            group = f"group {self.serial}"
            for _ in range(3):
                self.serial += 1
                with contextlib.suppress(RoomFullError):
                    self.room.expect(str(self.serial), adding("agent"), group)

    @rule(call=st.integers(1, 30))
    def answer(self, call: int) -> None:
        if str(call) not in self.up:
            self.apply(self.room.join(str(call), self.now_s))

    @rule(
        member=st.integers(1, 5),
        switch=st.sampled_from(["mute", "hold", "coach_mode"]),
        on=st.booleans(),
    )
    def update(self, member: int, switch: str, on: bool) -> None:
        change = UpdateParticipant.model_validate({switch: on})
        before = {m.member_id: m.voice for m in self.room.members}
        try:
            effects = self.room.update([str(member)], change)
        except NotAllowedError:
            effects = []
            assert switch == "coach_mode"
        changed = {e.member.member_id for e in effects if isinstance(e, Changed)}
        assert changed == {
            m.member_id for m in self.room.members if before[m.member_id] != m.voice
        }

    @rule(member=st.integers(1, 5))
    def kick(self, member: int) -> None:
        self.apply(self.room.kick([str(member), "1"], self.now_s))

    @rule()
    def end(self) -> None:
        self.apply(self.room.end(Termination.HANGUP_API_TRIGGERED, self.now_s))

    @rule(seconds=st.floats(0, 5000))
    def advance(self, seconds: float) -> None:
        self.now_s += seconds
        self.apply(self.room.advance(self.now_s))

    @invariant()
    def adds_up(self) -> None:
        if not hasattr(self, "room"):
            return
        members = [member.call_uuid for member in self.room.members]
        assert sorted(members) == sorted(self.up)
        waiting = {self.room._groups[call] for call in self.room.expected}
        places = len(members) + len(waiting - self.room._won)
        assert places <= self.room.max_participants
        if self.room.is_over:
            assert not members
            assert not self.room.expected
            assert self.room.termination is not None
        ids = [m.member_id for m in (*self.room.former, *self.room.members)]
        assert len(ids) == len(set(ids))


TestRoom = RoomMachine.TestCase
TestRoom.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)


def test_switches_are_events_only_when_they_change() -> None:
    """And only supervisors coach."""
    call = room()
    enter(call, "a", role="supervisor")
    enter(call, "b", role="agent")

    def update(member: str, **change: bool) -> list[str]:
        request = UpdateParticipant.model_validate(change)
        effects = call.update([member, "9"], request)
        return [e.event.value for e in effects if isinstance(e, Changed)]

    assert update("1", mute=True, hold=True) == ["ParticipantMute", "ParticipantHold"]
    assert update("1", mute=True, hold=False) == ["ParticipantUnhold"]
    assert update("1", coach_mode=True) == []
    assert update("1", coach_mode=False) == ["ParticipantCoachModeStop"]
    assert update("2", coach_mode=False) == []
    with pytest.raises(
        NotAllowedError, match="participant 2 is no supervisor but agent"
    ):
        update("2", coach_mode=True)


def test_a_call_may_need_two_to_begin() -> None:
    """`create_mpc_with_single_participant`."""
    call = room()
    enter(call, "a", create_mpc_with_single_participant=False)
    assert call.started_s is None
    enter(call, "b", 2.0)
    assert call.started_s == 2.0
