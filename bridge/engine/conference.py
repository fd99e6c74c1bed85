"""A room with what sounds in it: its lines, their music, beeps, announcements."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from bridge.audio.mixing import mix
from bridge.audio.pcm import Samples, silence
from bridge.engine import routing
from bridge.engine.announcer import Announcer
from bridge.engine.legs import TICK_SAMPLES
from bridge.engine.lines import Line
from bridge.engine.recording import Recording
from bridge.engine.room import Room
from bridge.engine.sounds import RINGBACK, Sound, SoundQueue, default_music
from bridge.engine.targets import Target
from bridge.errors import BridgeError
from bridge.multiparty.requests import AddParticipant, StartRecording
from bridge.multiparty.vocabulary import (
    MpcStatus,
    RecordingState,
    Role,
    TrackType,
)
from bridge.tasks import Spawn

__all__ = ["Conference"]

_LOG = logging.getLogger(__name__)

Table: TypeAlias = NDArray[np.bool_]

Making: TypeAlias = Callable[[], Awaitable[Samples]]


class _Played:
    """Something that was asked to be played."""

    def __init__(self) -> None:
        self.making: asyncio.Task[None] | None = None
        self.sounds: list[Sound] = []

    @property
    def is_over(self) -> bool:
        is_made = self.making is not None and self.making.done()
        return is_made and all(sound.is_over for sound in self.sounds)

    def stop(self) -> None:
        if self.making is not None:
            self.making.cancel()
        for sound in self.sounds:
            sound.stop()


class Conference:
    """One room, live.

    Args:
        room: Its rules.
        request: The first participant's, which sets the music.
        announcer: Makes its sounds.
        spawn: Runs the making of sounds.
        ai_agent_hears_coach: Whether AI agents hear a coaching supervisor.
    """

    def __init__(
        self,
        room: Room,
        request: AddParticipant,
        announcer: Announcer,
        spawn: Spawn,
        *,
        ai_agent_hears_coach: bool,
    ) -> None:
        self.room = room
        self.request = request
        self.lines: list[Line] = []
        """Of the members, in the order they came."""
        self.sounds = SoundQueue()
        """Heard by everybody who is not on hold."""
        self.recording: Recording | None = None
        self.wanted_recording: AddParticipant | StartRecording | None = None
        """A recording that waits until enough members are in."""
        self.tracks: dict[tuple[str, TrackType], Recording] = {}
        """Recordings of single participants, by member and type."""
        self._announcer = announcer
        self._spawn = spawn
        self._ai_agent_hears_coach = ai_agent_hears_coach
        self._table: Table | None = None
        self._alone: Table = np.zeros(0, np.bool_)
        self._played: dict[tuple[str, str], list[_Played]] = {}
        self._in_order = asyncio.Lock()
        self._loaded: dict[Target, Samples] = {}
        self._ringing: dict[str, Sound] = {}

    def __repr__(self) -> str:
        return f"<Conference {self.room!r}>"

    @property
    def recording_state(self) -> RecordingState:
        """As the API shows it."""
        if self.recording is None:
            return RecordingState.NOT_RECORDING
        return self.recording.state

    # ----------------------------------------------------------------- members

    def enter(self, line: Line) -> None:
        """Put a line in."""
        self.lines.append(line)
        self.changed()

    def leave(self, line: Line) -> None:
        """Take a line out."""
        self.lines.remove(line)
        line.music = None
        self.changed()

    def changed(self) -> None:
        """Work out anew who hears what: somebody came, went, or was changed."""
        self._table = None
        for line in self.lines:
            target = self._wanted_music(line)
            if target is None:
                line.music = None
            elif line.music is None or line.tuned_to != target:
                line.music = self._tune(line, target)
                line.tuned_to = target

    @property
    def table(self) -> Table:
        """Who hears whom, shape `(listeners, members)`.

        The listeners are the members and, where it is recorded, the recorder, who
        hears everybody that the others could hear.
        """
        listeners = len(self.lines) + (self.recording is not None)
        if self._table is None or len(self._table) != listeners:
            self._table = routing.hearing(
                self.room.voices(), ai_agent_hears_coach=self._ai_agent_hears_coach
            )
            if self.room.status is not MpcStatus.ACTIVE:
                self._table[:] = False
            self._alone = np.logical_not(self._table.any(axis=1))
            if self.recording is not None:
                audible = [line.is_audible for line in self.lines]
                self._table = np.vstack([self._table, audible])
        return self._table

    # ------------------------------------------------------------------- media

    def voices(self) -> list[Samples]:
        """What its members say in this tick."""
        return [line.said for line in self.lines]

    def hear(self, mixes: Samples) -> None:
        """Give everybody what they hear in this tick, and record it.

        Args:
            mixes: What each listener of the table hears, shape
                `(listeners, samples)`.
        """
        common = self.sounds.take(TICK_SAMPLES) if self.sounds.is_playing else None
        ringing = [sound.take(TICK_SAMPLES) for sound in self._ringing.values()]
        # The recorder, where there is one, is a listener more.
        for place, (line, heard) in enumerate(zip(self.lines, mixes, strict=False)):
            if line.music is not None:
                heard = line.music.take(TICK_SAMPLES)
            elif common is not None:
                heard = mix([heard, common])
            if ringing and line.music is None and self._alone[place]:
                heard = mix([heard, ringing[0]])
            if line.sounds.is_playing:
                alone = line.sounds.hides_the_room
                own = line.sounds.take(TICK_SAMPLES)
                heard = own if alone else mix([heard, own])
            line.heard = heard
            line.leg.hear(heard)
        if self.recording is not None or self.tracks:
            self._record(mixes, common)

    def _record(self, mixes: Samples, common: Samples | None) -> None:
        if self.recording is not None and len(mixes) > len(self.lines):
            heard = mixes[-1]
            self.recording.write(heard if common is None else mix([heard, common]))
        if not self.tracks:
            return
        by_member = {line.member.member_id: line for line in self.lines if line.member}
        for (member_id, kind), recording in self.tracks.items():
            line = by_member[member_id]
            said = line.said if line.is_audible else silence(TICK_SAMPLES)
            if kind is TrackType.PARTICIPANT:
                recording.write(said)
            else:
                recording.write(said, line.heard)

    # ------------------------------------------------------------------ sounds

    def announce(self, name: str, method: str) -> None:
        """Let everybody hear a beep, or what a URL stands for once it is there."""
        self._spawn("sound of coming or going", self._announce(name, method))

    def announced(self, target: Target) -> None:
        """Let everybody hear what a URL stands for, after what is being announced."""
        self._spawn(f"sound {target}", self._announced(target))

    def play(self, kind: str, form: str, making: Making, *, mixes: bool = True) -> None:
        """Let members hear something, after what they are being played.

        Args:
            kind: `play` or `speak`.
            form: The members as the API named them: `all`, or `1,2`.
            making: Makes it; one that fails is silence, and a line in the log.
            mixes: Whether they go on to hear the room.
        """
        played = _Played()
        going_on = [
            each for each in self._played.get((kind, form), []) if not each.is_over
        ]
        self._played[kind, form] = [*going_on, played]
        work = self._play(played, form, making, mixes=mixes)
        played.making = self._spawn(f"{kind} to {form}", work)

    def stop_playing(self, kind: str, form: str) -> bool:
        """End what was begun with the same words; False if nothing was."""
        found = [
            each for each in self._played.pop((kind, form), []) if not each.is_over
        ]
        for each in found:
            each.stop()
        return bool(found)

    def ring(self, call_uuid: str, dial_music: str) -> None:
        """Let members who hear nobody else hear that somebody is being dialled."""
        if dial_music == "none":
            return
        if dial_music == "real":
            self._ringing[call_uuid] = Sound(RINGBACK, loops=True)
        else:
            self._ringing[call_uuid] = Sound(silence(0))
            self._spawn("dial music", self._ring(call_uuid, Target(dial_music, "GET")))

    def stop_ringing(self, call_uuid: str) -> None:
        """It was answered, or given up."""
        self._ringing.pop(call_uuid, None)

    # ------------------------------------------------------------------- inside

    async def _play(
        self, played: "_Played", form: str, making: Making, *, mixes: bool
    ) -> None:
        # What was asked for first plays first, however long it takes to fetch.
        async with self._in_order:
            try:
                samples = await making()
            except BridgeError as error:
                _LOG.warning("%s: not played: %s", self.room.name, error)
                return
        if form == "all" and mixes:
            sound = Sound(samples)
            self.sounds.queue(sound)
            played.sounds.append(sound)
            return
        wanted = form.split(",")
        for line in self.lines:
            member_id = line.member.member_id if line.member else ""
            if form == "all" or member_id in wanted:
                sound = Sound(samples, mixes=mixes)
                line.sounds.queue(sound)
                played.sounds.append(sound)

    async def _announce(self, name: str, method: str) -> None:
        self.sounds.over(Sound(await self._announcer.named(name, method)))

    async def _announced(self, target: Target) -> None:
        self.sounds.queue(Sound(await self._announcer.sound(target)))

    async def _ring(self, call_uuid: str, target: Target) -> None:
        samples = await self._announcer.sound(target)
        if call_uuid in self._ringing:
            self._ringing[call_uuid] = Sound(samples, loops=True)

    def _wanted_music(self, line: Line) -> Target | None:
        """The music a line is to hear: its URL, empty for the default; None: none."""
        request = self.request
        if line.member is not None and line.member.hold:
            if line.member.role is Role.AGENT:
                url, method = (
                    request.agent_hold_music_url,
                    request.agent_hold_music_method,
                )
            elif line.member.role is Role.CUSTOMER:
                url = request.customer_hold_music_url
                method = request.customer_hold_music_method
            else:
                url, method = None, "GET"
            return Target(url or "", method)
        if self.room.status is MpcStatus.INITIALIZED:
            return Target(request.wait_music_url or "", request.wait_music_method)
        return None

    def _tune(self, line: Line, target: Target) -> Sound:
        """Music for a line: at once if it is loaded, else silence until it is."""
        if not target.url:
            return default_music()
        if target in self._loaded:
            return Sound(self._loaded[target], loops=True)
        silent = Sound(silence(0))
        self._spawn(f"music {target}", self._tune_in(line, silent, target))
        return silent

    async def _tune_in(self, line: Line, silent: Sound, target: Target) -> None:
        samples = await self._announcer.sound(target)
        self._loaded[target] = samples
        if line.music is silent:
            line.music = Sound(samples, loops=True)
