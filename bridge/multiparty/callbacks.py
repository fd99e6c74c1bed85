"""What Plivo tells by HTTP: typed, from a form or a query, and back to one.

`parse` sorts a callback's parameters into the class it belongs to; `params` of each
gives the parameters back, as the engine sends them. Every value travels as a string;
an empty one is none. Parameters nobody documented are kept.
"""

import datetime
import enum
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from bridge.errors import PeerError
from bridge.multiparty.vocabulary import EventName

__all__ = [
    "CallStatusEvent",
    "Callback",
    "ExitAction",
    "MpcEvent",
    "RecordingEvent",
    "StreamEvent",
    "StreamState",
    "TranscriptEvent",
    "parse",
    "timestamp",
]


def timestamp(when: datetime.datetime) -> str:
    """A time as Plivo writes it: `2026-01-02 03:04:05+00:00`."""
    return when.isoformat(" ", "seconds")


def _lenient(value: Any) -> Any:
    """An unreadable time is none: an event is worth more than its time."""
    if isinstance(value, str):
        try:
            return datetime.datetime.fromisoformat(value)
        except ValueError:
            return None
    return value


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


Moment = Annotated[datetime.datetime | None, BeforeValidator(_lenient)]
LowerText = Annotated[str | None, BeforeValidator(_lower)]


class Callback(BaseModel):
    """One callback."""

    model_config = ConfigDict(extra="allow", populate_by_name=True, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _tidy(cls, params: Any) -> Any:
        if not isinstance(params, Mapping):
            return params
        return {key: value for key, value in params.items() if value not in ("", None)}

    def params(self) -> dict[str, str]:
        """As it travels: strings, and an empty one where there is nothing."""
        return {
            name: _written(value)
            for name, value in self.model_dump(by_alias=True).items()
        }

    @property
    def key(self) -> tuple[str, ...]:
        """The same for a callback and its repetitions, and for no other."""
        pairs = (f"{name}={value}" for name, value in self.params().items())
        return (type(self).__name__, *sorted(pairs))


class MpcEvent(Callback):
    """Something happened in a Multiparty Call (`status_callback_url`)."""

    name: EventName = Field(alias="EventName")
    timestamp: Moment = Field(None, alias="EventTimestamp")
    sequence: int | None = Field(None, alias="SequenceNumber")
    mpc_uuid: str = Field(alias="MPCUUID")
    mpc_name: str | None = Field(None, alias="MPCName")
    member_id: str | None = Field(None, alias="MemberID")
    member_address: str | None = Field(None, alias="MemberAddress")
    role: LowerText = Field(None, alias="ParticipantRole")
    call_uuid: str | None = Field(None, alias="ParticipantCallUUID")
    call_from: str | None = Field(None, alias="ParticipantCallFrom")
    call_to: str | None = Field(None, alias="ParticipantCallTo")
    call_direction: str | None = Field(None, alias="ParticipantCallDirection")
    coach_mode: bool | None = Field(None, alias="ParticipantCoachMode")
    join_time: Moment = Field(None, alias="ParticipantJoinTime")
    digits: str | None = Field(None, alias="DigitInput")
    add_outcome: str | None = Field(None, alias="AddParticipantAPIRequestOutcome")
    request_uuid: str | None = Field(None, alias="RequestUUID")
    sip_headers: str | None = Field(None, alias="SIPHeaders")
    termination_cause: str | None = Field(None, alias="MPCTerminationCause")
    termination_cause_code: int | None = Field(None, alias="MPCTerminationCauseCode")
    duration_s: int | None = Field(None, alias="MPCDuration")
    billed_duration_s: int | None = Field(None, alias="MPCBilledDuration")
    billed_amount: str | None = Field(None, alias="MPCBilledAmount")


class RecordingEvent(Callback):
    """A recording began, paused, went on or ended (`recording_callback_url`)."""

    name: EventName = Field(alias="EventName")
    timestamp: Moment = Field(None, alias="EventTimestamp")
    sequence: int | None = Field(None, alias="SequenceNumber")
    mpc_uuid: str | None = Field(None, alias="MPCUUID")
    mpc_name: str | None = Field(None, alias="MPCName")
    member_id: str | None = Field(None, alias="MemberID")
    recording_uuid: str = Field(alias="RecordingUUID")
    url: str | None = Field(None, alias="RecordingURL")
    resource_url: str | None = Field(None, alias="RecordingResourceURL")
    format: str | None = Field(None, alias="RecordingFormat")
    duration_s: int | None = Field(None, alias="RecordingDuration")
    start_time: Moment = Field(None, alias="RecordingStartTime")
    end_time: Moment = Field(None, alias="RecordingEndTime")


class StreamState(enum.StrEnum):
    """What became of an AI agent's stream; Plivo's pages name each in two ways."""

    STARTED = "StartStream"
    STOPPED = "StopStream"
    DROPPED = "DroppedStream"
    DEGRADED = "DegradedStream"

    @classmethod
    def _missing_(cls, value: object) -> "StreamState | None":
        others = {
            "started": cls.STARTED,
            "stopped": cls.STOPPED,
            "failed": cls.DROPPED,
        }
        return others.get(value) if isinstance(value, str) else None


class StreamEvent(Callback):
    """An AI agent's stream began or ended (`ai_agent_stream_status_callback_url`)."""

    state: StreamState = Field(alias="Event")
    call_uuid: str = Field(alias="CallUUID")
    stream_id: str = Field(alias="StreamID")
    timestamp: Moment = Field(None, alias="Timestamp")
    from_: str | None = Field(None, alias="From")
    to: str | None = Field(None, alias="To")
    direction: str | None = Field(None, alias="Direction")
    reason: str | None = Field(None, alias="StatusReason")
    duration_s: float | None = Field(None, alias="Duration")
    error: str | None = Field(None, alias="Error")

    @model_validator(mode="before")
    @classmethod
    def _either_spelling(cls, params: Any) -> Any:
        if isinstance(params, Mapping) and "StreamId" in params:
            params = {"StreamID": params["StreamId"], **params}
        return params


class CallStatusEvent(Callback):
    """A call that adding a participant made (`call_status_callback_url`)."""

    call_uuid: str = Field(alias="CallUUID")
    status: str = Field(alias="CallStatus")
    event: str | None = Field(None, alias="Event")
    from_: str | None = Field(None, alias="From")
    to: str | None = Field(None, alias="To")
    direction: str | None = Field(None, alias="Direction")
    request_uuid: str | None = Field(None, alias="RequestUUID")
    parent_auth_id: str | None = Field(None, alias="ParentAuthID")
    hangup_cause: str | None = Field(None, alias="HangupCauseName")
    hangup_cause_code: int | None = Field(None, alias="HangupCauseCode")
    hangup_source: str | None = Field(None, alias="HangupSource")
    duration_s: int | None = Field(None, alias="Duration")
    bill_duration_s: int | None = Field(None, alias="BillDuration")
    bill_rate: str | None = Field(None, alias="BillRate")
    total_cost: str | None = Field(None, alias="TotalCost")
    session_start: Moment = Field(None, alias="SessionStart")
    start_time: Moment = Field(None, alias="StartTime")
    answer_time: Moment = Field(None, alias="AnswerTime")
    end_time: Moment = Field(None, alias="EndTime")
    sip_headers: str | None = Field(None, alias="SIPHeaders")
    caller_name: str | None = Field(None, alias="CallerName")


class ExitAction(Callback):
    """A participant left; the answer is XML for its call (`on_exit_action_url`)."""

    mpc_uuid: str = Field(alias="MPCUUID")
    mpc_name: str | None = Field(None, alias="MPCFriendlyName")
    member_id: str | None = Field(None, alias="MemberID")
    call_uuid: str | None = Field(None, alias="ParticipantCallUUID")
    role: LowerText = Field(None, alias="ParticipantRole")
    join_time: Moment = Field(None, alias="ParticipantJoinTime")
    end_time: Moment = Field(None, alias="ParticipantEndTime")
    exit_cause: str | None = Field(None, alias="ParticipantExitCause")
    from_: str | None = Field(None, alias="From")
    to: str | None = Field(None, alias="To")
    direction: str | None = Field(None, alias="Direction")


class TranscriptEvent(Callback):
    """Somebody said something (`transcription_url`)."""

    transcription: str
    call_uuid: str | None = None
    mpc_uuid: str | None = None
    mpc_name: str | None = None
    member_id: str | None = None
    role: LowerText = None
    start_time: Moment = None
    end_time: Moment = None
    duration: float | None = None
    recording_id: str | None = None
    error: str | None = None


def parse(params: Mapping[str, str]) -> Callback:
    """Sort a callback's parameters into the class they belong to.

    Raises:
        PeerError: If it is none that is known, or a parameter does not fit.
    """
    try:
        return _kind(params).model_validate(params)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise PeerError(f"callback: {place}: {first['msg']}") from error


def _kind(params: Mapping[str, str]) -> type[Callback]:
    if "EventName" in params:
        return RecordingEvent if "RecordingUUID" in params else MpcEvent
    if "StreamID" in params or "StreamId" in params:
        return StreamEvent
    if "MPCFriendlyName" in params:
        return ExitAction
    if "CallStatus" in params:
        return CallStatusEvent
    if "transcription" in params:
        return TranscriptEvent
    raise PeerError(
        f"no known callback: it has {', '.join(sorted(params)) or 'nothing'}"
    )


def _written(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case enum.Enum():
            return str(value.value)
        case datetime.datetime():
            return timestamp(value)
    return str(value)
