"""What can be done with participants."""

import functools
from http import HTTPStatus
from typing import Any

from bridge.engine.conference import Conference
from bridge.engine.exchange import Exchange
from bridge.engine.lines import Line
from bridge.engine.rest import answers
from bridge.engine.rest.asking import Answer, ApiError, Ask
from bridge.engine.rest.mpcs import Mpcs
from bridge.errors import StreamError
from bridge.multiparty.requests import (
    AddParticipant,
    PauseRecording,
    Play,
    Speak,
    StartParticipantRecording,
    TrackRequest,
    UpdateParticipant,
)
from bridge.multiparty.vocabulary import MpcStatus, TrackType

__all__ = ["Participants"]


class Participants:
    """Operations on participants.

    Args:
        exchange: Whose.
        mpcs: Finds calls.
    """

    def __init__(self, exchange: Exchange, mpcs: Mpcs) -> None:
        self._exchange = exchange
        self._mpcs = mpcs
        self._history = exchange.parts.history
        self._recordings = exchange.parts.recordings

    async def add(self, ask: Ask) -> Answer:
        """Add a participant."""
        wanted = AddParticipant.model_validate(ask.body)
        self._mpcs.check_transcript(transcript=wanted.transcript)
        kind, name = ask.identifier()
        if kind == "uuid":
            name = (await self._mpcs.living(ask)).room.name
        try:
            lines = self._exchange.add(name, wanted)
        except StreamError as error:
            text = f"ai_agent_stream_content_type: {error}"
            raise ApiError(HTTPStatus.BAD_REQUEST, text) from error
        body = {
            "message": "add participant action initiated",
            "request_uuid": lines[0].request_uuid,
            "calls": [_call(line) for line in lines],
        }
        return Answer(HTTPStatus.CREATED, body)

    async def list_all(self, ask: Ask) -> Answer:
        """List a call's participants; after its end also those who had left."""
        mpc = await self._mpcs.row(ask)
        rows = await self._history.participants(
            mpc["mpc_uuid"],
            present=mpc["status"] != MpcStatus.ENDED,
            call_uuid=ask.query.get("call_uuid"),
        )
        account = self._mpcs.account
        objects = [answers.participant(row, account, ask.mpc) for row in rows]
        meta = {"count": len(objects), "limit": 20, "offset": 0}
        return Answer(HTTPStatus.OK, {"meta": meta, "objects": objects})

    async def get(self, ask: Ask) -> Answer:
        """Show a participant, also one who has left."""
        mpc = await self._mpcs.row(ask)
        row = await self._history.participant(mpc["mpc_uuid"], ask.member)
        if row is None:
            raise ApiError(
                HTTPStatus.NOT_FOUND,
                f"no participant {ask.member!r} in {mpc['friendly_name']}",
            )
        body = answers.participant(row, self._mpcs.account, ask.mpc)
        return Answer(HTTPStatus.OK, body)

    async def update(self, ask: Ask) -> Answer:
        """Mute, hold or coach."""
        wanted = UpdateParticipant.model_validate(ask.body)
        conference = await self._mpcs.living(ask)
        if wanted.coach_mode is not None and ask.member.lower() == "all":
            raise ApiError(
                HTTPStatus.BAD_REQUEST,
                "coach_mode: cannot be updated for all, allowed are single members",
            )
        self._exchange.update(conference, self._members(conference, ask), wanted)
        name = conference.room.name
        body = {}
        if wanted.mute is not None:
            body["mute"] = f"MPC: {name} mute/unmute member(s) succeeded"
        if wanted.hold is not None:
            body["hold"] = f"MPC: {name} hold/unhold member(s) succeeded"
        if wanted.coach_mode is not None:
            body["coach_mode"] = f"MPC: {name} coach_mode enable/disable succeeded"
        return Answer(HTTPStatus.ACCEPTED, body)

    async def kick(self, ask: Ask) -> Answer:
        """Throw out."""
        conference = await self._mpcs.living(ask)
        self._exchange.kick(conference, self._members(conference, ask))
        return Answer(HTTPStatus.NO_CONTENT)

    # ---------------------------------------------------------------- recordings

    async def start_recording(self, ask: Ask) -> Answer:
        """Record a participant."""
        wanted = StartParticipantRecording.model_validate(ask.body)
        self._mpcs.check_transcript(transcript=wanted.transcript)
        conference = await self._mpcs.living(ask)
        member_id = self._member(conference, ask)
        begun = self._recordings.start_track(conference, member_id, wanted)
        url = self._exchange.parts.reporter.recording_url
        body: dict[str, Any] = {
            "message": f"MPC: {conference.room.name} participant record started"
        }
        for kind, recording in begun.items():
            is_second = kind is TrackType.PARTICIPANT and len(begun) > 1
            prefix = "participant_" if is_second else ""
            body[f"{prefix}recording_id"] = recording.recording_id
            body[f"{prefix}recording_url"] = url(recording)
        return Answer(HTTPStatus.ACCEPTED, body)

    async def stop_recording(self, ask: Ask) -> Answer:
        """End a participant's recording."""
        conference, member_id, kind = await self._track(ask, TrackRequest)
        self._recordings.stop_track(conference, member_id, kind)
        return Answer(HTTPStatus.NO_CONTENT)

    async def pause_recording(self, ask: Ask) -> Answer:
        """Pause a participant's recording."""
        conference, member_id, kind = await self._track(ask, PauseRecording)
        trim = PauseRecording.model_validate(ask.body).trim_silence
        self._recordings.pause_track(conference, member_id, kind, trim=trim)
        return Answer(HTTPStatus.NO_CONTENT)

    async def resume_recording(self, ask: Ask) -> Answer:
        """Go on with a participant's recording."""
        conference, member_id, kind = await self._track(ask, TrackRequest)
        self._recordings.resume_track(conference, member_id, kind)
        return Answer(HTTPStatus.NO_CONTENT)

    # -------------------------------------------------------------------- sounds

    async def play(self, ask: Ask) -> Answer:
        """Play files to members."""
        wanted = Play.model_validate(ask.body)
        conference = await self._mpcs.living(ask)
        members = self._members(conference, ask)
        for url in wanted.urls:
            making = functools.partial(self._exchange.parts.announcer.file, url)
            conference.play("play", _form(ask), making)
        return _queued("play", conference, members)

    async def stop_playing(self, ask: Ask) -> Answer:
        """Stop what is played to the same members."""
        return await self._stop("play", ask)

    async def speak(self, ask: Ask) -> Answer:
        """Say a text to members."""
        wanted = Speak.model_validate(ask.body)
        announcer = self._exchange.parts.announcer
        if not announcer.can_speak:
            raise ApiError(
                HTTPStatus.BAD_REQUEST,
                "no voice is installed here: pip install 'mpc-bridge[local]'",
            )
        conference = await self._mpcs.living(ask)
        members = self._members(conference, ask)
        making = functools.partial(announcer.text, wanted.words)
        conference.play("speak", _form(ask), making, mixes=wanted.mix)
        return _queued("speak", conference, members)

    async def stop_speaking(self, ask: Ask) -> Answer:
        """Stop what is said to the same members."""
        return await self._stop("speak", ask)

    # ------------------------------------------------------------------- inside

    async def _stop(self, kind: str, ask: Ask) -> Answer:
        conference = await self._mpcs.living(ask)
        if not conference.stop_playing(kind, _form(ask)):
            raise ApiError(
                HTTPStatus.NOT_FOUND,
                f"nothing to stop for {ask.member!r}: stop with the same members "
                "that it was started with",
            )
        return Answer(HTTPStatus.NO_CONTENT)

    async def _track(
        self, ask: Ask, model: type[TrackRequest]
    ) -> tuple[Conference, str, TrackType]:
        # SDKs send the type in the body, also with DELETE; the query will do as well.
        given = {**ask.query, **ask.body}
        kind = model.model_validate(given).record_track_type
        conference = await self._mpcs.living(ask)
        return conference, self._member(conference, ask), kind

    def _member(self, conference: Conference, ask: Ask) -> str:
        members = self._members(conference, ask)
        if len(members) != 1 or ask.member.lower() == "all":
            raise ApiError(
                HTTPStatus.BAD_REQUEST, f"{ask.member!r}: allowed is a single member"
            )
        return members[0]

    def _members(self, conference: Conference, ask: Ask) -> list[str]:
        """The ids of present members that were named.

        Raises:
            ApiError: If one is not there.
        """
        present = [member.member_id for member in conference.room.members]
        if ask.member.lower() == "all":
            return present
        wanted = list(dict.fromkeys(each.strip() for each in ask.member.split(",")))
        for member_id in wanted:
            if member_id not in present:
                raise ApiError(
                    HTTPStatus.NOT_FOUND,
                    f"no participant {member_id!r} in {conference.room.name}; "
                    f"present are {', '.join(present) or 'none'}",
                )
        return wanted


def _form(ask: Ask) -> str:
    return ask.member.lower().replace(" ", "")


def _queued(kind: str, conference: Conference, members: list[str]) -> Answer:
    body = {
        "message": f"{kind} queued into MPC",
        "mpcMemberId": members,
        "mpcName": conference.room.name,
    }
    return Answer(HTTPStatus.ACCEPTED, body)


def _call(line: Line) -> dict[str, str]:
    return {
        "to": line.address.removeprefix("+"),
        "from": line.sender.removeprefix("+"),
        "call_uuid": line.call_uuid,
    }
