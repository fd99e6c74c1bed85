"""One call of a run: a socket, what is said, what is heard, and how it ends."""

import asyncio
import dataclasses
import math
import uuid
from collections.abc import Mapping
from time import perf_counter

import numpy as np

from bridge.errors import UnavailableError
from bridge.load.audible import Audible
from bridge.load.beat import Beat
from bridge.load.caller_plan import CallerPlan, Drop, HangUp, Reconnect, Spells, Trouble
from bridge.load.figures import Tally
from bridge.load.incoming import Reader
from bridge.load.loan import Loan
from bridge.load.opening import headers_of, start_of, url_of
from bridge.load.plan import Plan
from bridge.load.receiving import Receiving
from bridge.load.record import Record
from bridge.load.script import Leave, Script
from bridge.load.sending import Sending
from bridge.load.socket import Closed, Socket, dial
from bridge.load.sounds import Sound
from bridge.stream.messages import Side
from bridge.stream.protocol import State, StreamProtocol

__all__ = ["Caller", "Setting"]

BETWEEN_LOOKS_S = 1.0
"""At what a server has left unread, and at what there is to count: for each caller
from their own beginning on, so that it is not for all in the same moment."""

OFFSET_FRAMES = 37
"""Callers begin an endless sound so far apart: none may take another's for theirs."""

PATIENT_S = 2.0
"""Who dials for longer when the run ends was not cut off, but kept waiting."""

GRACEFUL = (1000, 1001, 1005)


@dataclasses.dataclass(slots=True)
class Setting:
    """What all callers of a worker share."""

    plan: Plan
    sounds: Mapping[str, Sound]
    beat: Beat
    tally: Tally
    """Of the current second."""
    origin_s: float
    reader: Reader
    """Reads sockets that are lent to it."""
    marks_apart: int = 1
    """Every so many marks one is looked for."""


class Caller:
    """Makes one call, and notes all about it.

    Args:
        number: Of the call, in the whole run.
        plan: What this kind of caller does.
        setting: Shared with others.
    """

    __slots__ = (
        # What is looked at for each frame comes first, and so is together in memory.
        *("_way_out", "_line", "_receiving", "_is_slow", "_script", "_acts"),
        *("_sending", "record", "_plan", "_setting", "_start", "_socket", "_marks"),
        *("_dialled_s", "_left_s", "_until_s"),
    )

    def __init__(self, number: int, plan: CallerPlan, setting: Setting) -> None:
        self.record = Record(number, plan.name, setting.tally, setting.origin_s)
        self._plan = plan
        self._setting = setting
        rng = np.random.default_rng([setting.plan.seed, 2, number])
        self._start = start_of(setting.plan, str(uuid.uuid4()))
        self._sending = Sending(plan.trouble, self.record, rng)
        self._line = self._sending.line
        self._script = Script(plan, setting.sounds, self.record, number * OFFSET_FRAMES)
        self._script.press = self._sending.press
        self._script.line = self._line
        self._acts = self._script.acts()
        self._receiving: Receiving
        self._socket: Socket | None = None
        self._marks = 0
        self._is_slow = plan.trouble.slow_reads is not None
        self._way_out: HangUp | Drop | Reconnect | None = None
        self._dialled_s: float | None = None
        """Set while dialling."""
        self._left_s = math.inf
        self._until_s = _length_s(plan, rng)

    @property
    def is_open(self) -> bool:
        """Whether the stream is."""
        return self._socket is not None and not self._socket.closed.done()

    async def run(self) -> None:
        """Call, until one of both ends it."""
        record, origin_s = self.record, self._setting.origin_s
        record.began_s = perf_counter() - origin_s
        record.count("calls")
        self._until_s += perf_counter()
        try:
            await self._live(opens=True)
            while isinstance(self._way_out, Reconnect):
                way_back = self._way_out
                await asyncio.sleep(way_back.after_s)
                # Meanwhile the run may have ended.
                if not isinstance(self._way_out, Reconnect):
                    return
                self._way_out, self._left_s = None, math.inf
                record.count("reconnects")
                await self._live(opens=way_back.with_start)
        except UnavailableError as error:
            self._fail(f"not connected: {error.detail}")
        except Exception as error:
            self._fail(f"our own mistake: {error!r}")
            raise
        finally:
            self._close_books()

    def leave(self) -> None:
        """Hang up, whatever was planned."""
        if isinstance(self._way_out, Reconnect):
            self._way_out = HangUp()
        self._leave(HangUp())

    def tick(self, due_s: float) -> None:
        """Do the next 20 ms."""
        if self._way_out is not None:
            return
        now_s, line = perf_counter(), self._line
        if now_s >= line.look_s:
            self._look(now_s)
            if self._way_out is not None:
                return
        if now_s >= line.due_s:
            self._receiving.tick(now_s)
        if self._is_slow:
            self._read_slowly(now_s)
        self._script.now_s = due_s
        act = next(self._acts, None)
        if act is None or isinstance(act, Leave):
            self._leave(HangUp() if act is None else act.how)
        elif act.mark is None or not self._takes_mark():
            self._sending.frame(act.text, None)
        else:
            mark, receiving = act.mark, self._receiving
            self._sending.frame(act.text, lambda sent_s: receiving.expect(mark, sent_s))

    def resend(self, rest: bytes) -> None:
        """Send what the socket did not take of a frame."""
        if self._socket is not None and self._socket.loan is not None:
            self._socket.loan.resend(rest)

    def _look(self, now_s: float) -> None:
        """See to what is not for each tick."""
        if now_s >= self._until_s:
            self._leave(Drop() if self._plan.end == "drop" else HangUp())
            return
        self._line.look_s = min(now_s + BETWEEN_LOOKS_S, self._until_s)
        self._receiving.catch_up()
        self._sending.settle()
        self.record.settle()
        self._watch_unread()

    # ------------------------------------------------------------------- the stream

    async def _live(self, *, opens: bool) -> None:
        protocol = StreamProtocol(Side.PLATFORM, None if opens else self._start)
        receiving = Receiving(self._setting.plan, self.record, self._sending, protocol)
        receiving.on_stop = self.leave
        self._socket = socket = await self._dial(receiving)
        if protocol.state is State.STOPPED:
            self.record.violated("stop before start")
        if self._way_out is not None:
            # Meanwhile the run, or the server, has ended it.
            socket.hang_up()
            self._note_end(await socket.closed)
            return
        opened_s = perf_counter()
        self._receiving = receiving
        self._sending.go_over(socket.send, protocol)
        self._listen_with(receiving)
        receiving.begin(self._setting.beat.add(self, self._line))
        try:
            if opens:
                self._sending.start(self._start)
            self._lend(socket, receiving)
            self._note_end(await socket.closed)
        finally:
            self._setting.beat.remove(self)
            self._sending.settle()
            # What is silent after we left is no hole.
            left_s = min(self._left_s, perf_counter())
            self.record.count("stream_s", left_s - opened_s)
            receiving.finish(left_s)

    async def _dial(self, receiving: Receiving) -> Socket:
        plan = self._setting.plan
        self._dialled_s = perf_counter()
        socket = await dial(
            url_of(plan), headers_of(plan), receiving, plan.connect_timeout_s
        )
        self.record.time("connect_ms", perf_counter() - self._dialled_s)
        self._dialled_s = None
        return socket

    def _listen_with(self, receiving: Receiving) -> None:
        if self._plan.script:
            audible = Audible(self._setting.plan.stream_type.rate_hz)
            receiving.audible = self._script.audible = audible
            self._script.begin_to_speak = receiving.pause
        else:
            sound = self._setting.sounds[self._plan.audio]
            marks = receiving.marks
            marks.is_tones = sound.is_tones
            marks.horizon_s = min(marks.horizon_s, sound.horizon_s)

    def _lend(self, socket: Socket, receiving: Receiving) -> None:
        """Let the socket be lent where nothing is to be done between two marks."""
        plan, reader = self._setting.plan, self._setting.reader
        incoming = reader.incoming(plan.stream_type.bytes_per_sample)
        transport = socket.plain_transport
        if self._plan.script or self._plan.trouble != Trouble():
            return
        if incoming is None or transport is None:
            return
        self._sending.say(self._setting.sounds[self._plan.audio].texts)
        receiving.incoming = incoming
        socket.loan = Loan(transport, receiving.form, self._line, incoming, reader)
        socket.loan.catch_up = receiving.catch_up

    def _takes_mark(self) -> bool:
        """Whether the next mark is looked for: with many streams, not each of them."""
        self._marks += 1
        turn = (self._marks + self.record.number) % self._setting.marks_apart
        return self._marks == 1 or turn == 0

    def _read_slowly(self, now_s: float) -> None:
        spells: Spells | None = self._plan.trouble.slow_reads
        if spells is not None and self._socket is not None:
            into_s = (now_s - self._setting.origin_s) % spells.every_s
            self._socket.read(is_reading=into_s < spells.every_s - spells.for_s)

    def _watch_unread(self) -> None:
        """Give up as Plivo does where the server does not read."""
        unsent = 0 if self._socket is None else self._socket.unsent_bytes
        if self._sending.lasts_s(unsent) > UNREAD_LIMIT_S:
            self.record.count("unread_drops")
            self._fail(f"left {UNREAD_LIMIT_S:.0f} s unread")
            self._leave(Drop())

    # ---------------------------------------------------------------------- its end

    def _leave(self, how: HangUp | Drop | Reconnect) -> None:
        if self._way_out is not None:
            return
        self._way_out = how
        self._left_s = perf_counter()
        if self._socket is None:
            return
        if isinstance(how, HangUp):
            self._socket.hang_up()
        else:
            self._socket.drop()

    def _note_end(self, closed: Closed) -> None:
        if self._way_out is None and closed.code not in GRACEFUL:
            self._fail(str(closed))
        elif not self.record.end:
            self.record.end = "" if self._comes_back else str(closed)

    @property
    def _comes_back(self) -> bool:
        return isinstance(self._way_out, Reconnect)

    def _fail(self, why: str) -> None:
        self.record.is_failed = True
        self.record.end = why

    def _close_books(self) -> None:
        record = self.record
        if self._dialled_s is not None and not record.end:
            waited_s = perf_counter() - self._dialled_s
            record.end = f"still dialling when the run ended, for {waited_s:.1f} s"
            record.is_failed = waited_s > PATIENT_S
        record.end = record.end or "ended while it was connected anew"
        record.count("calls_failed", int(record.is_failed))
        record.note_answer()
        record.ended_s = perf_counter() - self._setting.origin_s
        # All of these know this caller: kept, each call would wait for the collector.
        del self._acts, self._script, self._sending, self._line
        if hasattr(self, "_receiving"):
            del self._receiving
        self._socket = None


UNREAD_LIMIT_S = 40.0
"""So much unread audio, and Plivo drops the stream."""


def _length_s(plan: CallerPlan, rng: np.random.Generator) -> float:
    match plan.call_s:
        case None:
            return math.inf
        case (shortest, longest):
            return float(rng.uniform(shortest, longest))
        case seconds:
            return float(seconds)
