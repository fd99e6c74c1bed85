"""What can be done with whole Multiparty Calls."""

import datetime
from http import HTTPStatus
from typing import Any

from bridge.engine.conference import Conference
from bridge.engine.exchange import Exchange
from bridge.engine.history import Row
from bridge.engine.rest import answers
from bridge.engine.rest.asking import Answer, ApiError, Ask
from bridge.multiparty.requests import (
    Activate,
    ListMpcs,
    PauseRecording,
    Request,
    StartRecording,
)
from bridge.multiparty.vocabulary import MpcStatus

__all__ = ["Mpcs"]


class Mpcs:
    """Operations on calls.

    Args:
        exchange: Whose.
        account: Its name.
    """

    def __init__(self, exchange: Exchange, account: str) -> None:
        self.account = account
        self._exchange = exchange
        self._history = exchange.parts.history
        self._recordings = exchange.parts.recordings

    # ------------------------------------------------------------------ finding

    async def row(self, ask: Ask) -> Row:
        """A call by name, while it lives, or by uuid.

        Raises:
            ApiError: If there is none.
        """
        kind, value = ask.identifier()
        if kind == "uuid":
            row = await self._history.mpc(self.account, value)
        else:
            row = await self._history.mpc_named(self.account, value)
        if row is None:
            hint = "" if kind == "uuid" else "; an ended one is found by its uuid"
            raise ApiError(HTTPStatus.NOT_FOUND, f"no MPC with {kind} {value!r}{hint}")
        return row

    async def living(self, ask: Ask) -> Conference:
        """A call that has not ended.

        Raises:
            ApiError: If there is none.
        """
        kind, value = ask.identifier()
        conference = self._exchange.find(
            **{"mpc_uuid" if kind == "uuid" else kind: value}
        )
        if conference is None:
            row = await self.row(ask)
            raise ApiError(HTTPStatus.NOT_FOUND, f"{row['friendly_name']} has ended")
        return conference

    # --------------------------------------------------------------- operations

    async def list_all(self, ask: Ask) -> Answer:
        """List calls."""
        wanted = ListMpcs.model_validate(dict(ask.query))
        now_s = datetime.datetime.now(datetime.UTC).timestamp()
        count, rows = await self._history.mpcs(self.account, wanted, now_s)
        objects = [
            answers.mpc(row, self.account, f"uuid_{row['mpc_uuid']}") for row in rows
        ]
        return Answer(
            HTTPStatus.OK,
            {"meta": answers.meta(ask, wanted, count), "objects": objects},
        )

    async def get(self, ask: Ask) -> Answer:
        """Show a call."""
        row = await self.row(ask)
        return Answer(HTTPStatus.OK, answers.mpc(row, self.account, ask.mpc))

    async def activate(self, ask: Ask) -> Answer:
        """Start a call that waits."""
        Activate.model_validate(ask.body)
        conference = await self.living(ask)
        if conference.room.status is not MpcStatus.INITIALIZED:
            raise ApiError(
                HTTPStatus.NOT_FOUND,
                f"{conference.room.name} is not in the initialized state",
            )
        self._exchange.activate(conference)
        return Answer(HTTPStatus.NO_CONTENT)

    async def end(self, ask: Ask) -> Answer:
        """End a call."""
        self._exchange.end(await self.living(ask))
        return Answer(HTTPStatus.NO_CONTENT)

    async def start_recording(self, ask: Ask) -> Answer:
        """Record a call."""
        wanted = StartRecording.model_validate(ask.body)
        self.check_transcript(transcript=wanted.transcript)
        conference = await self.living(ask)
        recording = self._recordings.start(conference, wanted)
        if wanted.transcript:
            transcriber = self._exchange.parts.transcriber
            transcriber.begin(conference, wanted.transcription_url)
        self._exchange.changed(conference)
        name = conference.room.name
        body: dict[str, Any] = {
            "message": f"MPC: {name} record started",
            "recording_id": recording.recording_id,
            "recording_url": self._exchange.parts.reporter.recording_url(recording),
        }
        return Answer(HTTPStatus.ACCEPTED, body)

    async def stop_recording(self, ask: Ask) -> Answer:
        """End the recording of a call."""
        Request.model_validate(ask.body)
        conference = await self.living(ask)
        self._recordings.stop(conference)
        self._exchange.changed(conference)
        return Answer(HTTPStatus.NO_CONTENT)

    async def pause_recording(self, ask: Ask) -> Answer:
        """Pause the recording of a call."""
        wanted = PauseRecording.model_validate(ask.body)
        conference = await self.living(ask)
        self._recordings.pause(conference, trim=wanted.trim_silence)
        self._exchange.changed(conference)
        return Answer(HTTPStatus.NO_CONTENT)

    async def resume_recording(self, ask: Ask) -> Answer:
        """Go on recording a call."""
        Request.model_validate(ask.body)
        conference = await self.living(ask)
        self._recordings.resume(conference)
        self._exchange.changed(conference)
        return Answer(HTTPStatus.NO_CONTENT)

    def check_transcript(self, *, transcript: bool) -> None:
        """Refuse to transcribe where nobody can.

        Raises:
            ApiError: If it is wanted and no recognizer is installed.
        """
        if transcript and not self._exchange.parts.transcriber.is_installed:
            raise ApiError(
                HTTPStatus.BAD_REQUEST,
                "transcript: no recognizer is installed here, allowed is false",
            )
