"""Callbacks, parsed and written."""

import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import PeerError
from bridge.multiparty import callbacks
from bridge.multiparty.callbacks import (
    CallStatusEvent,
    ExitAction,
    MpcEvent,
    RecordingEvent,
    StreamEvent,
    StreamState,
    TranscriptEvent,
    parse,
)
from bridge.multiparty.vocabulary import EventName

JOIN = {
    "EventName": "ParticipantJoin",
    "EventTimestamp": "2026-01-02 03:04:05+00:00",
    "SequenceNumber": "3",
    "MPCUUID": "8742d531",
    "MPCName": "room",
    "MemberID": "355",
    "ParticipantRole": "Agent",
    "ParticipantCallUUID": "dd473c48",
    "ParticipantCoachMode": "false",
    "ParticipantJoinTime": "2026-01-02 03:04:05+05:30",
    "DigitInput": "",
    "MPCTerminationCause": "",
    "Unheard": "of",
}


def test_an_event_of_a_call_is_typed() -> None:
    """Numbers, booleans, times; roles in any case; what is empty is none."""
    event = parse(JOIN)

    assert isinstance(event, MpcEvent)
    assert event.name is EventName.JOIN
    assert (event.sequence, event.member_id, event.role) == (3, "355", "agent")
    assert event.coach_mode is False
    assert event.digits is None
    assert event.join_time is not None
    assert event.join_time.utcoffset() == datetime.timedelta(hours=5, minutes=30)
    assert event.model_extra == {"Unheard": "of"}


def test_what_is_written_is_what_was_read() -> None:
    """Every documented parameter is there, empty where there is nothing."""
    params = parse(JOIN).params()

    assert params["MPCBilledAmount"] == ""
    assert {**params, **JOIN, "ParticipantRole": "agent"} == params
    assert parse(params) == parse(JOIN)


@pytest.mark.parametrize(
    ("params", "kind"),
    [
        ({"EventName": "MPCRecordingPaused", "RecordingUUID": "r"}, RecordingEvent),
        ({"Event": "StartStream", "StreamID": "s", "CallUUID": "c"}, StreamEvent),
        ({"Event": "started", "StreamId": "s", "CallUUID": "c"}, StreamEvent),
        ({"MPCFriendlyName": "n", "MPCUUID": "m"}, ExitAction),
        ({"CallUUID": "c", "CallStatus": "ringing"}, CallStatusEvent),
        ({"transcription": "hello", "call_uuid": "c"}, TranscriptEvent),
    ],
)
def test_each_kind_is_known_by_its_parameters(
    params: dict[str, str], kind: type[callbacks.Callback]
) -> None:
    """They come to any URL."""
    assert type(parse(params)) is kind


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("StartStream", StreamState.STARTED),
        ("started", StreamState.STARTED),
        ("StopStream", StreamState.STOPPED),
        ("stopped", StreamState.STOPPED),
        ("DroppedStream", StreamState.DROPPED),
        ("failed", StreamState.DROPPED),
        ("DegradedStream", StreamState.DEGRADED),
    ],
)
def test_streams_have_two_schemes_of_names(name: str, state: StreamState) -> None:
    """Both are read; the first is written."""
    event = parse({"Event": name, "StreamID": "s", "CallUUID": "c", "Duration": "1.5"})

    assert isinstance(event, StreamEvent)
    assert event.state is state
    assert event.duration_s == 1.5
    assert event.params()["Event"] == state.value


@pytest.mark.parametrize(
    ("params", "what"),
    [
        ({}, "it has nothing"),
        ({"A": "b"}, "it has A"),
        ({"EventName": "Nothing", "MPCUUID": "m"}, "EventName: Input should be"),
        ({"EventName": "MPCStart"}, "MPCUUID: Field required"),
        ({"Event": "gone", "StreamID": "s", "CallUUID": "c"}, "Event: Input should"),
    ],
)
def test_what_is_none_is_said(params: dict[str, str], what: str) -> None:
    """The parameter is named."""
    with pytest.raises(PeerError, match=what):
        parse(params)


def test_a_strange_time_does_not_lose_the_event() -> None:
    """It is only its time that is unknown."""
    event = parse({**JOIN, "EventTimestamp": "yesterday"})
    assert isinstance(event, MpcEvent)
    assert event.timestamp is None


def test_repetitions_are_known() -> None:
    """The same parameters, in any order."""
    again = dict(reversed(JOIN.items()))
    assert parse(again).key == parse(JOIN).key
    assert parse({**JOIN, "SequenceNumber": "4"}).key != parse(JOIN).key


@given(st.dictionaries(st.sampled_from([*JOIN, "Event", "StreamID"]), st.text()))
def test_any_parameters_are_read_or_refused(params: dict[str, Any]) -> None:
    """Never anything else."""
    try:
        event = parse(params)
    except PeerError:
        return
    assert parse(event.params()) == event


def test_a_model_is_made_of_values_too() -> None:
    """As the engine makes them."""
    when = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
    event = MpcEvent(name=EventName.MPC_START, mpc_uuid="m", timestamp=when)
    assert event.params()["EventTimestamp"] == "2026-01-02 03:04:05+00:00"
    with pytest.raises(ValueError, match="valid dictionary"):
        MpcEvent.model_validate(5)
    with pytest.raises(ValueError, match="valid dictionary"):
        StreamEvent.model_validate(5)
