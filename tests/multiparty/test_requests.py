"""What the API is asked: Plivo's defaults, limits and spellings."""

import re
from typing import Any

import pytest
from pydantic import ValidationError

from bridge.documents import problems
from bridge.multiparty.requests import (
    Activate,
    AddParticipant,
    ListMpcs,
    Play,
    Speak,
    StartParticipantRecording,
    StartRecording,
    UpdateParticipant,
    snake_case,
)
from bridge.multiparty.vocabulary import Role, TrackType

DIAL = {"role": "customer", "from": "+14150000001", "to": "+14150000002"}
AI = {"role": "ai-agent", "ai_agent_stream_service_url": "ws://127.0.0.1:8765/stream"}


def refused(body: dict[str, Any]) -> str:
    with pytest.raises(ValidationError) as caught:
        AddParticipant.model_validate(body)
    return problems(caught.value)


def test_defaults_are_the_documented_ones() -> None:
    """Of every parameter that has one."""
    added = AddParticipant.model_validate(DIAL)

    assert added.model_dump(exclude_none=True) == {
        "role": Role.CUSTOMER,
        "from_": "+14150000001",
        "to": "+14150000002",
        "callback_method": "POST",
        "call_status_callback_method": "POST",
        "confirm_key_sound_method": "GET",
        "dial_music": "real",
        "ring_timeout": "45",
        "delay_dial": "0",
        "max_duration": 14400,
        "max_participants": 10,
        "record_min_member_count": 1,
        "wait_music_method": "GET",
        "agent_hold_music_method": "GET",
        "customer_hold_music_method": "GET",
        "recording_callback_method": "GET",
        "status_callback_method": "POST",
        "status_callback_events": "mpc-state-changes,participant-state-changes",
        "on_exit_action_method": "POST",
        "record": False,
        "record_participant_track": False,
        "record_file_format": "mp3",
        "stay_alone": False,
        "coach_mode": True,
        "mute": False,
        "hold": False,
        "start_mpc_on_enter": True,
        "end_mpc_on_exit": False,
        "relay_dtmf_inputs": False,
        "enter_sound": "beep:1",
        "enter_sound_method": "GET",
        "exit_sound": "beep:2",
        "exit_sound_method": "GET",
        "start_recording_audio_method": "GET",
        "stop_recording_audio_method": "GET",
        "create_mpc_with_single_participant": True,
        "send_on_preanswer": False,
        "transcript": False,
        "ai_agent_stream_content_type": "audio/x-l16;rate=8000",
        "ai_agent_stream_status_callback_method": "POST",
        "ai_agent_stream_extra_headers": "",
    }


def test_what_sdks_send_is_understood() -> None:
    """Booleans as strings, roles in any case, camelCase, empty and unknown keys."""
    added = AddParticipant.model_validate(
        {
            **DIAL,
            "role": "Customer",
            "mute": "true",
            "recordParticipantTrack": True,
            "dial_music": "Real",
            "caller_name": "",
            "friendly_name": "x",
            "ring_timeout": 30,
            "call_uuid": None,
        }
    )

    assert added.role is Role.CUSTOMER
    assert added.mute is True
    assert added.record_participant_track is True
    assert added.seconds("ring_timeout", 0) == 30.0


def test_agents_may_ring_at_several_places() -> None:
    """Each with its own time, or all with one."""
    added = AddParticipant.model_validate(
        {
            "role": "agent",
            "from": "+1",
            "to": "+2<+3",
            "ring_timeout": "10<20",
            "delay_dial": 5,
        }
    )

    assert added.destinations == ["+2", "+3"]
    assert [added.seconds("ring_timeout", n) for n in (0, 1)] == [10.0, 20.0]
    assert [added.seconds("delay_dial", n) for n in (0, 1)] == [5.0, 5.0]


@pytest.mark.parametrize("body", [AI, {"role": "agent", "call_uuid": "u"}, DIAL])
def test_there_are_three_ways_to_add(body: dict[str, Any]) -> None:
    """A stream, a live call, a number."""
    assert AddParticipant.model_validate(body).role in Role


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ({}, "role: Field required"),
        ({**DIAL, "role": "boss"}, "role: Input should be 'agent', 'customer'"),
        ({"role": "customer"}, r"specify \(from, to\)"),
        ({**DIAL, "call_uuid": "u"}, "either call_uuid or"),
        ({"role": "ai-agent"}, "ai_agent_stream_service_url: required"),
        ({**AI, "ai_agent_stream_service_url": "http://x"}, "ai_agent_stream_service"),
        ({**DIAL, "to": "+1<+2"}, "2 destinations, allowed for agents only"),
        (
            {"role": "agent", "from": "+1", "to": "<".join(["+2"] * 21)},
            "allowed are 20",
        ),
        (
            {"role": "agent", "from": "+1", "to": "+2<+3", "delay_dial": "1<2<3"},
            "delay_dial: 3 values for 2 destinations",
        ),
        ({**DIAL, "max_duration": 299}, "max_duration: Input should be greater"),
        ({**DIAL, "max_participants": 11}, "max_participants: Input should be less"),
        ({**DIAL, "confirm_key": "12"}, "confirm_key"),
        ({**DIAL, "enter_sound": "beep:3"}, "enter_sound"),
        (
            {**DIAL, "status_callback_events": "mpc-state-changes,foo"},
            "foo: allowed are mpc-state-changes",
        ),
        ({**DIAL, "status_callback_url": "ftp://x"}, "status_callback_url"),
    ],
    ids=str,
)
def test_a_mistake_names_its_field(body: dict[str, Any], what: str) -> None:
    """And what is allowed there."""
    assert re.search(what, refused(body))


def test_event_groups_are_tidied() -> None:
    """Any case, blanks, an empty one."""
    added = AddParticipant.model_validate(
        {
            **DIAL,
            "status_callback_events": "MPC-state-changes , participant-audio-events,",
        }
    )

    expected = "mpc-state-changes,participant-audio-events"
    assert added.status_callback_events == expected


@pytest.mark.parametrize("status", ["active", "Active", ["active"]], ids=str)
def test_activation_has_three_spellings(status: object) -> None:
    """Plivo's Python SDK wraps it in a list."""
    assert Activate.model_validate({"status": status}).status == "active"


@pytest.mark.parametrize("body", [{"status": "ended"}, {"status": 5}, {}, "active"])
def test_only_activation_can_be_asked(body: object) -> None:
    """An MPC is ended by DELETE."""
    with pytest.raises(ValidationError):
        Activate.model_validate(body)


@pytest.mark.parametrize(
    ("camel", "snake"),
    [
        ("relayDTMFInputs", "relay_dtmf_inputs"),
        ("startMpcOnEnter", "start_mpc_on_enter"),
        ("aiAgentStreamServiceUrl", "ai_agent_stream_service_url"),
        ("ring_timeout", "ring_timeout"),
    ],
)
def test_names_come_in_two_spellings(camel: str, snake: str) -> None:
    """The XML's and the API's."""
    assert snake_case(camel) == snake


def test_an_update_says_something() -> None:
    """Strings are taken for booleans."""
    change = UpdateParticipant.model_validate({"mute": "true", "hold": "false"})
    assert (change.mute, change.hold, change.coach_mode) == (True, False, None)
    with pytest.raises(ValidationError, match="update at least one of"):
        UpdateParticipant.model_validate({"disable_state_change_sound": True})


@pytest.mark.parametrize(
    "body",
    [
        {"urls": "http://h/a.mp3"},
        {"url": "http://h/a.mp3"},
        {"urls": ["http://h/a.mp3"]},
        {"urls": "http://h/a.mp3", "url": "http://h/a.mp3"},
    ],
)
def test_what_is_played_comes_in_several_spellings(body: dict[str, Any]) -> None:
    """Pages and SDKs differ."""
    assert Play.model_validate(body).urls == ["http://h/a.mp3"]


def test_nothing_cannot_be_played() -> None:
    """It is said."""
    for body in ({}, {"urls": ""}, {"url": None}):
        with pytest.raises(ValidationError, match="at least 1"):
            Play.model_validate(body)
    with pytest.raises(ValidationError, match="dictionary"):
        Play.model_validate(5)


def test_marks_of_ssml_are_not_spoken() -> None:
    """Their text is."""
    given = {"text": "<speak>one <break/> two</speak>", "type": "ssml"}
    assert Speak.model_validate(given).words == "one two"
    assert Speak.model_validate({"text": "a < b"}).words == "a < b"


def test_recordings_have_a_format() -> None:
    """In any case; none other."""
    assert StartRecording.model_validate({"file_format": "WAV"}).file_format == "wav"
    for wrong in ("ogg", 5):
        with pytest.raises(ValidationError, match="file_format"):
            StartRecording.model_validate({"file_format": wrong})
    request = StartParticipantRecording.model_validate({"record_track_type": ""})
    assert request.record_track_type is TrackType.ALL


@pytest.mark.parametrize(
    ("given", "fits"),
    [
        ("2026-01-02", True),
        ("2026-01-02 03:04", True),
        ("2026-01-02 03:04:05.123456", True),
        ("2026-01-02T03:04", False),
        ("2026-13-02 03:04", False),
        ("yesterday", False),
    ],
)
def test_times_of_a_list_have_a_form(given: str, fits: bool) -> None:
    """`YYYY-MM-DD HH:MM[:ss[.uuuuuu]]`."""
    if fits:
        assert ListMpcs.model_validate({"end_time__gt": given}).end_time__gt == given
    else:
        with pytest.raises(ValidationError, match="end_time__gt"):
            ListMpcs.model_validate({"end_time__gt": given})


def test_a_list_is_of_one_status() -> None:
    """In any case."""
    assert ListMpcs.model_validate({"status": "ACTIVE"}).status == "Active"
    with pytest.raises(ValidationError, match="status"):
        ListMpcs.model_validate({"status": 5})


@pytest.mark.parametrize(
    "url", ["http://", "https://:", "http://:80/x", "http://h:0/", "http://[h/"]
)
def test_a_url_needs_a_host(url: str) -> None:
    """Else nobody could be asked."""
    assert "status_callback_url: " in refused({**DIAL, "status_callback_url": url})
    assert "ai_agent_stream_service_url" in refused(
        {**AI, "ai_agent_stream_service_url": url.replace("http", "ws")}
    )
