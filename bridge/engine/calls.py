"""The life of a call: dialled, answered, in one room or another, hung up."""

import asyncio
import logging
from collections import deque
from collections.abc import Coroutine
from typing import Protocol

from bridge.audio.pcm import Samples
from bridge.engine.announcer import Announcer
from bridge.engine.clock import Clock
from bridge.engine.fetcher import FetchError
from bridge.engine.legs import RATE_HZ
from bridge.engine.lines import Line
from bridge.engine.phone import BusyError
from bridge.engine.reporter import Reporter
from bridge.engine.room import Member, NotAllowedError, Room
from bridge.engine.sounds import Sound
from bridge.engine.targets import Target
from bridge.errors import BridgeError, PeerError
from bridge.multiparty import xml
from bridge.multiparty.requests import AddParticipant
from bridge.multiparty.vocabulary import ExitCause, HangupCause
from bridge.tasks import Spawn, background

__all__ = ["Calls", "Rooms"]

_LOG = logging.getLogger(__name__)

STATUS_OF = {
    HangupCause.BUSY: "busy",
    HangupCause.NO_ANSWER: "no-answer",
    HangupCause.RING_TIMEOUT: "no-answer",
    HangupCause.CANCELED: "cancel",
    HangupCause.LOST_RACE: "cancel",
    HangupCause.NETWORK_ERROR: "failed",
    HangupCause.INTERNAL_ERROR: "failed",
}
"""`CallStatus` of a call that was not answered."""


class Rooms(Protocol):
    """Where calls go."""

    def bring(self, line: Line, name: str, request: AddParticipant) -> None:
        """Let a call be expected in a room, which is opened if there is none."""

    def enter(self, line: Line) -> None:
        """A call that is expected comes in."""

    def leave(self, line: Line, cause: ExitCause) -> None:
        """A call goes, or does not come."""

    def dialling(self, line: Line, *, is_ringing: bool) -> None:
        """A phone begins to ring, or ends."""

    def keys(self, line: Line, digits: str) -> None:
        """A member pressed keys."""


class Calls:
    """All calls of an engine.

    Args:
        rooms: Where they go.
        announcer: Makes what they hear outside rooms.
        reporter: Tells of them.
        clock: What time it is.
        spawn: Runs them.
    """

    def __init__(
        self,
        rooms: Rooms,
        announcer: Announcer,
        reporter: Reporter,
        clock: Clock,
        spawn: Spawn,
    ) -> None:
        self.lines: dict[str, Line] = {}
        """By call uuid, until they are hung up."""
        self._rooms = rooms
        self._announcer = announcer
        self._reporter = reporter
        self._clock = clock
        self._spawn = spawn
        self._programs: dict[str, asyncio.Task[None]] = {}
        self._spawns: dict[str, Spawn] = {}

    def start(self, line: Line) -> None:
        """Make a call."""
        self.lines[line.call_uuid] = line
        line.created_s = self._clock.now_s
        self._spawn(f"call {line.call_uuid}", self._live(line))

    def move(self, line: Line) -> None:
        """Take a call from whatever it is doing to `line.room`."""
        self._programs[line.call_uuid].cancel()
        line.script.clear()
        line.fall_silent()
        self._run_program(line, self._stays(line))

    def is_movable(self, line: Line) -> bool:
        """Whether a call is up, and not just about to end."""
        alive = line.call_uuid in self._spawns and line.hangup is None
        return alive and line.is_up

    def release(self, call_uuid: str, cause: ExitCause) -> None:
        """A room lets a call go."""
        line = self.lines.get(call_uuid)
        if line is None:
            return
        if line.released is None:
            line.hang_up(HangupCause.CANCELED)
        elif not line.released.done():
            line.released.set_result(cause)

    # -------------------------------------------------------------------- life

    async def _live(self, line: Line) -> None:
        line.leg.on_keys = lambda digits: self._keys(line, digits)
        try:
            async with background() as spawn:
                self._spawns[line.call_uuid] = spawn
                try:
                    await self._on_the_phone(line)
                finally:
                    # From here on nothing new can be done with it.
                    del self._spawns[line.call_uuid]
        except BusyError:
            line.hangup = HangupCause.BUSY
        except TimeoutError:
            line.hangup = line.hangup or HangupCause.RING_TIMEOUT
        except BridgeError as error:
            line.hangup = HangupCause.NETWORK_ERROR
            _LOG.info("%s: %s", line.peer, error)
        # The edge of a call: one that fails takes itself down, and no other.
        except Exception:  # noqa: BLE001
            line.hangup = HangupCause.INTERNAL_ERROR
            _LOG.exception("the call to %s failed", line.peer)
        finally:
            self._over(line)

    async def _on_the_phone(self, line: Line) -> None:
        async with asyncio.timeout(None) as patience:
            line.patience = patience
            if line.hangup is not None:
                return
            await asyncio.sleep(line.dial.delay_s)
            self._set_status(line, "ringing")
            self._rooms.dialling(line, is_ringing=True)
            patience.reschedule(self._clock.now_s + line.dial.ring_s)
            request = line.request
            if request is not None and request.send_on_preanswer:
                spawn = self._spawns[line.call_uuid]
                spawn("digits", self._send_digits(line, request.send_digits or ""))

            def answered() -> None:
                patience.reschedule(None)
                line.patience = None
                line.answered_s = self._clock.now_s
                self._set_status(line, "in-progress")
                self._run_program(line, self._admission(line))

            await line.leg.run(answered)

    def _over(self, line: Line) -> None:
        self._rooms.dialling(line, is_ringing=False)
        self._programs.pop(line.call_uuid, None)
        line.hangup = line.hangup or HangupCause.NORMAL
        never_up = STATUS_OF.get(line.hangup, "failed")
        status = never_up if line.answered_s is None else "completed"
        self._set_status(line, status)
        if line.released is not None and line.member is not None and line.room:
            self._tell_of_exit(line)
        self._rooms.leave(line, ExitCause.HANGUP)
        del self.lines[line.call_uuid]
        _LOG.info("%s: %s (%s)", line.peer, status, line.hangup.words)

    def _set_status(self, line: Line, status: str) -> None:
        line.status = status
        self._reporter.call(line)

    def _run_program(self, line: Line, program: Coroutine[None, None, None]) -> None:
        spawn = self._spawns[line.call_uuid]
        self._programs[line.call_uuid] = spawn(f"program {line.call_uuid}", program)

    # ----------------------------------------------------------------- program

    async def _admission(self, line: Line) -> None:
        """From the answer on: confirm, win the race, go in."""
        request = line.request
        if request is not None and not await self._confirmed(line, request):
            line.hang_up(HangupCause.CONFIRM_KEY_FAILED)
            return
        if line.hangup is not None:
            # A rival was faster, if only by a moment.
            return
        line.fall_silent()
        for rival in list(line.rivals):
            if rival is not line:
                rival.hang_up(HangupCause.LOST_RACE)
        self._rooms.dialling(line, is_ringing=False)
        if request is not None and not request.send_on_preanswer:
            await self._send_digits(line, request.send_digits or "")
        await self._stays(line)

    async def _confirmed(self, line: Line, request: AddParticipant) -> bool:
        """Play what there is to play, and wait for the right key, if one is needed."""
        if request.confirm_key is None:
            return True
        target = Target(
            request.confirm_key_sound_url or "", request.confirm_key_sound_method
        )
        try:
            async with asyncio.timeout(line.dial.ring_s):
                if target.url:
                    line.sounds.queue(Sound(await self._announcer.sound(target)))
                while await line.keys.get() != request.confirm_key:
                    pass
        except TimeoutError:
            return False
        return True

    async def _send_digits(self, line: Line, digits: str) -> None:
        """Press keys on a call that was just answered; `w` waits half a second."""
        for digit in digits:
            if digit in "wW":
                await asyncio.sleep(0.5 if digit == "w" else 1.0)
            else:
                line.leg.press(digit)

    async def _stays(self, line: Line) -> None:
        """In a room, then whatever comes after it, until there is no more."""
        end = HangupCause.END_OF_XML
        while True:
            if line.room is not None:
                end = await self._stay(line)
            if not line.script:
                line.hang_up(end)
                return
            end = HangupCause.END_OF_XML
            if not await self._run(line, line.script.popleft()):
                return

    async def _stay(self, line: Line) -> HangupCause:
        """In a room; returns what to hang up with if nothing comes after it."""
        room, request = line.room, line.request
        assert room is not None
        assert request is not None
        line.released = asyncio.get_running_loop().create_future()
        self._rooms.enter(line)
        member = line.member
        cause = await line.released
        line.released = None
        line.room = None
        line.fall_silent()
        if member is not None and request.on_exit_action_url is not None:
            await self._fetch_script(line, room, request, member, cause)
        if line.direction == "inbound":
            return HangupCause.END_OF_XML
        was_kicked = cause is ExitCause.KICKED
        return HangupCause.KICKED if was_kicked else HangupCause.MPC_ENDED

    async def _fetch_script(
        self,
        line: Line,
        room: Room,
        request: AddParticipant,
        member: Member,
        cause: ExitCause,
    ) -> None:
        target = Target(request.on_exit_action_url or "", request.on_exit_action_method)
        params = self._reporter.exit_action(line, room, member, cause)
        try:
            elements = await self._announcer.instructions(
                target, params, line.call_uuid
            )
        except FetchError as error:
            _LOG.warning("%s: on_exit_action_url: %s", line.peer, error)
            line.hang_up(HangupCause.URL_UNREACHABLE)
            return
        except PeerError as error:
            _LOG.warning("%s: on_exit_action_url: %s", line.peer, error)
            line.hang_up(HangupCause.INVALID_XML)
            return
        line.script = deque(elements)

    def _tell_of_exit(self, line: Line) -> None:
        """A call that hung up itself cannot do what its exit URL says; it is told."""
        request, room, member = line.request, line.room, line.member
        if request is None or room is None or member is None:
            return
        if request.on_exit_action_url is None:
            return
        target = Target(request.on_exit_action_url, request.on_exit_action_method)
        params = self._reporter.exit_action(line, room, member, ExitCause.HANGUP)
        self._reporter.notify(line, target, params)

    async def _run(self, line: Line, element: xml.Element) -> bool:
        """Do one thing outside of rooms; False if the call is over by it."""
        match element:
            case xml.Play(loop=0) | xml.Speak(loop=0):
                samples = await self._announcer.render([element])
                while len(samples):
                    await self._sound(line, samples)
            case xml.Play() | xml.Speak() | xml.Wait():
                await self._sound(line, await self._announcer.render([element]))
            case xml.Hangup():
                line.hang_up(HangupCause.END_OF_XML)
                return False
            case xml.MultiPartyCall(name, request):
                try:
                    self._rooms.bring(line, name, request)
                except NotAllowedError as error:
                    _LOG.error("%s: <MultiPartyCall>: %s", line.peer, error)
            case xml.Other(tag):
                _LOG.error(
                    "%s: <%s> is not known here: allowed are Play, Speak, Wait, "
                    "Hangup, MultiPartyCall",
                    line.peer,
                    tag,
                )
                line.hang_up(HangupCause.INVALID_XML)
                return False
        return True

    async def _sound(self, line: Line, samples: Samples) -> None:
        line.sounds.queue(Sound(samples))
        await asyncio.sleep(len(samples) / RATE_HZ)

    def _keys(self, line: Line, digits: str) -> None:
        """Somebody pressed keys; in a room it is the room's matter."""
        if line.member is None:
            for digit in digits:
                line.keys.put_nowait(digit)
        else:
            self._rooms.keys(line, digits)
