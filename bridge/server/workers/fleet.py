"""The workers of one server as a fleet: each knows the calls of all."""

import asyncio
import collections
import datetime
import itertools
import logging

import msgspec

from bridge.errors import PeerError
from bridge.multiparty import callbacks
from bridge.multiparty.callbacks import Callback
from bridge.server.fleet import (
    Alone,
    Answer,
    Carrier,
    Census,
    FleetCall,
    Outcome,
    census,
)
from bridge.server.workers.letters import (
    OTHERS,
    Began,
    Hello,
    Left,
    Over,
    Question,
    Reply,
    Silent,
    Told,
)
from bridge.server.workers.spoke import Spoke

__all__ = ["KEPT_S", "MOST_LOST", "WorkersFleet"]

_LOG = logging.getLogger(__name__)

ANSWER_S = 3.0
"""Another worker answers within that, or is taken as lost."""

MOST_LOST = 1000
KEPT_S = 3600.0
"""Of calls whose worker died."""


class WorkersFleet(Alone):
    """Tells the other workers of calls and callbacks, and reaches theirs.

    Args:
        instance: The name of this worker.
        carrier: What it can do with its calls.
        spoke: To the others.
    """

    def __init__(self, instance: str, carrier: Carrier, spoke: Spoke) -> None:
        super().__init__(instance, carrier)
        self._spoke = spoke
        self._names: dict[int, str] = {}
        self._silent: frozenset[int] = frozenset()
        self._there: dict[int, dict[str, FleetCall]] = {}
        self._lost: collections.deque[FleetCall] = collections.deque(maxlen=MOST_LOST)
        self._numbers = itertools.count(1)
        self._open: dict[int, tuple[int, asyncio.Future[Answer]]] = {}
        spoke.hear(Hello, self._take_name)
        spoke.hear(Began, self._take_call)
        spoke.hear(Over, self._take_end)
        spoke.hear(Told, self._take_callback)
        spoke.hear(Question, self._take_question)
        spoke.hear(Reply, self._take_reply)
        spoke.hear(Left, self._take_leave)
        spoke.hear(Silent, self._take_silence)
        spoke.send(Hello(instance), OTHERS)

    # ------------------------------------------------------------ what is told here

    def announce(self, call: FleetCall) -> None:
        """A call begins here."""
        super().announce(call)
        self._spoke.send(Began(call), OTHERS)

    def retire(self, stream_id: str) -> None:
        """A call here has ended."""
        if stream_id in self._calls:
            super().retire(stream_id)
            self._spoke.send(Over(stream_id), OTHERS)

    def publish_callback(self, callback: Callback) -> None:
        """Hand a callback that was taken here to all other workers, in order."""
        self._spoke.send(Told(callback.params()), OTHERS)

    # ---------------------------------------------------------------- what is asked

    async def calls(self) -> Census:
        """Look everywhere."""
        since_s = _now_s() - KEPT_S
        there = (call for calls in self._there.values() for call in calls.values())
        found = census(
            (*self._calls.values(), *there),
            (call for call in self._lost if (call.lost_s or 0.0) >= since_s),
            (self.instance, *self._names.values()),
        )
        silent = (name for n, name in self._names.items() if n in self._silent)
        return msgspec.structs.replace(found, silent=tuple(sorted(silent)))

    async def show(self, stream_id: str) -> Answer:
        """Ask whoever carries a call for its live detail."""
        return await self._ask(stream_id, None)

    async def end(self, stream_id: str, reason: str) -> Answer:
        """Have a call ended by whoever carries it."""
        return await self._ask(stream_id, reason)

    async def _ask(self, stream_id: str, end_reason: str | None) -> Answer:
        holder = next((n for n, calls in self._there.items() if stream_id in calls), 0)
        if stream_id in self._calls or not holder:
            answer = self._here(stream_id, end_reason)
            is_lost = any(call.stream_id == stream_id for call in self._lost)
            if answer.outcome is Outcome.NOT_FOUND and is_lost:
                return Answer(Outcome.LOST)
            return answer
        if holder in self._silent:
            return Answer(Outcome.LOST)
        number = next(self._numbers)
        reply: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._open[number] = holder, reply
        try:
            self._spoke.send(Question(number, stream_id, end_reason), holder)
            done, _pending = await asyncio.wait({reply}, timeout=ANSWER_S)
            return reply.result() if done else Answer(Outcome.LOST)
        finally:
            del self._open[number]

    # ------------------------------------------------------------ what others tell

    def _take_name(self, worker: int, letter: Hello) -> None:
        self._names[worker] = letter.name

    def _take_call(self, worker: int, letter: Began) -> None:
        self._there.setdefault(worker, {})[letter.call.stream_id] = letter.call

    def _take_end(self, worker: int, letter: Over) -> None:
        self._there.get(worker, {}).pop(letter.stream_id, None)

    def _take_callback(self, _worker: int, letter: Told) -> None:
        try:
            self._carrier.take(callbacks.parse(letter.params))
        except PeerError as error:
            _LOG.warning("from another worker: %s", error)

    def _take_question(self, worker: int, letter: Question) -> None:
        answer = self._here(letter.stream_id, letter.end_reason)
        self._spoke.send(Reply(letter.number, answer), worker)

    def _take_reply(self, _worker: int, letter: Reply) -> None:
        _holder, reply = self._open.get(letter.number, (0, None))
        if reply is not None and not reply.done():
            reply.set_result(letter.answer)

    def _take_silence(self, _parent: int, letter: Silent) -> None:
        self._silent = frozenset(letter.workers)

    def _take_leave(self, _parent: int, letter: Left) -> None:
        self._names.pop(letter.worker, None)
        self._silent -= {letter.worker}
        self._there.pop(letter.worker, None)
        self._lost.extend(letter.lost)
        for holder, reply in self._open.values():
            if holder == letter.worker and not reply.done():
                reply.set_result(Answer(Outcome.LOST))


def _now_s() -> float:
    return datetime.datetime.now(datetime.UTC).timestamp()
