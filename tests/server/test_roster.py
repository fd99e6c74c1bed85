"""What callbacks tell a call."""

from types import SimpleNamespace
from typing import Any

import pytest

from bridge.call.events import CoachMode, Event, Held, Joined, Left, Member, Muted
from bridge.multiparty.callbacks import Callback, MpcEvent, StreamEvent, StreamState
from bridge.multiparty.vocabulary import EventName
from bridge.server.roster import Roster


class Session:
    """A call that writes down what it is told."""

    def __init__(self, call_uuid: str) -> None:
        self.call: Any = SimpleNamespace(
            call_uuid=call_uuid, mpc_uuid="", mpc_name="", members={}
        )
        self.told: list[Event] = []
        self.coaches: list[str] = []
        self.ended = ""

    def tell(self, event: Event) -> None:
        self.told.append(event)

    def end(self, reason: str, kind: str, code: int = 1000) -> None:
        self.ended = f"{reason} {kind} {code}"

    def coached_by(self, member: Member | None) -> None:
        self.coaches.append(member.member_id if member else "")


def event(
    name: EventName, member: int, role: str = "customer", **more: Any
) -> Callback:
    facts: dict[str, Any] = {
        "name": name,
        "mpc_uuid": "m",
        "member_id": str(member),
        "call_uuid": f"c{member}",
        "role": role,
        "member_address": f"+{member}",
    }
    return MpcEvent(**{**facts, **more})


CUSTOMER = Member("1", "customer", "+1", "c1")


def test_a_call_learns_who_is_there_and_who_comes_and_goes() -> None:
    """Its own leg is no other; what was before it came, it is told on coming."""
    roster, session = Roster(), Session("c2")
    roster.take(event(EventName.JOIN, 1))
    roster.begin(session)
    assert session.told == []
    roster.take(event(EventName.JOIN, 2, "ai-agent"))
    assert session.call.mpc_uuid == "m"
    roster.take(event(EventName.JOIN, 3, "agent"))
    roster.take(event(EventName.EXIT, 1))

    agent = Member("3", "agent", "+3", "c3")
    assert session.told == [Joined(CUSTOMER), Joined(agent), Left(CUSTOMER)]
    assert session.call.members == {"3": agent}


def test_a_callback_may_be_faster_than_the_stream() -> None:
    """Then the call learns at its start."""
    roster, session = Roster(), Session("c2")
    roster.take(event(EventName.JOIN, 1))
    roster.take(event(EventName.JOIN, 2, "ai-agent"))
    roster.begin(session)
    assert session.told == [Joined(CUSTOMER)]


def test_what_happens_to_the_agent_itself_is_its_own() -> None:
    """Muted and held, and back; others' are not told."""
    roster, session = Roster(), Session("c2")
    roster.begin(session)
    roster.take(event(EventName.JOIN, 2, "ai-agent"))
    for name in (
        EventName.MUTE,
        EventName.UNMUTE,
        EventName.HOLD,
        EventName.UNHOLD,
    ):
        roster.take(event(name, 2))
        roster.take(event(name, 1))
    assert session.told == [
        Muted(is_muted=True),
        Muted(is_muted=False),
        Held(is_held=True),
        Held(is_held=False),
    ]


def test_a_supervisor_who_coaches_is_told_of() -> None:
    """As they are now."""
    roster, session = Roster(), Session("c2")
    roster.begin(session)
    roster.take(event(EventName.JOIN, 2, "ai-agent"))
    roster.take(event(EventName.JOIN, 4, "supervisor", coach_mode=True))
    roster.take(event(EventName.COACH_MODE_STOP, 4, "supervisor"))
    roster.take(event(EventName.COACH_MODE_START, 4, "supervisor"))

    coach = Member("4", "supervisor", "+4", "c4", is_coaching=True)
    talker = Member("4", "supervisor", "+4", "c4")
    assert session.told == [Joined(coach), CoachMode(talker), CoachMode(coach)]
    assert session.call.members == {"4": coach}


def test_a_coach_who_speaks_alone_is_told_of() -> None:
    """Not while somebody else speaks, not when all hear it, not when they have left."""
    roster, session = Roster(), Session("c2")
    roster.begin(session)
    roster.take(event(EventName.JOIN, 1))
    roster.take(event(EventName.JOIN, 2, "ai-agent"))
    roster.take(event(EventName.JOIN, 4, "supervisor", coach_mode=True))

    def after(name: EventName, member: int) -> str:
        roster.take(event(name, member, "supervisor" if member == 4 else "customer"))
        return session.coaches[-1]

    roster.take(event(EventName.COACH_MODE_START, 4, "supervisor"))
    assert after(EventName.SPEAK_START, 4) == "4"
    assert after(EventName.SPEAK_START, 2) == "4"
    assert after(EventName.SPEAK_START, 1) == ""
    assert after(EventName.SPEAK_STOP, 1) == "4"
    assert after(EventName.COACH_MODE_STOP, 4) == ""
    assert after(EventName.COACH_MODE_START, 4) == "4"
    assert after(EventName.SPEAK_STOP, 4) == ""
    assert after(EventName.SPEAK_START, 4) == "4"
    assert after(EventName.EXIT, 4) == ""


def test_other_calls_are_not_told() -> None:
    """Nor one that has ended; nor of anything that is no event of a call."""
    roster, session, ended = Roster(), Session("c2"), Session("c5")
    roster.begin(session)
    roster.begin(ended)
    roster.begin(Session(""))
    roster.take(event(EventName.JOIN, 2, "ai-agent"))
    roster.take(event(EventName.JOIN, 5, "ai-agent"))
    roster.end(ended)
    session.told.clear()
    roster.take(event(EventName.JOIN, 1, mpc_uuid="other"))
    roster.take(event(EventName.MUTE, 5))
    roster.take(event(EventName.EXIT, 9))
    roster.take(event(EventName.MPC_START, 9))
    roster.take(StreamEvent(state=StreamState.STARTED, call_uuid="c2", stream_id="s"))
    roster.take(MpcEvent(name=EventName.MPC_END, mpc_uuid="m"))
    assert session.told == []
    assert ended.told == [Joined(Member("2", "ai-agent", "+2", "c2"))]
    roster.end(ended)


def test_memory_has_an_end() -> None:
    """Should the ends of calls never be told."""
    roster = Roster()
    for number in range(10_010):
        roster.take(event(EventName.JOIN, number, mpc_uuid=f"m{number}"))
    assert len(roster._mpc_of) == len(roster._members) == 10_000
    roster.take(MpcEvent(name=EventName.MPC_END, mpc_uuid="m10009"))
    assert len(roster._mpc_of) == len(roster._members) == 9_999


@pytest.mark.parametrize("invited", ["m", "my call", ""])
def test_a_token_may_name_its_call_or_give_its_uuid(invited: str) -> None:
    """Whichever the AI agent was added by; without a token, anything goes."""
    roster, session = Roster(), Session("c2")
    session.call.mpc_name = invited
    roster.begin(session)
    roster.take(event(EventName.JOIN, 2, "ai-agent", mpc_name="my call"))
    assert session.call.mpc_uuid == "m"
    assert not session.ended


def test_a_token_for_another_call_ends_the_stream() -> None:
    """Also when the callback was faster than the stream."""
    roster, session = Roster(), Session("c2")
    session.call.mpc_name = "other"
    roster.take(event(EventName.JOIN, 2, "ai-agent", mpc_name="my call"))
    roster.begin(session)
    assert session.ended == "its token is for another MPC wrong_mpc 1008"
    assert not session.call.mpc_uuid


def test_a_call_that_is_placed_is_told_of_once() -> None:
    """By whichever comes first, the stream or the callback."""
    roster, early, late = Roster(), Session("c1"), Session("c2")
    placed: list[tuple[str, str]] = []
    roster.on_placed = lambda told: placed.append(
        (told.call.call_uuid, told.call.mpc_uuid)
    )
    roster.begin(early)
    roster.take(event(EventName.JOIN, 1))
    roster.take(event(EventName.JOIN, 2))
    roster.begin(late)
    roster.take(event(EventName.JOIN, 2, sequence=9))

    assert placed == [("c1", "m"), ("c2", "m")]


def test_who_has_left_is_not_brought_back_by_what_was_before() -> None:
    """Callbacks that reach different machines may overtake each other."""
    roster, session = Roster(), Session("c2")
    roster.begin(session)
    roster.take(event(EventName.JOIN, 2, "ai-agent"))
    roster.take(event(EventName.EXIT, 1))
    roster.take(event(EventName.JOIN, 1))
    roster.take(event(EventName.COACH_MODE_START, 1, "supervisor"))
    roster.take(event(EventName.JOIN, 3, "agent"))

    assert session.told == [Joined(Member("3", "agent", "+3", "c3"))]
    assert list(session.call.members) == ["3"]
