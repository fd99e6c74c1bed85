"""Starts, pauses and ends recordings, and says so."""

import asyncio
import dataclasses
import logging
import uuid
from collections.abc import Callable
from pathlib import Path

from bridge import private_files
from bridge.engine.books import Books
from bridge.engine.clock import Clock
from bridge.engine.conference import Conference
from bridge.engine.history import History
from bridge.engine.patient_thread import PatientThread
from bridge.engine.recording import Recording, salvaged
from bridge.engine.reporter import Reporter
from bridge.engine.room import NotAllowedError
from bridge.engine.tables import Row
from bridge.engine.targets import Target
from bridge.multiparty.requests import (
    AddParticipant,
    StartParticipantRecording,
    StartRecording,
)
from bridge.multiparty.vocabulary import EventName, RecordingState, TrackType
from bridge.tasks import Change, Spawn

__all__ = ["Recordings"]

_LOG = logging.getLogger(__name__)

KINDS = {
    TrackType.PARTICIPANT: (TrackType.PARTICIPANT,),
    TrackType.ALL: (TrackType.ALL,),
    TrackType.BOTH: (TrackType.ALL, TrackType.PARTICIPANT),
}
"""Which files a type asks for."""

CHANNELS = {TrackType.PARTICIPANT: 1, TrackType.ALL: 2}

MOST_REMEMBERED = 1000

OF_MPC = {
    "Initiated": EventName.RECORDING_INITIATED,
    "Paused": EventName.RECORDING_PAUSED,
    "Resumed": EventName.RECORDING_RESUMED,
    "Completed": EventName.RECORDING_COMPLETED,
    "Failed": EventName.RECORDING_FAILED,
}
OF_PARTICIPANT = {
    "Initiated": EventName.PARTICIPANT_RECORDING_INITIATED,
    "Paused": EventName.PARTICIPANT_RECORDING_PAUSED,
    "Resumed": EventName.PARTICIPANT_RECORDING_RESUMED,
    "Completed": EventName.PARTICIPANT_RECORDING_COMPLETED,
    "Failed": EventName.PARTICIPANT_RECORDING_FAILED,
}


@dataclasses.dataclass(frozen=True, slots=True)
class _Origin:
    """Where a recording belongs, and whom to tell of it."""

    conference: Conference
    member_id: str | None
    target: Target | None


class Recordings:
    """All recordings of an engine.

    Args:
        folder: Where they go.
        history: Remembers them.
        books: Writes their rows.
        reporter: Tells of them.
        clock: What time it is.
        spawn: Finishes them beside the calls.
    """

    def __init__(  # noqa: PLR0913 - each is another part of the house
        self,
        folder: Path,
        history: History,
        books: Books,
        reporter: Reporter,
        clock: Clock,
        spawn: Spawn,
    ) -> None:
        self.finished: dict[str, Path] = {}
        """The last files of this run, by recording id; all are in the history."""
        self._folder = folder
        self._history = history
        self._books = books
        self._reporter = reporter
        self._clock = clock
        self._spawn = spawn
        self._writer = PatientThread("recordings")
        self._finisher = PatientThread("finished recordings")
        """Beside the writer: an MP3 of an hour takes a while."""
        self._origins: dict[str, _Origin] = {}
        self._finishing: dict[str, Recording] = {}
        self._change = Change()
        private_files.warn_if_open(folder, "the folder of recordings")

    def path(self, row: Row) -> Path:
        """Where the file of a finished recording is.

        What a full disk kept from becoming an MP3 is still the WAV.
        """
        live = self._folder / f"{row['recording_id']}.wav"
        wanted = live.with_suffix(f".{row['file_format']}")
        return live if live.is_file() and not wanted.is_file() else wanted

    # -------------------------------------------------------------- whole calls

    def start(
        self, conference: Conference, request: AddParticipant | StartRecording
    ) -> Recording:
        """Record a call.

        Raises:
            NotAllowedError: If it is being recorded already.
        """
        if conference.recording is not None:
            raise NotAllowedError(f"{conference.room.name} is being recorded already")
        conference.wanted_recording = None
        file_format = (
            request.record_file_format
            if isinstance(request, AddParticipant)
            else request.file_format
        )
        recording = self._begin(conference, None, file_format, 1, _target(request))
        conference.recording = recording
        announcement = conference.request.start_recording_audio
        if announcement is not None:
            method = conference.request.start_recording_audio_method
            conference.announced(Target(announcement, method))
        return recording

    def start_wanted(self, conference: Conference) -> None:
        """Begin a recording that waits for members, once there are enough."""
        wanted = conference.wanted_recording
        least = conference.request.record_min_member_count
        is_started = conference.room.started_s is not None
        if wanted is None or not is_started or len(conference.lines) < least:
            return
        if conference.recording is None:
            self.start(conference, wanted)

    def stop(self, conference: Conference) -> None:
        """End the recording of a call.

        Raises:
            NotAllowedError: If there is none.
        """
        recording = _running(conference)
        conference.recording = None
        announcement = conference.request.stop_recording_audio
        if announcement is not None and not conference.room.is_over:
            method = conference.request.stop_recording_audio_method
            conference.announced(Target(announcement, method))
        self._end(recording)

    def pause(self, conference: Conference, *, trim: bool) -> None:
        """Pause the recording of a call.

        Raises:
            NotAllowedError: If there is none, or it is paused.
        """
        self._pause(_running(conference), conference.room.name, trim=trim)

    def resume(self, conference: Conference) -> None:
        """Go on recording a call.

        Raises:
            NotAllowedError: If it is not paused.
        """
        self._resume(_running(conference), conference.room.name)

    # -------------------------------------------------------------- participants

    def start_track(
        self,
        conference: Conference,
        member_id: str,
        request: StartParticipantRecording,
    ) -> dict[TrackType, Recording]:
        """Record a participant; `both` makes two files.

        Raises:
            NotAllowedError: If that is being done already.
        """
        kinds = KINDS[request.record_track_type]
        for kind in kinds:
            if (member_id, kind) in conference.tracks:
                raise NotAllowedError(
                    f"participant {member_id} is being recorded already ({kind})"
                )
        begun = {}
        for kind in kinds:
            recording = self._begin(
                conference,
                member_id,
                request.file_format,
                CHANNELS[kind],
                _target(request),
            )
            conference.tracks[member_id, kind] = begun[kind] = recording
        return begun

    def stop_track(
        self, conference: Conference, member_id: str, kind: TrackType
    ) -> None:
        """End the recording of a participant.

        Raises:
            NotAllowedError: If there is none.
        """
        for each in self._tracks(conference, member_id, kind):
            self._end(conference.tracks.pop((member_id, each)))

    def pause_track(
        self, conference: Conference, member_id: str, kind: TrackType, *, trim: bool
    ) -> None:
        """Pause the recording of a participant.

        Raises:
            NotAllowedError: If there is none, or it is paused.
        """
        for each in self._tracks(conference, member_id, kind):
            recording = conference.tracks[member_id, each]
            self._pause(recording, f"participant {member_id}", trim=trim)

    def resume_track(
        self, conference: Conference, member_id: str, kind: TrackType
    ) -> None:
        """Go on recording a participant.

        Raises:
            NotAllowedError: If it is not paused.
        """
        for each in self._tracks(conference, member_id, kind):
            self._resume(conference.tracks[member_id, each], f"participant {member_id}")

    def member_left(self, conference: Conference, member_id: str) -> None:
        """A participant's recordings end with them."""
        for key in [key for key in conference.tracks if key[0] == member_id]:
            self._end(conference.tracks.pop(key))

    def over(self, conference: Conference) -> None:
        """A call's recordings end with it."""
        conference.wanted_recording = None
        if conference.recording is not None:
            self.stop(conference)
        for key in list(conference.tracks):
            self._end(conference.tracks.pop(key))

    # --------------------------------------------------------------- life of one

    async def all_finished(self) -> None:
        """Wait until every recording that was ended is a file."""
        while self._finishing:
            await self._change.wait()

    def close(self) -> None:
        """Let go of the disk, and tell what it has not taken."""
        for name, recording in self._finishing.items():
            lost = f"not written, and lost: {recording.unwritten_s:.0f} s"
            what = lost if recording.unwritten_s else "no MP3 yet, its WAV is kept"
            _LOG.error("recording %s: %s", name, what)
        self._writer.shutdown()
        self._finisher.shutdown()

    async def salvage(self, rows: list[Row]) -> None:
        """Make of what a killed engine left the files that were asked for."""
        for row in rows:
            live = self._folder / f"{row['recording_id']}.wav"
            left = await asyncio.to_thread(salvaged, live, row["file_format"])
            self._history.save_recording({**row, **left})

    def _begin(
        self,
        conference: Conference,
        member_id: str | None,
        file_format: str,
        channels: int,
        target: Target | None,
    ) -> Recording:
        recording = Recording(
            str(uuid.uuid4()),
            self._folder,
            file_format,
            channels,
            self._clock.now_s,
            self._in_order,
        )
        self._origins[recording.recording_id] = _Origin(conference, member_id, target)
        self._tell(recording, "Initiated")
        loop = asyncio.get_running_loop()

        def tell() -> None:
            loop.call_soon_threadsafe(self._failed, recording)

        recording.on_failed = tell
        # It may have failed before there was anybody to tell.
        if recording.error:
            self._failed(recording)
        return recording

    def _in_order(self, work: Callable[[], None]) -> None:
        asyncio.get_running_loop().run_in_executor(self._writer, work)

    def _failed(self, recording: Recording) -> None:
        """It cannot go on: end it, but not in the middle of a tick."""
        name = f"failed recording {recording.recording_id}"
        self._spawn(name, self._give_up(recording))

    async def _give_up(self, recording: Recording) -> None:
        if recording.ended_s is not None:
            return
        conference = self._origins[recording.recording_id].conference
        if conference.recording is recording:
            conference.recording = None
        for key, track in list(conference.tracks.items()):
            if track is recording:
                del conference.tracks[key]
        self._end(recording)
        self._history.save_mpc(
            self._books.mpc(conference.room, conference.recording_state)
        )

    def _pause(self, recording: Recording, whose: str, *, trim: bool) -> None:
        if recording.state is not RecordingState.RECORDING:
            raise NotAllowedError(f"the recording of {whose} is paused already")
        recording.pause(trim=trim)
        self._tell(recording, "Paused")

    def _resume(self, recording: Recording, whose: str) -> None:
        if recording.state is not RecordingState.PAUSED:
            raise NotAllowedError(f"the recording of {whose} is not paused")
        recording.resume()
        self._tell(recording, "Resumed")

    def _end(self, recording: Recording) -> None:
        recording.close(self._clock.now_s)
        self._finishing[recording.recording_id] = recording
        self._spawn(f"recording {recording.recording_id}", self._finish(recording))

    async def _finish(self, recording: Recording) -> None:
        try:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._writer, _nothing)
            if recording.file_format == "mp3":
                # A WAV need not wait until the MP3s of other calls are made.
                await loop.run_in_executor(self._finisher, recording.finish)
            if not recording.error:
                self.finished[recording.recording_id] = recording.path
                if len(self.finished) > MOST_REMEMBERED:
                    del self.finished[next(iter(self.finished))]
            self._tell(recording, "Failed" if recording.error else "Completed")
        finally:
            del self._origins[recording.recording_id]
            del self._finishing[recording.recording_id]
            self._change.announce()

    def _tell(self, recording: Recording, what: str) -> None:
        origin = self._origins[recording.recording_id]
        room, member_id = origin.conference.room, origin.member_id
        names = OF_MPC if member_id is None else OF_PARTICIPANT
        self._reporter.recording(room, recording, origin.target, names[what], member_id)
        self._history.save_recording(self._books.recording(room, recording, member_id))

    def _tracks(
        self, conference: Conference, member_id: str, kind: TrackType
    ) -> list[TrackType]:
        running = [
            each for each in KINDS[kind] if (member_id, each) in conference.tracks
        ]
        if not running:
            raise NotAllowedError(
                f"participant {member_id} is not being recorded ({kind})"
            )
        return running


def _nothing() -> None:
    """Be done when everything before is."""


def _running(conference: Conference) -> Recording:
    if conference.recording is None:
        raise NotAllowedError(f"{conference.room.name} is not being recorded")
    return conference.recording


def _target(request: AddParticipant | StartRecording) -> Target | None:
    if request.recording_callback_url is None:
        return None
    return Target(request.recording_callback_url, request.recording_callback_method)
