"""What the API answers, read leniently: Plivo's own pages disagree in places."""

from typing import Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, field_validator

from bridge.multiparty.vocabulary import MpcStatus

__all__ = ["Added", "AddedCall", "Mpc", "MpcPage", "Participant", "ParticipantPage"]


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


class Page(Answer):
    """What a list says of itself."""

    meta: dict[str, Any] = Field(default_factory=dict)


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
