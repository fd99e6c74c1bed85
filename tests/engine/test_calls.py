"""The life of a call, in virtual time."""

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import pytest

from bridge.engine.phone import Phone
from bridge.engine.phonebook import KeyPress, PhoneScript
from bridge.engine.room import NotAllowedError
from bridge.multiparty.requests import AddParticipant
from bridge.multiparty.vocabulary import ExitCause
from tests.engine.setting import WEB, Engine, engine, hears, voice, wav

STATUS = {"call_status_callback_url": f"{WEB}/call"}


def statuses(house: Engine) -> list[str]:
    return [each["CallStatus"] for each in house.told("/call")]


async def test_who_does_not_answer_is_given_up(tmp_path: Path) -> None:
    """After the ring timeout; busy at once; an unreadable sound is said."""
    (tmp_path / "bad.wav").write_text("noise")
    scripts = {
        "n2": PhoneScript(outcome="no-answer"),
        "n3": PhoneScript(outcome="busy"),
        "n4": PhoneScript(says=tmp_path / "bad.wav"),
    }
    outcomes = {"2": "no-answer", "3": "busy", "4": "failed"}
    now = asyncio.get_running_loop().time
    async with engine(tmp_path, **scripts) as house:
        for number, expected_s in (("2", 10), ("3", 0), ("4", 0)):
            began_s = now()
            house.asked.clear()
            name = f"room {number}"
            line = house.add(name, number, ring_timeout=10, **STATUS)
            assert line.room is not None
            await house.exchange.ended(line.room)
            assert now() - began_s == pytest.approx(expected_s, abs=0.1)
            await house.settled()
            assert statuses(house) == ["ringing", outcomes[number]]


async def test_the_status_of_a_call_is_told(tmp_path: Path) -> None:
    """With who hung up, and what it cost."""
    script = PhoneScript(answers_after_s=1, hangs_up_after_s=65)
    async with engine(tmp_path, n2=script) as house:
        line = house.add("demo", "2", sip_headers="a=b", **STATUS)
        assert line.room is not None
        await house.exchange.ended(line.room)
        await house.settled()

        assert statuses(house) == ["ringing", "in-progress", "completed"]
        last = house.told("/call")[-1]
        assert last["CallUUID"] == line.call_uuid
        assert (last["From"], last["To"], last["Direction"]) == ("+1", "2", "outbound")
        assert (last["HangupCauseCode"], last["HangupSource"]) == ("4000", "Callee")
        assert (last["Duration"], last["BillDuration"]) == ("65", "120")
        assert (last["TotalCost"], last["SIPHeaders"]) == ("0.01000", "a=b")


async def test_the_first_agent_to_answer_takes_the_call(tmp_path: Path) -> None:
    """The others stop ringing: 9000, Lost Race."""
    scripts = {
        "n2": PhoneScript(answers_after_s=3),
        "n3": PhoneScript(answers_after_s=1),
    }
    async with engine(tmp_path, **scripts) as house:
        line = house.add("demo", "2<3", "agent", **STATUS)
        await asyncio.sleep(5)

        assert line.room is not None
        (member,) = line.room.members
        assert member.address == "3"
        assert len(house.exchange.calls.lines) == 1
        lost = next(each for each in house.told("/call") if each["HangupCauseCode"])
        assert (lost["To"], lost["HangupCauseCode"]) == ("2", "9000")
        assert lost["CallStatus"] == "cancel"


async def test_each_destination_may_ring_in_its_own_way(tmp_path: Path) -> None:
    """`ring_timeout` and `delay_dial` by place."""
    async with engine(tmp_path) as house:
        house.add(
            "demo", "2<3", "agent", delay_dial="5<0", ring_timeout="9<8", **STATUS
        )
        await asyncio.sleep(2)
        (member,) = house.room().room.members
        assert member.address == "3"


async def test_a_dial_can_be_delayed(tmp_path: Path) -> None:
    """`delay_dial`."""
    async with engine(tmp_path) as house:
        line = house.add("demo", "2", delay_dial=5)
        await asyncio.sleep(5.4)
        assert line.member is None
        assert (await house.exchange.joined("customer")) is line
        assert asyncio.get_running_loop().time() == pytest.approx(5.5, abs=0.05)


@pytest.mark.parametrize(
    ("pressed", "joins"),
    [("1", True), ("21", True), ("2", False), ("", False)],
    ids=["right", "right after wrong", "wrong", "none"],
)
async def test_a_key_may_have_to_be_pressed(
    tmp_path: Path,
    pressed: str,
    joins: bool,
) -> None:
    """After the sound; without it the call is hung up, 9110."""
    keys = [KeyPress(after_s=2, digits=pressed)] if pressed else []
    pages = {"/confirm": wav(700, 1.0)}
    async with engine(tmp_path, pages, n2=PhoneScript(keys=keys)) as house:
        line = house.add(
            "demo",
            "2",
            confirm_key="1",
            confirm_key_sound_url=f"{WEB}/confirm",
            ring_timeout=10,
            **STATUS,
        )
        await asyncio.sleep(1.4)
        assert hears(house.sound(line), 700)
        assert line.member is None
        await asyncio.sleep(2)
        assert (line.member is not None) == joins
        await asyncio.sleep(10)
        await house.settled()
        assert (line.member is not None) == joins
        if not joins:
            assert house.told("/call")[-1]["HangupCauseCode"] == "9110"


async def test_digits_are_sent_after_the_answer(tmp_path: Path) -> None:
    """`send_digits`, with pauses."""
    async with engine(tmp_path) as house:
        line = house.add("demo", "2", send_digits="1wW2#")
        assert isinstance(line.leg, Phone)
        await asyncio.sleep(1.2)
        assert line.leg.pressed == "1"
        await asyncio.sleep(2)
        assert line.leg.pressed == "12#"
        assert line.member is not None


async def test_a_call_moves_to_another_room(tmp_path: Path) -> None:
    """`call_uuid`: it leaves as transferred, and the room it left ends if empty."""
    async with engine(tmp_path, n2=voice(tmp_path, 500)) as house:
        line = house.add("one", "2", **STATUS)
        await asyncio.sleep(1)
        left = house.room("one").room
        (moved,) = house.exchange.add(
            "two",
            AddParticipant.model_validate(
                {"role": "agent", "call_uuid": line.call_uuid, "enter_sound": "none"}
            ),
        )
        other = house.add("two", "3")
        await asyncio.sleep(1)

        assert moved is line
        assert left.former[0].exit_cause is ExitCause.TRANSFERRED
        assert left.is_over
        assert [m.call_uuid for m in house.room("two").room.members] == [
            line.call_uuid,
            other.call_uuid,
        ]
        assert hears(house.sound(other), 500)
        house.exchange.end(house.room("two"))
        await asyncio.sleep(0.1)
        await house.settled()
        # The call is told of where it was dialled, to its end.
        assert statuses(house) == ["ringing", "in-progress", "completed"]


AI_AGENT = b"""<Response><MultiPartyCall role="ai-agent"
aiAgentStreamServiceUrl="ws://h/s">x</MultiPartyCall></Response>"""

EXIT = {"on_exit_action_url": f"{WEB}/exit"}


async def test_a_call_does_what_its_exit_url_says(tmp_path: Path) -> None:
    """Play, Speak, Wait, then into another room."""
    xml = f"""<Response><Play>{WEB}/a.wav</Play><Speak>hello</Speak>
        <Wait length="2"/><MultiPartyCall role="Agent" relayDTMFInputs="true"
        enterSound="none">second</MultiPartyCall></Response>"""
    pages = {"/exit": xml.encode(), "/a.wav": wav(700, 1.0)}
    now = asyncio.get_running_loop().time
    async with engine(tmp_path, pages) as house:
        line = house.add("demo", "2", stay_alone=True, **EXIT)
        house.add("demo", "3")
        await asyncio.sleep(1)
        assert line.member is not None
        house.exchange.kick(house.room(), [line.member.member_id])
        began_s = now()
        await asyncio.sleep(0.9)
        assert hears(house.sound(line), 700)
        await asyncio.sleep(0.55)
        assert hears(house.sound(line, 0.3), 1500)
        while line.member is None:
            await asyncio.sleep(0.02)
        # 1 s of tone, 0.5 s of speech, 2 s of silence.
        assert now() - began_s == pytest.approx(3.5, abs=0.1)
        assert house.room("second").room.members[0].role == "agent"

        (asked,) = house.told("/exit")
        assert asked["MPCFriendlyName"] == "demo"
        assert asked["ParticipantCallUUID"] == line.call_uuid
        assert asked["ParticipantRole"] == "customer"
        assert asked["ParticipantExitCause"] == "Kicked Out of Multiparty Call"
        assert asked["ParticipantJoinTime"] <= asked["ParticipantEndTime"]


@pytest.mark.parametrize(
    ("page", "code"),
    [
        (b"<Response><Hangup/></Response>", "4010"),
        (b"<Response><Dial>1</Dial></Response>", "8011"),
        (AI_AGENT, "8011"),
        (b"<Response><MultiPartyCall>x</MultiPartyCall></Response>", "8011"),
        (b"<Response/>", "4030"),
        (b"no xml", "8011"),
        (500, "7011"),
    ],
    ids=["hangup", "unknown", "ai-agent", "no role", "nothing", "no xml", "500"],
)
async def test_what_ends_a_call_is_said(tmp_path: Path, page: Any, code: str) -> None:
    """By XML, or by something wrong with it."""
    async with engine(tmp_path, {"/exit": page}) as house:
        line = house.add("demo", "2", stay_alone=True, **EXIT, **STATUS)
        house.add("demo", "3")
        await asyncio.sleep(1)
        assert line.member is not None
        house.exchange.kick(house.room(), [line.member.member_id])
        await asyncio.sleep(1)
        await house.settled()
        assert house.told("/call")[-1]["HangupCauseCode"] == code


async def test_a_caller_who_hung_up_is_only_told_of(tmp_path: Path) -> None:
    """The exit URL is asked, and its answer is nobody's."""
    async with engine(tmp_path, n2=PhoneScript(hangs_up_after_s=2)) as house:
        line = house.add("demo", "2", **EXIT)
        assert line.room is not None
        await house.exchange.ended(line.room)
        await house.settled()
        (asked,) = house.told("/exit")
        assert asked["ParticipantExitCause"] == "Participant Call Hangup"


async def test_a_call_that_fails_takes_nobody_along(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The engine and the others go on; the traceback is logged."""
    async with engine(tmp_path) as house:
        line = house.add("demo", "2", stay_alone=True)

        async def fail(_answered: object) -> None:
            raise ZeroDivisionError("a bug")

        line.leg.run = fail  # type: ignore[method-assign, assignment]
        house.add("demo", "3")
        await asyncio.sleep(1)

        assert [m.address for m in house.room().room.members] == ["3"]
    assert "the call to 2 failed" in caplog.text


async def test_a_room_that_ends_stops_what_rings(tmp_path: Path) -> None:
    """Nobody is left ringing for nothing."""
    async with engine(tmp_path, n3=PhoneScript(outcome="no-answer")) as house:
        house.add("demo", "2", **STATUS)
        ringing = house.add("demo", "3", **STATUS)
        await asyncio.sleep(1)
        house.exchange.end(house.room())
        await asyncio.sleep(0.1)
        await house.settled()
        assert ringing.status == "cancel"
        assert house.exchange.calls.lines == {}


async def test_rivals_who_answer_at_once_are_settled(tmp_path: Path) -> None:
    """One comes in, whoever it is; in a room with one place left, too."""
    async with engine(tmp_path) as house:
        house.add("demo", "9", max_participants=2)
        await asyncio.sleep(1)
        house.add("demo", "2<3<4", "agent")
        await asyncio.sleep(1)
        assert len(house.room().room.members) == 2
        assert len(house.exchange.calls.lines) == 2
        many = "<".join(str(number) for number in range(20))
        house.add("other", many, "agent")
        await asyncio.sleep(1)
        assert len(house.room("other").room.members) == 1


async def test_a_moved_call_is_nobodys_rival(tmp_path: Path) -> None:
    """And does not ring where it was."""
    scripts = {
        "n2": PhoneScript(answers_after_s=1),
        "n3": PhoneScript(answers_after_s=6),
    }
    async with engine(tmp_path, **scripts) as house:
        alone = house.add("demo", "9", stay_alone=True)
        await asyncio.sleep(1)
        line = house.add(
            "demo", "2<3", "agent", confirm_key="1", dial_music="real", **STATUS
        )
        await asyncio.sleep(2)
        assert hears(house.sound(alone), 440)
        moving = {"role": "agent", "call_uuid": line.call_uuid, "stay_alone": True}
        house.exchange.add("other", AddParticipant.model_validate(moving))
        await asyncio.sleep(60)
        assert line.member is not None
        assert [m.address for m in house.room("other").room.members] == ["2"]
        assert not house.sound(alone).any()


async def test_sounds_do_not_follow_a_call(tmp_path: Path) -> None:
    """What was played to it in one room is not heard in the next, nor after a key."""
    keys = PhoneScript(keys=[KeyPress(after_s=1, digits="1")])
    pages = {"/long": wav(700, 30)}
    confirm = {"confirm_key": "1", "confirm_key_sound_url": f"{WEB}/long"}
    async with engine(tmp_path, pages, n2=keys) as house:
        line = house.add("demo", "2", **confirm)
        await asyncio.sleep(1.3)
        assert hears(house.sound(line, 0.3), 700)
        await asyncio.sleep(1)
        assert line.member is not None
        assert not house.sound(line).any()
        announcer = house.exchange.parts.announcer
        house.room().play("play", "1", lambda: announcer.file(f"{WEB}/long"))
        await asyncio.sleep(1)
        assert hears(house.sound(line), 700)
        moving = {
            "role": "agent",
            "call_uuid": line.call_uuid,
            "enter_sound": "none",
        }
        house.exchange.add("other", AddParticipant.model_validate(moving))
        await asyncio.sleep(1)
        assert not house.sound(line).any()


async def test_a_call_that_is_ending_cannot_be_moved(tmp_path: Path) -> None:
    """Nobody is left behind."""
    async with engine(tmp_path) as house:
        for steps in range(6):
            line = house.add(f"room {steps}", "2")
            await asyncio.sleep(1)
            line.leg.hang_up()
            for _ in range(steps):
                await asyncio.sleep(0)
            moving = {"role": "agent", "call_uuid": line.call_uuid}
            with contextlib.suppress(NotAllowedError):
                house.exchange.add("other", AddParticipant.model_validate(moving))
            await asyncio.sleep(1)
            assert house.exchange.calls.lines == {}
            assert house.exchange.find("other") is None


async def test_a_full_room_is_passed_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The next element is done."""
    xml = f"""<Response><MultiPartyCall role="agent">full</MultiPartyCall>
        <Play loop="0">{WEB}/a</Play></Response>"""
    pages = {"/exit": xml.encode(), "/a": wav(700, 0.5)}
    async with engine(tmp_path, pages) as house:
        for number in ("3", "4"):
            house.add("full", number, max_participants=2)
        line = house.add("demo", "2", stay_alone=True, **EXIT)
        house.add("demo", "5")
        await asyncio.sleep(1)
        assert line.member is not None
        house.exchange.kick(house.room(), [line.member.member_id])
        await asyncio.sleep(5)
        assert "2 participants are in full" in caplog.text
        assert hears(house.sound(line), 700)


async def test_digits_may_be_sent_before_the_answer(tmp_path: Path) -> None:
    """`send_on_preanswer`."""
    async with engine(tmp_path, n2=PhoneScript(answers_after_s=5)) as house:
        line = house.add("demo", "2", send_digits="12", send_on_preanswer=True)
        await asyncio.sleep(1)
        assert isinstance(line.leg, Phone)
        assert (line.leg.pressed, line.is_up) == ("12", False)
        await asyncio.sleep(5)
        assert line.leg.pressed == "12"
