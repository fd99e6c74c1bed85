"""What the API is asked, with Plivo's defaults and limits."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from bridge.multiparty.vocabulary import Role

__all__ = ["Activate", "AddParticipant"]

Method = Annotated[Literal["GET", "POST"], Field(description="HTTP method")]
Url = Annotated[str, StringConstraints(pattern=r"^https?://\S+$", max_length=2048)]
StreamUrl = Annotated[str, StringConstraints(pattern=r"^wss?://\S+$", max_length=2048)]
Sound = Annotated[str, StringConstraints(pattern=r"^(beep:[12]|none|https?://\S+)$")]
DialMusic = Annotated[str, StringConstraints(pattern=r"^(?i:real|none|https?://\S+)$")]
Durations = Annotated[str, StringConstraints(pattern=r"^\d{1,4}(<\d{1,4})*$")]

MOST_DESTINATIONS = 20

EVENT_GROUPS = (
    "mpc-state-changes",
    "participant-state-changes",
    "participant-speak-events",
    "participant-digit-input-events",
    "add-participant-api-events",
    "participant-audio-events",
)


class Request(BaseModel):
    """A JSON body; unknown keys are passed over, as Plivo's SDKs send some."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)

    @model_validator(mode="before")
    @classmethod
    def _tidy(cls, body: Any) -> Any:
        """Take camelCase for snake_case, and an empty string for nothing."""
        if not isinstance(body, Mapping):
            return body
        return {
            re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", str(key)).lower(): value
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

    @field_validator("status", mode="before")
    @classmethod
    def _plain(cls, value: Any) -> Any:
        # Plivo's Python SDK wraps it in a list.
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        return value.lower() if isinstance(value, str) else value
