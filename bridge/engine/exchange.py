"""Rooms with real calls in them: takes commands, and does what the rooms decide."""

import logging
import math
import uuid
from collections.abc import Iterable, Sequence

from bridge.audio import tones
from bridge.audio.activity import Activity
from bridge.engine.calls import Calls
from bridge.engine.conference import Conference
from bridge.engine.legs import RATE_HZ
from bridge.engine.lines import Line
from bridge.engine.parts import Parts
from bridge.engine.room import (
    Changed,
    Effect,
    Ended,
    Exited,
    HangUp,
    Joined,
    Member,
    NotAllowedError,
    Room,
    Started,
)
from bridge.engine.sounds import Sound
from bridge.multiparty.requests import (
    AddParticipant,
    StartParticipantRecording,
    UpdateParticipant,
)
from bridge.multiparty.vocabulary import (
    SPEAK_EVENTS,
    EventName,
    ExitCause,
    HangupCause,
    Role,
    Termination,
    TrackType,
)
from bridge.tasks import Change

__all__ = ["Exchange"]

_LOG = logging.getLogger(__name__)

NEVER_S = math.inf


class Exchange:
    """All rooms of one engine.

    Args:
        parts: What it is made of.
    """

    def __init__(self, parts: Parts) -> None:
        self.conferences: dict[str, Conference] = {}
        """Rooms that have not ended, by name."""
        self.calls = Calls(
            self, parts.announcer, parts.reporter, parts.clock, parts.spawn
        )
        self.parts = parts
        self._by_uuid: dict[str, Conference] = {}
        self._next_due_s = NEVER_S
        self._change = Change()

    # ---------------------------------------------------------------- commands

    def find(self, name: str = "", mpc_uuid: str = "") -> Conference | None:
        """A room that has not ended, by name or uuid."""
        return self._by_uuid.get(mpc_uuid) if mpc_uuid else self.conferences.get(name)

    def add(self, name: str, request: AddParticipant) -> list[Line]:
        """Dial participants into a room, which is opened if there is none.

        Returns:
            The calls being made, or the one that is moved; several only for agents
            with several destinations.

        Raises:
            NotAllowedError: If there is no place, or no such call to be moved.
            StreamError: If an AI agent's content type is none that streams.
        """
        if request.call_uuid is not None:
            return [self._transfer(name, request, request.call_uuid)]
        lines = self.parts.dialling.lines(request)
        conference = self.conferences.get(name)
        if conference is not None:
            # Several destinations are rivals for one place.
            conference.room.check_places(1)
        conference = self._open(name, request, lines[0])
        for line in lines:
            line.dialled_with = request
            line.is_added = True
            self._expect(conference, line, request)
            self.parts.reporter.added(line, None)
            self.calls.start(line)
        return lines

    def call_in(self, line: Line) -> None:
        """Let a phone call us; its script says what becomes of it."""
        self.calls.start(line)

    def update(
        self,
        conference: Conference,
        member_ids: Sequence[str],
        change: UpdateParticipant,
    ) -> None:
        """Mute, hold or coach members.

        Raises:
            NotAllowedError: If one cannot coach.
        """
        effects = conference.room.update(member_ids, change)
        self._apply(conference, effects)
        if effects and not change.disable_state_change_sound:
            conference.announce("beep:1", "GET")

    def kick(self, conference: Conference, member_ids: Iterable[str]) -> None:
        """Throw members out."""
        effects = conference.room.kick(list(member_ids), self.parts.clock.now_s)
        self._apply(conference, effects)

    def end(self, conference: Conference) -> None:
        """End a room, as by the API."""
        cause = Termination.HANGUP_API_TRIGGERED
        self._apply(conference, conference.room.end(cause, self.parts.clock.now_s))

    def activate(self, conference: Conference) -> None:
        """Start a room that waits."""
        self._apply(conference, conference.room.activate(self.parts.clock.now_s))

    def changed(self, conference: Conference) -> None:
        """Write a room down: something of it is different."""
        parts = self.parts
        state = conference.recording_state
        parts.history.save_mpc(parts.books.mpc(conference.room, state))
        self._change.announce()

    def advance(self) -> None:
        """Do what is due, as when a room has lasted too long."""
        now_s = self.parts.clock.now_s
        if now_s < self._next_due_s:
            return
        for conference in list(self.conferences.values()):
            self._apply(conference, conference.room.advance(now_s))
        due = [each.room.next_due_s for each in self.conferences.values()]
        self._next_due_s = min(
            (at_s for at_s in due if at_s is not None), default=NEVER_S
        )

    def end_all(self) -> None:
        """End every room and every call, as when the engine stops."""
        for conference in list(self.conferences.values()):
            self.end(conference)
        for line in self.calls.lines.values():
            line.hang_up(HangupCause.CANCELED)

    async def joined(self, role: str) -> Line:
        """Wait for somebody of a role to be in a room."""
        while True:
            for line in self.calls.lines.values():
                if line.member is not None and line.member.role == role:
                    return line
            await self._change.wait()

    async def ended(self, room: Room) -> None:
        """Wait for a room's end."""
        while not room.is_over:
            await self._change.wait()

    # -------------------------------------------------- what calls ask of rooms

    def bring(self, line: Line, name: str, request: AddParticipant) -> None:
        """Let a call be expected in a room, which is opened if there is none.

        Raises:
            NotAllowedError: If there is no place.
        """
        conference = self.conferences.get(name)
        if conference is not None:
            conference.room.check_places(1)
        self._expect(self._open(name, request, line), line, request)

    def enter(self, line: Line) -> None:
        """A call that is expected comes in."""
        assert line.room is not None
        conference = self._by_uuid.get(line.room.mpc_uuid)
        if conference is None:
            self.calls.release(line.call_uuid, ExitCause.MPC_ENDED)
            return
        effects = line.room.join(line.call_uuid, self.parts.clock.now_s, line.peer)
        self._apply(conference, effects)

    def leave(self, line: Line, cause: ExitCause) -> None:
        """A call goes, or does not come."""
        room = line.room
        if room is None or room.is_over:
            return
        conference = self._by_uuid[room.mpc_uuid]
        if line.member is None:
            self._never_came(line)
        effects = room.leave(line.call_uuid, self.parts.clock.now_s, cause)
        self._apply(conference, effects)

    def _never_came(self, line: Line) -> None:
        """Tell of a call that was not let in: without a join time."""
        if line.room is not None:
            self.parts.reporter.mpc(line.room, EventName.EXIT, line)
            self.parts.reporter.added(line, line.status)

    def dialling(self, line: Line, *, is_ringing: bool) -> None:
        """A phone begins to ring, or ends."""
        conference = self._by_uuid.get(line.room.mpc_uuid) if line.room else None
        if conference is None or line.request is None:
            return
        if is_ringing and line.request.role is not Role.AI_AGENT:
            conference.ring(line.call_uuid, line.request.dial_music)
        else:
            conference.stop_ringing(line.call_uuid)

    def keys(self, line: Line, digits: str) -> None:
        """A member pressed keys: AI agents are told, phones where that is wished."""
        room, request = line.room, line.request
        if room is None or request is None:
            return
        for digit in digits:
            self.parts.reporter.mpc(
                room, EventName.DIGIT_INPUT, line, line.member, digits=digit
            )
        relayed = tones.dtmf(digits, RATE_HZ)
        for other in self._by_uuid[room.mpc_uuid].lines:
            if other is line or other.request is None:
                continue
            if other.request.role is Role.AI_AGENT:
                for digit in digits:
                    other.leg.press(digit)
            elif request.relay_dtmf_inputs:
                other.sounds.over(Sound(relayed))

    # ------------------------------------------------------------------ inside

    def _open(self, name: str, request: AddParticipant, line: Line) -> Conference:
        """The room of a name, opened if there is none."""
        parts = self.parts
        conference = self.conferences.get(name)
        if conference is None:
            room = Room(str(uuid.uuid4()), name, request, parts.clock.now_s)
            conference = Conference(
                room,
                request,
                parts.announcer,
                parts.spawn,
                ai_agent_hears_coach=parts.ai_agent_hears_coach,
            )
            self.conferences[name] = self._by_uuid[room.mpc_uuid] = conference
            self._next_due_s = min(self._next_due_s, room.next_due_s or NEVER_S)
            parts.reporter.subscribe(room, request)
            parts.reporter.mpc(room, EventName.MPC_INITIALIZED, line)
        else:
            parts.reporter.subscribe(conference.room, request)
            self._listen_for_speech(conference)
        if request.record and conference.recording is None:
            conference.wanted_recording = request
        if request.transcript and parts.transcriber.is_installed:
            parts.transcriber.begin(conference, request.transcription_url)
        return conference

    def _expect(
        self, conference: Conference, line: Line, request: AddParticipant
    ) -> None:
        line.room, line.request = conference.room, request
        conference.room.expect(line.call_uuid, request, line.request_uuid)
        self.changed(conference)

    def _transfer(self, name: str, request: AddParticipant, call_uuid: str) -> Line:
        line = self.calls.lines.get(call_uuid)
        if line is None or not self.calls.is_movable(line):
            raise NotAllowedError(f"call_uuid: no live call {call_uuid}")
        here = self.conferences.get(name)
        if here is not None and line.room is not here.room:
            here.room.check_places(1)
        if line.room is not None and not line.room.is_over:
            left = self._by_uuid[line.room.mpc_uuid]
            # A call that comes back to the same room keeps it open meanwhile.
            if left is here:
                raise NotAllowedError(f"call_uuid: {call_uuid} is in {name} already")
            self.dialling(line, is_ringing=False)
            if line.member is None:
                self._never_came(line)
            now_s = self.parts.clock.now_s
            effects = left.room.leave(call_uuid, now_s, ExitCause.TRANSFERRED)
            self._apply(left, effects)
        line.leave_the_race()
        line.is_added = True
        line.request_uuid = str(uuid.uuid4())
        self.bring(line, name, request)
        self.parts.reporter.added(line, None)
        self.calls.move(line)
        return line

    def _apply(self, conference: Conference, effects: Sequence[Effect]) -> None:
        """Do what a room decided, which on most ticks is nothing."""
        if not effects:
            return
        for effect in effects:
            match effect:
                case HangUp(call_uuid, cause):
                    self.calls.release(call_uuid, cause)
                case Joined(member):
                    self._joined(conference, member)
                case Exited(member):
                    self._exited(conference, member)
                case Changed(member, event):
                    self._changed(conference, member, event)
                case Started():
                    self._started(conference)
                case Ended(termination):
                    self._ended(conference, termination)
        conference.changed()
        self.changed(conference)

    def _joined(self, conference: Conference, member: Member) -> None:
        line = self.calls.lines[member.call_uuid]
        request = line.request
        assert request is not None
        line.member = member
        conference.enter(line)
        room = conference.room
        _LOG.info("%s: %s joins (%s)", room.name, member.role, member.address)
        self._remember(room, member)
        self.parts.reporter.added(line, "success")
        self.parts.reporter.mpc(room, EventName.JOIN, line, member)
        self._listen_for_speech(conference)
        conference.announce(request.enter_sound, request.enter_sound_method)
        self.parts.recordings.start_wanted(conference)
        if request.record_participant_track:
            track = StartParticipantRecording(
                file_format=request.record_file_format,
                recording_callback_url=request.recording_callback_url,
                recording_callback_method=request.recording_callback_method,
                record_track_type=TrackType.PARTICIPANT,
            )
            self.parts.recordings.start_track(conference, member.member_id, track)

    def _exited(self, conference: Conference, member: Member) -> None:
        room = conference.room
        line = self.calls.lines.get(member.call_uuid)
        self.parts.recordings.member_left(conference, member.member_id)
        self.parts.transcriber.member_left(conference, member.member_id)
        _LOG.info("%s: %s leaves: %s", room.name, member.role, member.exit_cause)
        self._remember(room, member)
        self.parts.reporter.mpc(room, EventName.EXIT, line, member)
        if line is not None:
            conference.leave(line)
            line.member = line.activity = None
            if line.request is not None and not room.is_over:
                request = line.request
                conference.announce(request.exit_sound, request.exit_sound_method)

    def _changed(
        self, conference: Conference, member: Member, event: EventName
    ) -> None:
        self._remember(conference.room, member)
        line = self.calls.lines.get(member.call_uuid)
        self.parts.reporter.mpc(conference.room, event, line, member)

    def _started(self, conference: Conference) -> None:
        self.parts.reporter.mpc(conference.room, EventName.MPC_START)
        self.parts.recordings.start_wanted(conference)

    def _ended(self, conference: Conference, termination: Termination) -> None:
        room = conference.room
        for line in self.calls.lines.values():
            if line.room is room and line.member is None and line.released is None:
                self._never_came(line)
        del self.conferences[room.name]
        del self._by_uuid[room.mpc_uuid]
        self.parts.recordings.over(conference)
        self.parts.transcriber.over(conference)
        self.parts.reporter.ended(room)
        self.parts.reporter.forget(room)
        _LOG.info("%s ended: %s", room.name, termination.cause)

    def _listen_for_speech(self, conference: Conference) -> None:
        """Notice who speaks, where somebody wants to know."""
        if self.parts.reporter.is_wanted(conference.room, SPEAK_EVENTS):
            for line in conference.lines:
                line.activity = line.activity or Activity()

    def _remember(self, room: Room, member: Member) -> None:
        self.parts.history.save_participant(self.parts.books.participant(room, member))
