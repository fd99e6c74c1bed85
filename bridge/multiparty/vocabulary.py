"""Roles, states, causes and codes, as Plivo spells them."""

import enum

__all__ = ["ExitCause", "MpcStatus", "Role", "Termination"]


class Role(enum.StrEnum):
    """What a participant is; set once, never changed."""

    AGENT = "agent"
    CUSTOMER = "customer"
    SUPERVISOR = "supervisor"
    AI_AGENT = "ai-agent"


class MpcStatus(enum.StrEnum):
    """Where a Multiparty Call stands."""

    INITIALIZED = "Initialized"
    ACTIVE = "Active"
    ENDED = "Ended"


class Termination(enum.Enum):
    """Why a Multiparty Call ended."""

    NO_ACTIVE_PARTICIPANTS = (1000, "No Active Participants")
    STAY_ALONE_NOT_PERMITTED = (1010, "Stay Alone Not Permitted")
    MAX_DURATION_REACHED = (2000, "Max Duration Reached")
    HANGUP_API_TRIGGERED = (3000, "Hangup API Triggered")

    @property
    def code(self) -> int:
        """The number in `termination_cause_code`."""
        return self.value[0]

    @property
    def cause(self) -> str:
        """The words in `termination_cause`."""
        return self.value[1]


class ExitCause(enum.StrEnum):
    """Why a participant left."""

    HANGUP = "Participant Call Hangup"
    KICKED = "Kicked Out of Multiparty Call"
    MPC_ENDED = "Multiparty Call Ended"
    TRANSFERRED = "Participant Call Transferred"
