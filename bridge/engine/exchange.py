"""Rooms with real legs: dials, ticks 50 times a second, does what rooms decide."""

import asyncio
import dataclasses
import logging
import re
import uuid
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from bridge.audio.pcm import FRAME_MS, Samples, silence
from bridge.engine import routing
from bridge.engine.ai_leg import AiLeg
from bridge.engine.legs import TICK_SAMPLES, Leg
from bridge.engine.mixer import mix_rooms
from bridge.engine.phone import BusyError, Phone
from bridge.engine.phonebook import Phonebook
from bridge.engine.recorder import Recorder
from bridge.engine.room import Effect, Ended, Exited, HangUp, Joined, Member, Room
from bridge.errors import BridgeError
from bridge.multiparty.requests import AddParticipant
from bridge.multiparty.vocabulary import MpcStatus, Role, Termination
from bridge.stream.content_type import ContentType
from bridge.tasks import Change, Spawn

__all__ = ["Exchange", "ExchangeOptions", "Line"]

_LOG = logging.getLogger(__name__)

TICK_S = FRAME_MS / 1000

MOST_CATCH_UP_S = 1.0
"""After a longer stall the media clock skips; nobody could use the old audio."""


@dataclasses.dataclass(frozen=True, slots=True)
class ExchangeOptions:
    """How the local calls behave."""

    recordings: Path = Path("recordings")
    """Where recordings go."""
    phonebook: Phonebook = dataclasses.field(default_factory=Phonebook)
    """What the simulated phones do."""
    ai_agent_hears_coach: bool = True
    """Whether a coaching supervisor is heard by AI agents."""
    account_id: str = "MALOCALENGINE0000000"
    """Told to stream servers."""


@dataclasses.dataclass(slots=True)
class Line:
    """A leg on its way into a room, or in it."""

    call_uuid: str
    room: Room
    leg: Leg
    request: AddParticipant
    address: str
    ring_s: float
    delay_s: float = 0.0
    member: Member | None = None
    said: Samples = dataclasses.field(default_factory=lambda: silence(TICK_SAMPLES))
    """What it said in the last tick."""


class Exchange:
    """All rooms of one engine.

    Args:
        options: How they behave.
        spawn: Runs the legs.
    """

    def __init__(self, options: ExchangeOptions, spawn: Spawn) -> None:
        self.rooms: dict[str, Room] = {}
        """Every room there was, by uuid; the newest last."""
        self.lines: dict[str, Line] = {}
        """Every leg there is, by call uuid."""
        self.recorders: dict[str, Recorder] = {}
        """Of running recordings, by room uuid."""
        self.recordings: dict[str, Path] = {}
        """Finished ones, by room uuid."""
        self.late_ticks = 0
        self._options = options
        self._spawn = spawn
        self._live: dict[str, Room] = {}
        self._weaving: set[str] = set()
        self._tables: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.bool_]]] = {}
        self._change = Change()
        self._now = asyncio.get_running_loop().time

    # ---------------------------------------------------------------- commands

    def find(self, name: str = "", mpc_uuid: str = "") -> Room | None:
        """A room by name, while it lives, or by uuid, for ever."""
        if mpc_uuid:
            return self.rooms.get(mpc_uuid)
        return self._live.get(name)

    def add(self, name: str, request: AddParticipant) -> list[Line]:
        """Dial participants into a room, which is created if there is none.

        Returns:
            The calls being made; one, but for agents with several destinations.

        Raises:
            RoomFullError: If there is no place.
            StreamError: If an AI agent's content type is none that streams.
        """
        room = self._live.get(name) or Room(
            str(uuid.uuid4()), name, request, self._now()
        )
        lines = self._lines(room, request)
        room.check_places(len(lines))
        for line in lines:
            room.expect(line.call_uuid, request)
        self.rooms[room.mpc_uuid] = self._live[name] = room
        if request.record and room.mpc_uuid not in self.recorders:
            path = self._options.recordings / f"{room.mpc_uuid}.wav"
            self.recorders[room.mpc_uuid] = Recorder(path)
        for line in lines:
            self.lines[line.call_uuid] = line
            self._spawn(f"line {line.call_uuid}", self._run(line, lines))
        return lines

    def kick(self, room: Room, member_ids: Sequence[str]) -> None:
        """Throw members out."""
        for member_id in member_ids:
            self._apply(room, room.kick(member_id, self._now()))

    def end(self, room: Room) -> None:
        """End a room, as by the API."""
        self._apply(room, room.end(Termination.HANGUP_API_TRIGGERED, self._now()))

    def activate(self, room: Room) -> None:
        """Start a room that waits."""
        self._apply(room, room.activate(self._now()))

    async def joined(self, role: str) -> Line:
        """Wait for somebody of a role to be in a room."""
        while True:
            for line in self.lines.values():
                if line.member is not None and line.member.role == role:
                    return line
            await self._change.wait()

    async def ended(self, room: Room) -> None:
        """Wait for a room's end."""
        while not room.is_over:
            await self._change.wait()

    def end_all(self) -> None:
        """End every room, as when the engine stops."""
        for room in list(self._live.values()):
            self.end(room)

    # ------------------------------------------------------------------- lines

    def _lines(self, room: Room, request: AddParticipant) -> list[Line]:
        if request.role is Role.AI_AGENT:
            call_uuid = str(uuid.uuid4())
            url = request.ai_agent_stream_service_url or ""
            leg = AiLeg(
                url,
                ContentType.parse(request.ai_agent_stream_content_type),
                request.ai_agent_stream_extra_headers,
                call_uuid,
                self._options.account_id,
            )
            ring_s = request.seconds("ring_timeout", 0)
            # The address is shown and logged; a token in its query is not.
            address = urlsplit(url)._replace(query="", fragment="").geturl()
            address = re.sub(r"//[^/@]*@", "//", address)
            return [Line(call_uuid, room, leg, request, address, ring_s)]
        return [
            Line(
                str(uuid.uuid4()),
                room,
                Phone(number, self._options.phonebook.script(number)),
                request,
                number,
                request.seconds("ring_timeout", place),
                request.seconds("delay_dial", place),
            )
            for place, number in enumerate(request.destinations)
        ]

    async def _run(self, line: Line, rivals: Sequence[Line]) -> None:
        """Dial, and see the leg through to its end."""
        line.leg.on_keys = lambda digits: self._keys(line, digits)
        try:
            await asyncio.sleep(line.delay_s)
            async with asyncio.timeout(line.ring_s) as ringing:
                await line.leg.run(lambda: self._answered(line, rivals, ringing))
        except TimeoutError:
            _LOG.info("%s did not answer in %.0f s", line.address, line.ring_s)
        except (BusyError, BridgeError) as error:
            _LOG.info("%s: %s", line.address, error)
        # The edge of a call: a leg that fails takes itself down, and no other.
        except Exception:  # noqa: BLE001
            _LOG.exception("the leg to %s failed", line.address)
        finally:
            room = line.room
            self._apply(room, room.leave(line.call_uuid, self._now()))
            del self.lines[line.call_uuid]

    def _answered(
        self, line: Line, rivals: Sequence[Line], ringing: asyncio.Timeout
    ) -> None:
        ringing.reschedule(None)
        for rival in rivals:
            if rival is not line:
                rival.leg.hang_up()
        effects = line.room.join(line.call_uuid, self._now(), line.address)
        self._apply(line.room, effects)

    def _keys(self, line: Line, digits: str) -> None:
        """Pass keys on to whoever takes them."""
        for other in self._in(line.room):
            if other is not line:
                for digit in digits:
                    other.leg.press(digit)

    def _apply(self, room: Room, effects: Sequence[Effect]) -> None:
        """Do what a room decided, which on most ticks is nothing."""
        if not effects:
            return
        for effect in effects:
            match effect:
                case HangUp(call_uuid, _cause):
                    if call_uuid in self.lines:
                        self.lines[call_uuid].leg.hang_up()
                case Joined(member):
                    self.lines[member.call_uuid].member = member
                    _LOG.info(
                        "%s: %s joins (%s)", room.name, member.role, member.address
                    )
                case Exited(member):
                    if member.call_uuid in self.lines:
                        self.lines[member.call_uuid].member = None
                    _LOG.info(
                        "%s: %s leaves: %s", room.name, member.role, member.exit_cause
                    )
                case Ended(termination):
                    self._over(room)
                    _LOG.info("%s ended: %s", room.name, termination.cause)
        self._tables.pop(room.mpc_uuid, None)
        self._change.announce()

    def _over(self, room: Room) -> None:
        del self._live[room.name]
        recorder = self.recorders.pop(room.mpc_uuid, None)
        if recorder is not None:
            self._weaving.add(room.mpc_uuid)
            self._spawn(f"recording {room.mpc_uuid}", self._weave(room, recorder))

    async def _weave(self, room: Room, recorder: Recorder) -> None:
        """Finish a recording, beside the media clock."""
        try:
            path = await asyncio.to_thread(recorder.finish)
            if path is not None:
                self.recordings[room.mpc_uuid] = path
        finally:
            self._weaving.discard(room.mpc_uuid)
            self._change.announce()

    async def recorded(self) -> None:
        """Wait until every recording of a room that has ended is a file."""
        while self._weaving:
            await self._change.wait()

    def _in(self, room: Room) -> list[Line]:
        """A room's lines, in the order of its members."""
        return [
            self.lines[member.call_uuid]
            for member in room.members
            if member.call_uuid in self.lines
        ]

    # ------------------------------------------------------------------- media

    async def run(self) -> None:
        """Keep the media clock: a tick every 20 ms, on absolute deadlines."""
        due_s = self._now()
        while True:
            await asyncio.sleep(max(0.0, due_s - self._now()))
            late_s = self._now() - due_s
            if late_s > MOST_CATCH_UP_S:
                _LOG.warning("the engine stood still for %.1f s", late_s)
                due_s = self._now()
            self.late_ticks += late_s > TICK_S
            self.tick()
            due_s += TICK_S

    def tick(self) -> None:
        """Take 20 ms from every member, mix, and give everyone what they hear."""
        now_s = self._now()
        for room in list(self._live.values()):
            self._apply(room, room.advance(now_s))
        for line in list(self.lines.values()):
            if line.member is not None:
                line.said = line.leg.say()
        parties = [(room, self._in(room)) for room in self._live.values()]
        parties = [(room, lines) for room, lines in parties if lines]
        heard = mix_rooms(
            [self._table(room) for room, _lines in parties],
            [np.stack([line.said for line in lines]) for _room, lines in parties],
        )
        for (room, lines), mixes in zip(parties, heard, strict=True):
            for line, samples in zip(lines, mixes, strict=True):
                line.leg.hear(samples)
            recorder = self.recorders.get(room.mpc_uuid)
            if recorder is not None:
                recorder.write(_voices(lines), TICK_SAMPLES)

    def _table(self, room: Room) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        table = self._tables.get(room.mpc_uuid)
        if table is None:
            table = routing.hearing(
                room.voices(), ai_agent_hears_coach=self._options.ai_agent_hears_coach
            )
            if room.status is not MpcStatus.ACTIVE:
                table = np.zeros_like(table)
            self._tables[room.mpc_uuid] = table
        return table


def _voices(lines: Sequence[Line]) -> dict[str, Samples]:
    """What is recorded of each: what the others could have heard."""
    return {
        line.member.member_id: silence(TICK_SAMPLES)
        if line.member.mute or line.member.hold
        else line.said
        for line in lines
        if line.member is not None
    }
