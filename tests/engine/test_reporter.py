"""Which callbacks tell of a call, and with what, in virtual time."""

import asyncio
from pathlib import Path

import pytest

from bridge.engine.phonebook import KeyPress, PhoneScript
from bridge.multiparty import callbacks
from bridge.multiparty.requests import UpdateParticipant
from bridge.multiparty.vocabulary import EVENT_GROUPS
from tests.engine.setting import WEB, engine, voice

CB = {"status_callback_url": f"{WEB}/cb", "status_callback_method": "POST"}
ALL = {**CB, "status_callback_events": ",".join(EVENT_GROUPS)}

WRITTEN = {
    "EventName", "EventTimestamp", "SequenceNumber", "MPCUUID", "MPCName", "MemberID",
    "MemberAddress", "ParticipantRole", "ParticipantCallUUID", "ParticipantCallFrom",
    "ParticipantCallTo", "ParticipantCallDirection", "ParticipantCoachMode",
    "ParticipantJoinTime", "DigitInput", "MPCTerminationCause",
    "MPCTerminationCauseCode", "MPCDuration", "MPCBilledDuration", "MPCBilledAmount",
    "AddParticipantAPIRequestOutcome",
}  # fmt: skip


async def test_a_whole_call_is_told_in_order(tmp_path: Path) -> None:
    """Every group; numbered without a gap; every documented parameter each time."""
    talks = voice(tmp_path, 500, repeats=False, hangs_up_after_s=40)
    talks.keys = [KeyPress(after_s=5, digits="7")]
    async with engine(tmp_path, n2=talks) as house:
        line = house.add("demo", "2", "supervisor", **ALL)
        conference = house.room()
        await asyncio.sleep(10)
        for change in (
            {"mute": True},
            {"mute": False, "hold": True},
            {"hold": False, "coach_mode": False},
            {"coach_mode": True},
        ):
            house.exchange.update(
                conference, ["1"], UpdateParticipant.model_validate(change)
            )
        await house.exchange.ended(conference.room)
        await house.settled()

        told = house.told()
        assert house.names() == [
            "MPCInitialized",
            "AddParticipantByAPIActionInitiated",
            "AddParticipantByAPIActionCompleted",
            "ParticipantJoin",
            "MPCStart",
            "ParticipantSpeakStart",
            "ParticipantSpeakStop",
            "ParticipantDigitInput",
            "ParticipantMute",
            "ParticipantUnmute",
            "ParticipantHold",
            "ParticipantUnhold",
            "ParticipantCoachModeStop",
            "ParticipantCoachModeStart",
            "ParticipantExit",
            "MPCEnd",
        ]
        assert [int(each["SequenceNumber"]) for each in told] == list(range(1, 17))
        for each in told:
            assert set(each) >= WRITTEN
            assert each["MPCUUID"] == conference.room.mpc_uuid
            callbacks.parse(each)
        by_name = {each["EventName"]: each for each in told}
        join, end = by_name["ParticipantJoin"], by_name["MPCEnd"]
        assert join["ParticipantCallUUID"] == line.call_uuid
        assert (join["MemberID"], join["ParticipantRole"]) == ("1", "supervisor")
        assert (join["MemberAddress"], join["ParticipantCoachMode"]) == ("2", "true")
        assert by_name["MPCInitialized"]["ParticipantCallFrom"] == "+1"
        assert by_name["ParticipantDigitInput"]["DigitInput"] == "7"
        assert by_name["ParticipantExit"]["ParticipantJoinTime"]
        outcome = by_name["AddParticipantByAPIActionCompleted"]
        assert outcome["AddParticipantAPIRequestOutcome"] == "success"
        assert end["MPCTerminationCauseCode"] == "1000"
        assert (end["MPCDuration"], end["MPCBilledDuration"]) == ("40", "60")
        assert end["MPCBilledAmount"] == "0.00500"
        assert end["ParticipantCallUUID"] == ""


async def test_only_what_is_wanted_is_told(tmp_path: Path) -> None:
    """By default states, of the call and of participants."""
    async with engine(tmp_path, n2=voice(tmp_path, 500)) as house:
        house.add("demo", "2", **CB)
        await asyncio.sleep(3)
        assert house.names() == ["MPCInitialized", "ParticipantJoin", "MPCStart"]
        assert house.exchange.calls.lines
        assert all(
            line.activity is None for line in house.exchange.calls.lines.values()
        )


async def test_everybody_who_brings_a_url_is_told(tmp_path: Path) -> None:
    """From then on, each with numbers of their own; one who comes twice, once."""
    other = {"status_callback_url": f"{WEB}/other", "status_callback_method": "GET"}
    async with engine(tmp_path) as house:
        house.add("demo", "2", **CB)
        await asyncio.sleep(1)
        house.add("demo", "3", **other)
        await asyncio.sleep(1)
        house.add("demo", "4", **CB)
        await asyncio.sleep(1)
        await house.settled()
        numbers = [each["SequenceNumber"] for each in house.told("/cb")]
        assert numbers == ["1", "2", "3", "4", "5"]
        assert house.names("/other") == ["ParticipantJoin", "ParticipantJoin"]
        assert [each["SequenceNumber"] for each in house.told("/other")] == ["1", "2"]


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        (PhoneScript(outcome="busy"), "busy"),
        (PhoneScript(outcome="no-answer"), "no-answer"),
    ],
)
async def test_who_never_came_leaves_without_a_join_time(
    tmp_path: Path, script: PhoneScript, outcome: str
) -> None:
    """So that one can tell."""
    async with engine(tmp_path, n2=script) as house:
        house.add("demo", "2", ring_timeout=5, **ALL)
        await asyncio.sleep(6)
        await house.settled()
        names = house.names()
        assert names[-3:] == [
            "ParticipantExit",
            "AddParticipantByAPIActionCompleted",
            "MPCEnd",
        ]
        exit_, added, _end = house.told()[-3:]
        assert (exit_["ParticipantJoinTime"], exit_["MemberID"]) == ("", "")
        assert exit_["ParticipantCallTo"] == "2"
        assert added["AddParticipantAPIRequestOutcome"] == outcome


async def test_sip_headers_are_shown(tmp_path: Path) -> None:
    """As they were given."""
    async with engine(tmp_path) as house:
        house.add("demo", "2", sip_headers="a=b,c=d", **CB)
        await asyncio.sleep(1)
        assert house.told()[1]["SIPHeaders"] == "a=b,c=d"
