"""Roles, states, causes and codes, as Plivo spells them."""

import enum

__all__ = [
    "EVENT_GROUPS",
    "EventName",
    "ExitCause",
    "HangupCause",
    "MpcStatus",
    "RecordingState",
    "Role",
    "Termination",
    "TrackType",
    "group_of",
]


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


class RecordingState(enum.StrEnum):
    """Whether a Multiparty Call is being recorded."""

    RECORDING = "recording"
    NOT_RECORDING = "not-recording"
    PAUSED = "paused"


class TrackType(enum.StrEnum):
    """What a participant's recording holds."""

    PARTICIPANT = "participant"
    """What they said, on one channel."""
    ALL = "all"
    """What they said, and what they heard, on a channel each."""
    BOTH = "both"
    """Two recordings, one of each kind."""


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


class HangupCause(enum.Enum):
    """Why a call was hung up: code, words, and who did it."""

    CANCELED = (1000, "Canceled", "API Request")
    INVALID_DESTINATION = (2000, "Invalid Destination Address", "Error")
    NO_ANSWER = (3000, "No Answer", "Callee")
    BUSY = (3010, "Busy Line", "Callee")
    NORMAL = (4000, "Normal Hangup", "Callee")
    END_OF_XML = (4010, "End Of XML Instructions", "Answer XML")
    MPC_ENDED = (4020, "Multiparty Call Ended", "API Request")
    KICKED = (4030, "Kicked Out Of Multiparty Call", "API Request")
    NETWORK_ERROR = (5000, "Network Error", "Error")
    INTERNAL_ERROR = (5010, "Internal Error", "Error")
    RING_TIMEOUT = (6010, "Ring Timeout Reached", "Plivo")
    URL_UNREACHABLE = (7011, "Error Reaching Answer URL", "Error")
    INVALID_XML = (8011, "Invalid Answer XML", "Error")
    LOST_RACE = (9000, "Lost Race", "Plivo")
    CONFIRM_KEY_FAILED = (9110, "Confirm Key Challenge Failed", "Plivo")

    @property
    def code(self) -> int:
        """The number in `HangupCauseCode`."""
        return self.value[0]

    @property
    def words(self) -> str:
        """The words in `HangupCauseName`."""
        return self.value[1]

    @property
    def source(self) -> str:
        """Who hung up, in `HangupSource`."""
        return self.value[2]


class EventName(enum.StrEnum):
    """What a callback tells, in its `EventName`."""

    MPC_INITIALIZED = "MPCInitialized"
    MPC_START = "MPCStart"
    MPC_END = "MPCEnd"
    JOIN = "ParticipantJoin"
    EXIT = "ParticipantExit"
    MUTE = "ParticipantMute"
    UNMUTE = "ParticipantUnmute"
    HOLD = "ParticipantHold"
    UNHOLD = "ParticipantUnhold"
    COACH_MODE_START = "ParticipantCoachModeStart"
    COACH_MODE_STOP = "ParticipantCoachModeStop"
    SPEAK_START = "ParticipantSpeakStart"
    SPEAK_STOP = "ParticipantSpeakStop"
    DIGIT_INPUT = "ParticipantDigitInput"
    ADD_INITIATED = "AddParticipantByAPIActionInitiated"
    ADD_COMPLETED = "AddParticipantByAPIActionCompleted"
    RECORDING_INITIATED = "MPCRecordingInitiated"
    RECORDING_PAUSED = "MPCRecordingPaused"
    RECORDING_RESUMED = "MPCRecordingResumed"
    RECORDING_COMPLETED = "MPCRecordingCompleted"
    RECORDING_FAILED = "MPCRecordingFailed"
    PARTICIPANT_RECORDING_INITIATED = "ParticipantRecordingInitiated"
    PARTICIPANT_RECORDING_PAUSED = "ParticipantRecordingPaused"
    PARTICIPANT_RECORDING_RESUMED = "ParticipantRecordingResumed"
    PARTICIPANT_RECORDING_COMPLETED = "ParticipantRecordingCompleted"
    PARTICIPANT_RECORDING_FAILED = "ParticipantRecordingFailed"


MPC_STATES = "mpc-state-changes"
PARTICIPANT_STATES = "participant-state-changes"
SPEAK_EVENTS = "participant-speak-events"
DIGIT_EVENTS = "participant-digit-input-events"
ADD_EVENTS = "add-participant-api-events"
AUDIO_EVENTS = "participant-audio-events"

EVENT_GROUPS = (
    MPC_STATES,
    PARTICIPANT_STATES,
    SPEAK_EVENTS,
    DIGIT_EVENTS,
    ADD_EVENTS,
    AUDIO_EVENTS,
)
"""What `status_callback_events` may name. Nobody documents which events the last one
has, and so it has none here."""

_GROUPS = {
    EventName.MPC_INITIALIZED: MPC_STATES,
    EventName.MPC_START: MPC_STATES,
    EventName.MPC_END: MPC_STATES,
    EventName.JOIN: PARTICIPANT_STATES,
    EventName.EXIT: PARTICIPANT_STATES,
    EventName.MUTE: PARTICIPANT_STATES,
    EventName.UNMUTE: PARTICIPANT_STATES,
    EventName.HOLD: PARTICIPANT_STATES,
    EventName.UNHOLD: PARTICIPANT_STATES,
    EventName.COACH_MODE_START: PARTICIPANT_STATES,
    EventName.COACH_MODE_STOP: PARTICIPANT_STATES,
    EventName.SPEAK_START: SPEAK_EVENTS,
    EventName.SPEAK_STOP: SPEAK_EVENTS,
    EventName.DIGIT_INPUT: DIGIT_EVENTS,
    EventName.ADD_INITIATED: ADD_EVENTS,
    EventName.ADD_COMPLETED: ADD_EVENTS,
}


def group_of(name: EventName) -> str:
    """The group of `status_callback_events` that an event belongs to.

    Raises:
        KeyError: If it is told to another URL, as recordings' are.
    """
    return _GROUPS[name]
