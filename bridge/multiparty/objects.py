"""What the API answers, read leniently: Plivo's own pages disagree in places."""

from collections.abc import Mapping
from typing import Any

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from bridge.multiparty.vocabulary import MpcStatus

__all__ = [
    "Added",
    "AddedCall",
    "Mpc",
    "MpcPage",
    "Participant",
    "ParticipantPage",
    "Played",
    "RecordingStarted",
    "Updated",
]


class Answer(BaseModel):
    """An answer; fields nobody documented are kept."""

    model_config = ConfigDict(extra="allow")


class Mpc(Answer):
    """A Multiparty Call."""

    mpc_uuid: str
    friendly_name: str
    status: MpcStatus
    creation_time: str | None = None
    start_time: str | None = None
    end_time: str | None = None
    duration: int | None = None
    billed_duration: int | None = None
    billed_amount: str | float | None = None
    recording: str | None = None
    stay_alone: bool | None = None
    max_participants: int | None = None
    max_duration: int | None = None
    participants: str | None = None
    sub_account: str | None = None
    resource_uri: str | None = None
    termination_cause: str | None = None
    termination_cause_code: int | None = None

    @field_validator("status", mode="before")
    @classmethod
    def _any_case(cls, value: Any) -> Any:
        return value.capitalize() if isinstance(value, str) else value


class Participant(Answer):
    """A member of a Multiparty Call."""

    member_id: str
    mpc_uuid: str
    call_uuid: str | None = None
    role: str
    member_address: str | None = None
    coach_mode: bool | None = None
    mute: bool | None = None
    hold: bool | None = None
    join_time: str | None = None
    exit_time: str | None = None
    duration: int | None = None
    billed_duration: int | None = None
    billed_amount: str | float | None = None
    resource_uri: str | None = None
    start_mpc_on_enter: bool | None = None
    end_mpc_on_exit: bool | None = None
    exit_cause: str | None = Field(
        default=None,
        validation_alias=AliasChoices("exit_cause", "participant_exit_cause"),
    )

    @field_validator("role", mode="before")
    @classmethod
    def _lower(cls, value: Any) -> Any:
        return value.lower() if isinstance(value, str) else value

    @field_validator("member_id", mode="before")
    @classmethod
    def _text(cls, value: Any) -> Any:
        return str(value) if isinstance(value, int) else value


class Meta(Answer):
    """What a list says of itself."""

    count: int | None = None
    limit: int | None = None
    offset: int | None = None
    next: str | None = None
    previous: str | None = None


class Page(Answer):
    """Some of a list."""

    meta: Meta = Field(default_factory=Meta)


class MpcPage(Page):
    """Some Multiparty Calls of a list."""

    objects: list[Mpc]


class ParticipantPage(Page):
    """The members of one call."""

    objects: list[Participant]


class AddedCall(Answer):
    """One call that adding a participant makes."""

    call_uuid: str
    to: str | None = None
    from_: str | None = Field(default=None, alias="from")


class Added(Answer):
    """The answer to adding a participant: the calls that are being made."""

    message: str = ""
    request_uuid: str | None = None
    calls: list[AddedCall] = Field(default_factory=list)

    @model_validator(mode="before")
    @classmethod
    def _either_form(cls, body: Any) -> Any:
        # Some pages show one flat call instead of a list of them.
        if isinstance(body, Mapping) and "call_uuid" in body and "calls" not in body:
            return {**body, "calls": [{"call_uuid": body["call_uuid"]}]}
        return body

    @property
    def call_uuid(self) -> str:
        """The call that is being made, or the first of several."""
        if self.calls:
            return self.calls[0].call_uuid
        return self.request_uuid or ""


class Updated(Answer):
    """The answer to an update: a sentence for each thing that was asked."""

    mute: str | None = None
    hold: str | None = None
    coach_mode: str | None = None


class RecordingStarted(Answer):
    """The answer to the start of a recording."""

    message: str = ""
    recording_id: str | None = None
    recording_url: str | None = None


class Played(Answer):
    """The answer to playing or speaking."""

    message: str = ""
    member_ids: list[str] = Field(
        default_factory=list,
        validation_alias=AliasChoices("mpcMemberId", "mpc_member_id"),
    )
    mpc_name: str | None = Field(
        default=None, validation_alias=AliasChoices("mpcName", "mpc_name")
    )
