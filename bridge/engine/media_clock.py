"""The clock that moves the audio of all calls, 50 times a second."""

import asyncio
import logging
from collections.abc import Sequence

from bridge.audio.levels import rms_dbfs_of_each
from bridge.audio.pcm import FRAME_MS, Samples, quiet
from bridge.engine.conference import Conference
from bridge.engine.exchange import Exchange
from bridge.engine.legs import TICK_SAMPLES
from bridge.engine.lines import Line
from bridge.engine.mixer import mix_rooms
from bridge.multiparty.vocabulary import EventName, HangupCause

__all__ = ["MediaClock"]

_LOG = logging.getLogger(__name__)

TICK_S = FRAME_MS / 1000

MOST_CATCH_UP_S = 1.0
"""After a longer stall the media clock skips; nobody could use the old audio."""


class MediaClock:
    """Moves 20 ms of audio through every call at a time.

    Args:
        exchange: Whose calls.
    """

    def __init__(self, exchange: Exchange) -> None:
        self.late_ticks = 0
        self._exchange = exchange

    async def run(self) -> None:
        """Keep the media clock: a tick every 20 ms, on absolute deadlines."""
        now = asyncio.get_running_loop().time
        due_s = now()
        while True:
            await asyncio.sleep(max(0.0, due_s - now()))
            late_s = now() - due_s
            if late_s > MOST_CATCH_UP_S:
                _LOG.warning("the engine stood still for %.1f s", late_s)
                due_s = now()
            self.late_ticks += late_s > TICK_S
            self.tick()
            due_s += TICK_S

    def tick(self) -> None:
        """Take 20 ms from every call, mix, and give everyone what they hear."""
        self._exchange.advance()
        for line in list(self._exchange.calls.lines.values()):
            if line.is_up:
                self._listen_to(line)
        conferences = list(self._exchange.conferences.values())
        talking = [each for each in conferences if each.lines]
        voices = [conference.voices() for conference in talking]
        heard = mix_rooms([conference.table for conference in talking], voices)
        for conference, mixes in zip(talking, heard, strict=True):
            self._move(conference, mixes)
        self._notice_speech(talking)
        for conference in conferences:
            if not conference.lines and conference.recording is not None:
                conference.recording.write(quiet(TICK_SAMPLES))

    def _listen_to(self, line: Line) -> None:
        try:
            line.said = line.leg.say()
            if line.member is None:
                line.leg.hear(line.sounds.take(TICK_SAMPLES))
        # The edge of a call: a leg that fails takes itself down, and no other.
        except Exception:  # noqa: BLE001
            _LOG.exception("%r failed", line)
            line.hang_up(HangupCause.INTERNAL_ERROR)

    def _move(self, conference: Conference, mixes: Samples) -> None:
        try:
            conference.hear(mixes)
            self._exchange.parts.transcriber.hear(conference)
        # The edge of a room: one that fails ends, and the others go on.
        except Exception:  # noqa: BLE001
            self._give_up(conference)

    def _notice_speech(self, talking: Sequence[Conference]) -> None:
        """Tell who begins to speak and who ends, where somebody wants to know."""
        watched = [
            (conference, line, line.activity)
            for conference in talking
            for line in conference.lines
            if line.activity is not None
        ]
        levels = rms_dbfs_of_each([line.said for _, line, _ in watched])
        for (conference, line, activity), level in zip(watched, levels, strict=True):
            if activity.follow(level):
                self._report_speech(conference, line, begins=activity.is_speaking)

    def _report_speech(
        self, conference: Conference, line: Line, *, begins: bool
    ) -> None:
        event = EventName.SPEAK_START if begins else EventName.SPEAK_STOP
        report = self._exchange.parts.reporter.mpc
        try:
            report(conference.room, event, line, line.member)
        # As above.
        except Exception:  # noqa: BLE001
            self._give_up(conference)

    def _give_up(self, conference: Conference) -> None:
        _LOG.exception("%r failed", conference)
        self._exchange.end(conference)
