"""What can be asked of the API: one table, for the routes and for their description."""

import dataclasses
from http import HTTPStatus

from pydantic import BaseModel

from bridge.multiparty import objects, requests

__all__ = ["ACCOUNT", "OPERATIONS", "Operation"]

ACCOUNT = "/v1/Account/{auth_id}"

MPCS = ACCOUNT + "/MultiPartyCall"
MPC = MPCS + "/{mpc:path}"
PARTICIPANTS = MPC + "/Participant"
PARTICIPANT = PARTICIPANTS + "/{member}"
MEMBER = MPC + "/Member/{member}"


@dataclasses.dataclass(frozen=True, slots=True)
class Operation:
    """One thing that can be asked."""

    name: str
    """`mpcs.get`: the method that does it."""
    method: str
    path: str
    summary: str
    success: HTTPStatus = HTTPStatus.NO_CONTENT
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    answer: type[BaseModel] | None = None


class ListParticipants(BaseModel):
    """Which participants are listed."""

    call_uuid: str | None = None


_OK, _CREATED, _ACCEPTED = HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.ACCEPTED

# The more special a path, the earlier it stands: a name may hold slashes, as Plivo's
# Python SDK does not encode them.
OPERATIONS = (
    Operation(
        "mpcs.list_all", "GET", MPCS, "List Multiparty Calls, the newest first",
        _OK, query=requests.ListMpcs, answer=objects.MpcPage,
    ),
    Operation(
        "participants.start_recording", "POST", PARTICIPANT + "/Record",
        "Record a participant", _ACCEPTED,
        requests.StartParticipantRecording, answer=objects.RecordingStarted,
    ),
    Operation(
        "participants.stop_recording", "DELETE", PARTICIPANT + "/Record",
        "End the recording of a participant", query=requests.TrackRequest,
    ),
    Operation(
        "participants.pause_recording", "POST", PARTICIPANT + "/Record/Pause",
        "Pause the recording of a participant", body=requests.PauseRecording,
    ),
    Operation(
        "participants.resume_recording", "POST", PARTICIPANT + "/Record/Resume",
        "Go on recording a participant", body=requests.TrackRequest,
    ),
    Operation(
        "participants.play", "POST", MEMBER + "/Play",
        "Play audio files to members", _ACCEPTED,
        requests.Play, answer=objects.Played,
    ),
    Operation(
        "participants.stop_playing", "DELETE", MEMBER + "/Play",
        "Stop what is played to the same members",
    ),
    Operation(
        "participants.speak", "POST", MEMBER + "/Speak",
        "Say a text to members", _ACCEPTED,
        requests.Speak, answer=objects.Played,
    ),
    Operation(
        "participants.stop_speaking", "DELETE", MEMBER + "/Speak",
        "Stop what is said to the same members",
    ),
    Operation(
        "participants.get", "GET", PARTICIPANT,
        "Show a participant", _OK, answer=objects.Participant,
    ),
    Operation(
        "participants.update", "POST", PARTICIPANT,
        "Mute, hold or coach one member, several, or all", _ACCEPTED,
        requests.UpdateParticipant, answer=objects.Updated,
    ),
    Operation(
        "participants.kick", "DELETE", PARTICIPANT,
        "Throw out one member, several, or all",
    ),
    Operation(
        "participants.list_all", "GET", PARTICIPANTS,
        "List the participants of a call, the newest first", _OK,
        query=ListParticipants, answer=objects.ParticipantPage,
    ),
    Operation(
        "participants.add", "POST", PARTICIPANTS,
        "Add a participant to a call, which is created if there is none", _CREATED,
        requests.AddParticipant, answer=objects.Added,
    ),
    Operation(
        "mpcs.pause_recording", "POST", MPC + "/Record/Pause",
        "Pause the recording of a call", body=requests.PauseRecording,
    ),
    Operation(
        "mpcs.resume_recording", "POST", MPC + "/Record/Resume",
        "Go on recording a call", body=requests.Request,
    ),
    Operation(
        "mpcs.start_recording", "POST", MPC + "/Record",
        "Record a call", _ACCEPTED,
        requests.StartRecording, answer=objects.RecordingStarted,
    ),
    Operation(
        "mpcs.stop_recording", "DELETE", MPC + "/Record",
        "End the recording of a call",
    ),
    Operation(
        "mpcs.get", "GET", MPC, "Show a Multiparty Call", _OK, answer=objects.Mpc
    ),
    Operation(
        "mpcs.activate", "POST", MPC,
        "Start a call that waits", body=requests.Activate,
    ),
    Operation("mpcs.end", "DELETE", MPC, "End a call for everybody"),
)  # fmt: skip
