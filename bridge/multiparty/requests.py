"""What the API is asked, with Plivo's defaults and limits."""

import datetime
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)

from bridge.multiparty.vocabulary import EVENT_GROUPS, MpcStatus, Role, TrackType

__all__ = [
    "Activate",
    "AddParticipant",
    "ListMpcs",
    "PauseRecording",
    "Play",
    "Request",
    "Speak",
    "StartParticipantRecording",
    "StartRecording",
    "TrackRequest",
    "UpdateParticipant",
]

Method = Annotated[Literal["GET", "POST"], Field(description="HTTP method")]


def _has_a_host(url: str) -> str:
    """Look whether a URL can be asked at all.

    Raises:
        ValueError: If it has no host, or its port is none.
    """
    try:
        parts = urlsplit(url)
        there = parts.hostname and parts.port != 0
    except ValueError:
        there = False
    if not there:
        raise ValueError(f"{url[:80]!r}: allowed are URLs with a host")
    return url


Url = Annotated[
    str,
    StringConstraints(pattern=r"^https?://\S+$", max_length=2048),
    AfterValidator(_has_a_host),
]
StreamUrl = Annotated[
    str,
    StringConstraints(pattern=r"^wss?://\S+$", max_length=2048),
    AfterValidator(_has_a_host),
]
Sound = Annotated[str, StringConstraints(pattern=r"^(beep:[12]|none|https?://\S+)$")]
DialMusic = Annotated[str, StringConstraints(pattern=r"^(?i:real|none|https?://\S+)$")]
Durations = Annotated[str, StringConstraints(pattern=r"^\d{1,4}(<\d{1,4})*$")]

MOST_DESTINATIONS = 20


def snake_case(name: str) -> str:
    """Turn `startMpcOnEnter` or `relayDTMFInputs` into the API's spelling."""
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return name.lower()


class Request(BaseModel):
    """A JSON body; unknown keys are passed over, as Plivo's SDKs send some."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)

    callback_url: Url | None = None
    """Where the answer goes, if it is not to be waited for."""
    callback_method: Method = "POST"

    @model_validator(mode="before")
    @classmethod
    def _tidy(cls, body: Any) -> Any:
        """Take camelCase for snake_case, and an empty string for nothing."""
        if not isinstance(body, Mapping):
            return body
        return {
            snake_case(str(key)): value
            for key, value in body.items()
            if value not in ("", None)
        }


class AddParticipant(Request):
    """Add a participant: dial somebody, move a call, or connect an AI agent."""

    role: Role
    from_: str | None = Field(default=None, alias="from", max_length=256)
    to: str | None = Field(default=None, max_length=4096)
    call_uuid: str | None = None
    caller_name: str | None = Field(default=None, min_length=1, max_length=50)
    call_status_callback_url: Url | None = None
    call_status_callback_method: Method = "POST"
    sip_headers: str | None = None
    confirm_key: str | None = Field(default=None, pattern=r"^[0-9#*]$")
    confirm_key_sound_url: Url | None = None
    confirm_key_sound_method: Method = "GET"
    dial_music: DialMusic = "real"
    ring_timeout: Durations = "45"
    delay_dial: Durations = "0"
    max_duration: int = Field(default=14400, ge=300, le=28800)
    max_participants: int = Field(default=10, ge=2, le=10)
    record_min_member_count: int = Field(default=1, ge=1, le=2)
    wait_music_url: Url | None = None
    wait_music_method: Method = "GET"
    agent_hold_music_url: Url | None = None
    agent_hold_music_method: Method = "GET"
    customer_hold_music_url: Url | None = None
    customer_hold_music_method: Method = "GET"
    recording_callback_url: Url | None = None
    recording_callback_method: Method = "GET"
    status_callback_url: Url | None = None
    status_callback_method: Method = "POST"
    status_callback_events: str = "mpc-state-changes,participant-state-changes"
    on_exit_action_url: Url | None = None
    on_exit_action_method: Method = "POST"
    record: bool = False
    record_participant_track: bool = False
    record_file_format: Literal["mp3", "wav"] = "mp3"
    stay_alone: bool = False
    coach_mode: bool = True
    mute: bool = False
    hold: bool = False
    start_mpc_on_enter: bool = True
    end_mpc_on_exit: bool = False
    relay_dtmf_inputs: bool = False
    enter_sound: Sound = "beep:1"
    enter_sound_method: Method = "GET"
    exit_sound: Sound = "beep:2"
    exit_sound_method: Method = "GET"
    start_recording_audio: Url | None = None
    start_recording_audio_method: Method = "GET"
    stop_recording_audio: Url | None = None
    stop_recording_audio_method: Method = "GET"
    create_mpc_with_single_participant: bool = True
    send_digits: str | None = Field(default=None, pattern=r"^[0-9*#A-DwW]+$")
    send_on_preanswer: bool = False
    transcript: bool = False
    transcription_url: Url | None = None
    ai_agent_stream_service_url: StreamUrl | None = None
    ai_agent_stream_content_type: str = "audio/x-l16;rate=8000"
    ai_agent_stream_status_callback_url: Url | None = None
    ai_agent_stream_status_callback_method: Method = "POST"
    ai_agent_stream_extra_headers: str = Field(default="", max_length=512)

    @field_validator("role", "dial_music", "record_file_format", mode="before")
    @classmethod
    def _lower(cls, value: Any) -> Any:
        return value.lower() if isinstance(value, str) else value

    @field_validator("ring_timeout", "delay_dial", mode="before")
    @classmethod
    def _text(cls, value: Any) -> Any:
        # One number for all destinations, or one for each, as "10<20".
        return str(value) if isinstance(value, int) else value

    @field_validator("status_callback_events")
    @classmethod
    def _known_events(cls, value: str) -> str:
        events = [event.strip().lower() for event in value.split(",") if event.strip()]
        unknown = [event for event in events if event not in EVENT_GROUPS]
        if unknown:
            raise ValueError(
                f"{', '.join(unknown)}: allowed are {', '.join(EVENT_GROUPS)}"
            )
        return ",".join(events)

    @model_validator(mode="after")
    def _who(self) -> Self:
        """Check that it says whom to add, in exactly one way."""
        if self.role is Role.AI_AGENT:
            if self.ai_agent_stream_service_url is None:
                raise ValueError(
                    "ai_agent_stream_service_url: required for the role ai-agent"
                )
            if self.call_uuid is not None:
                raise ValueError("call_uuid: a live call cannot become an ai-agent")
            return self
        if self.call_uuid is not None:
            if self.from_ is not None or self.to is not None:
                raise ValueError("specify either call_uuid or (from, to), not both")
            return self
        if self.from_ is None or self.to is None:
            raise ValueError("specify (from, to), or the call_uuid of a live call")
        self._check_destinations()
        return self

    def _check_destinations(self) -> None:
        count = len(self.destinations)
        if not count:
            raise ValueError("to: no destination")
        if count > 1 and self.role is not Role.AGENT:
            raise ValueError(f"to: {count} destinations, allowed for agents only")
        if count > MOST_DESTINATIONS:
            raise ValueError(f"to: {count} destinations, allowed are 20")
        for name in ("ring_timeout", "delay_dial"):
            given = len(getattr(self, name).split("<"))
            if given not in (1, count):
                raise ValueError(
                    f"{name}: {given} values for {count} destinations, "
                    "allowed are one, or one for each"
                )

    @property
    def destinations(self) -> list[str]:
        """Whom to dial; several only for agents."""
        return [each.strip() for each in (self.to or "").split("<") if each.strip()]

    def seconds(self, name: str, place: int) -> float:
        """`ring_timeout` or `delay_dial` of the destination at a place."""
        values = getattr(self, name).split("<")
        return float(values[place if len(values) > 1 else 0])


class Activate(Request):
    """Start a call that waits for it."""

    status: Literal["active"]

    @field_validator("*", mode="before")
    @classmethod
    def _unwrapped(cls, value: Any) -> Any:
        # Plivo's Python SDK wraps each value in a list, None too.
        return value[0] if isinstance(value, list) and len(value) == 1 else value

    @field_validator("status", mode="before")
    @classmethod
    def _any_case(cls, value: Any) -> Any:
        return value.lower() if isinstance(value, str) else value


class UpdateParticipant(Request):
    """Mute, hold or coach; what is None stays as it is."""

    mute: bool | None = None
    hold: bool | None = None
    coach_mode: bool | None = None
    disable_state_change_sound: bool = False

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.mute is None and self.hold is None and self.coach_mode is None:
            raise ValueError("update at least one of coach_mode, mute or hold")
        return self


class StartRecording(Request):
    """Record a whole call."""

    file_format: Literal["mp3", "wav"] = "mp3"
    recording_callback_url: Url | None = None
    recording_callback_method: Method = "POST"
    transcript: bool = False
    transcription_url: Url | None = None

    @field_validator("file_format", mode="before")
    @classmethod
    def _lower(cls, value: Any) -> Any:
        return value.lower() if isinstance(value, str) else value


class TrackRequest(Request):
    """Which of a participant's recordings is meant."""

    record_track_type: TrackType = TrackType.ALL


class StartParticipantRecording(StartRecording, TrackRequest):
    """Record one participant."""


class PauseRecording(TrackRequest):
    """Pause a recording."""

    trim_silence: bool = True
    """Whether the pause is cut out; else it is silence."""


class Play(Request):
    """Play audio files, one after another, to members."""

    urls: list[Url] = Field(min_length=1, max_length=20)

    @model_validator(mode="before")
    @classmethod
    def _either_name(cls, body: Any) -> Any:
        # Plivo's pages say `urls`, its SDKs `url`; both with one URL.
        if not isinstance(body, Mapping):
            return body
        given = body.get("urls") or body.get("url")
        if isinstance(given, str):
            given = [each.strip() for each in given.split(",")]
        return {**body, "urls": given or []}


class Speak(Request):
    """Say a text to members."""

    text: str = Field(min_length=1, max_length=3000)
    voice: str = "WOMAN"
    language: str = "en-US"
    type: Literal["text", "ssml"] = "text"
    mix: bool = True
    """Whether they go on to hear the call meanwhile."""

    @property
    def words(self) -> str:
        """The text without SSML's marks, which no voice here knows."""
        if self.type == "text":
            return self.text
        return " ".join(re.sub(r"<[^>]*>", " ", self.text).split())


UtcTime = Annotated[
    str,
    StringConstraints(pattern=r"^\d{4}-\d\d-\d\d( \d\d:\d\d(:\d\d(\.\d{1,6})?)?)?$"),
]


class ListMpcs(BaseModel):
    """Which calls are listed, and which page of them; times are UTC."""

    model_config = ConfigDict(extra="ignore")

    friendly_name: str | None = None
    status: MpcStatus | None = None
    termination_cause_code: int | None = Field(default=None, ge=0, le=99999)
    sub_account: str | None = None
    end_time: UtcTime | None = None
    end_time__gt: UtcTime | None = None
    end_time__gte: UtcTime | None = None
    end_time__lt: UtcTime | None = None
    end_time__lte: UtcTime | None = None
    creation_time: UtcTime | None = None
    creation_time__gt: UtcTime | None = None
    creation_time__gte: UtcTime | None = None
    creation_time__lt: UtcTime | None = None
    creation_time__lte: UtcTime | None = None
    limit: int = Field(default=20, ge=1, le=20)
    offset: int = Field(default=0, ge=0, le=10**9)

    @field_validator("status", mode="before")
    @classmethod
    def _any_case(cls, value: Any) -> Any:
        return value.capitalize() if isinstance(value, str) else value

    @field_validator("*", mode="after")
    @classmethod
    def _is_a_time(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, str) and "_time" in (info.field_name or ""):
            datetime.datetime.fromisoformat(value)
        return value
