"""Operations on what is heard: recordings, files played, texts said."""

from collections.abc import Sequence
from typing import Any

from bridge.control.operations import (
    Operations,
    body_of,
    checked,
    member_path,
    member_sounds,
    path_of,
)
from bridge.multiparty.objects import Played, RecordingStarted
from bridge.multiparty.requests import (
    PauseRecording,
    Play,
    Speak,
    StartParticipantRecording,
    StartRecording,
    TrackRequest,
)
from bridge.multiparty.vocabulary import TrackType

__all__ = ["MediaOperations"]


class MediaOperations(Operations):
    """Records, plays, speaks."""

    async def start_recording(
        self, name: str = "", *, uuid: str = "", **parameters: Any
    ) -> RecordingStarted:
        """Record a call, as one track.

        Args:
            name: The call's.
            uuid: The call's, instead of its name.
            parameters: As in `StartRecording`: `file_format`, ...
        """
        body = body_of(checked(StartRecording, parameters))
        body.setdefault("recording_callback_method", "POST")
        path = f"{path_of(name, uuid)}Record/"
        return await self._ask(RecordingStarted, "start recording", "POST", path, body)

    async def stop_recording(self, name: str = "", *, uuid: str = "") -> None:
        """End the recording of a call."""
        await self._do("stop recording", "DELETE", f"{path_of(name, uuid)}Record/")

    async def pause_recording(
        self, name: str = "", *, uuid: str = "", trim_silence: bool = True
    ) -> None:
        """Pause the recording of a call.

        Args:
            name: The call's.
            uuid: The call's, instead of its name.
            trim_silence: Whether the pause is cut out; else it is silence.
        """
        path = f"{path_of(name, uuid)}Record/Pause/"
        await self._do("pause recording", "POST", path, {"trim_silence": trim_silence})

    async def resume_recording(self, name: str = "", *, uuid: str = "") -> None:
        """Go on recording a call."""
        await self._do(
            "resume recording", "POST", f"{path_of(name, uuid)}Record/Resume/", {}
        )

    async def start_participant_recording(
        self,
        name: str = "",
        member_id: str = "",
        *,
        uuid: str = "",
        track: TrackType | str = TrackType.ALL,
        **parameters: Any,
    ) -> RecordingStarted:
        """Record a participant.

        Args:
            name: The call's.
            member_id: Whom.
            uuid: The call's, instead of its name.
            track: `participant` (what they say), `all` (also what they hear), `both`.
            parameters: As in `StartParticipantRecording`: `file_format`, ...
        """
        given = {"record_track_type": track, **parameters}
        request = checked(StartParticipantRecording, given)
        body = body_of(request)
        body["record_track_type"] = request.record_track_type.value
        body.setdefault("recording_callback_method", "POST")
        path = f"{member_path(name, uuid, member_id)}Record/"
        operation = "start participant recording"
        return await self._ask(RecordingStarted, operation, "POST", path, body)

    async def stop_participant_recording(
        self,
        name: str = "",
        member_id: str = "",
        *,
        uuid: str = "",
        track: TrackType | str = TrackType.ALL,
    ) -> None:
        """End a recording of a participant."""
        body = body_of(checked(TrackRequest, {"record_track_type": track}))
        path = f"{member_path(name, uuid, member_id)}Record/"
        await self._do("stop participant recording", "DELETE", path, body)

    async def pause_participant_recording(
        self,
        name: str = "",
        member_id: str = "",
        *,
        uuid: str = "",
        track: TrackType | str = TrackType.ALL,
        trim_silence: bool = True,
    ) -> None:
        """Pause a recording of a participant."""
        given = {"record_track_type": track, "trim_silence": trim_silence}
        body = body_of(checked(PauseRecording, given))
        path = f"{member_path(name, uuid, member_id)}Record/Pause/"
        await self._do("pause participant recording", "POST", path, body)

    async def resume_participant_recording(
        self,
        name: str = "",
        member_id: str = "",
        *,
        uuid: str = "",
        track: TrackType | str = TrackType.ALL,
    ) -> None:
        """Go on with a recording of a participant."""
        body = body_of(checked(TrackRequest, {"record_track_type": track}))
        path = f"{member_path(name, uuid, member_id)}Record/Resume/"
        await self._do("resume participant recording", "POST", path, body)

    # --------------------------------------------------------------------- sounds

    async def play(
        self,
        name: str = "",
        members: str = "",
        urls: str | Sequence[str] = (),
        *,
        uuid: str = "",
    ) -> Played:
        """Play WAV or MP3 files to members, one after another."""
        request = checked(Play, {"urls": urls})
        joined = ",".join(request.urls)
        # Plivo's pages name it in one way, its SDKs in another.
        body = {"urls": joined, "url": joined}
        path = f"{member_sounds(name, uuid, members)}Play/"
        return await self._ask(Played, "play audio", "POST", path, body)

    async def stop_playing(
        self, name: str = "", members: str = "", *, uuid: str = ""
    ) -> None:
        """Stop what was started with the same members."""
        path = f"{member_sounds(name, uuid, members)}Play/"
        await self._do("stop audio", "DELETE", path)

    async def speak(
        self,
        name: str = "",
        members: str = "",
        text: str = "",
        *,
        uuid: str = "",
        **parameters: Any,
    ) -> Played:
        """Say a text to members.

        Args:
            name: The call's.
            members: To whom.
            text: What.
            uuid: The call's, instead of its name.
            parameters: As in `Speak`: `voice`, `language`, `mix`, `type`.
        """
        body = body_of(checked(Speak, {"text": text, **parameters}))
        path = f"{member_sounds(name, uuid, members)}Speak/"
        return await self._ask(Played, "speak", "POST", path, body)

    async def stop_speaking(
        self, name: str = "", members: str = "", *, uuid: str = ""
    ) -> None:
        """Stop what was started with the same members."""
        path = f"{member_sounds(name, uuid, members)}Speak/"
        await self._do("stop speaking", "DELETE", path)
