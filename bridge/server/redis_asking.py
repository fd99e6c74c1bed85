"""Asks the instance that carries a call, and answers others who ask this one."""

import asyncio
import itertools
import logging
from collections.abc import Callable

from bridge.metrics import Metrics
from bridge.server.fleet import Answer, Outcome
from bridge.server.redis_client import AWAY, reason
from bridge.server.redis_post import Post, Question, Reply
from bridge.server.redis_registry import Registry

__all__ = ["ANSWER_S", "Asking"]

_LOG = logging.getLogger(__name__)

ANSWER_S = 3.0
"""Another instance answers within that, or is taken as lost."""

STALE_MS = 2000
"""A question older than this is passed over: who asked is about to give up, and must
not be told that an instance was lost which then ends the call."""


class Asking:
    """The questions of one seat.

    Args:
        seat: Whose.
        answer: Answers about a stream of this instance; the second is a reason to end
            it, or None to show it.
        metrics: The process's counts.
    """

    def __init__(
        self, seat: str, answer: Callable[[str, str | None], Answer], metrics: Metrics
    ) -> None:
        self._seat = seat
        self._answer = answer
        self._metrics = metrics
        self._numbers = itertools.count(1)
        self._open: dict[int, asyncio.Future[Answer]] = {}

    async def ask(
        self, registry: Registry, post: Post, stream_id: str, end_reason: str | None
    ) -> Answer:
        """Ask whoever carries a stream, and wait for the answer; never fails."""
        answer = await self._ask(registry, post, stream_id, end_reason)
        self._metrics.fleet_questions[answer.outcome.value] += 1
        return answer

    async def _ask(
        self, registry: Registry, post: Post, stream_id: str, end_reason: str | None
    ) -> Answer:
        number = next(self._numbers)
        reply: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._open[number] = reply
        try:
            seat = await registry.holder(stream_id)
            if not seat:
                return Answer(Outcome.NOT_FOUND if seat is None else Outcome.LOST)
            question = Question(number, self._seat, stream_id, end_reason)
            await post.send(seat, question)
            done, _pending = await asyncio.wait({reply}, timeout=ANSWER_S)
            return reply.result() if done else Answer(Outcome.LOST)
        except AWAY as error:
            _LOG.warning("stream %s could not be asked: %s", stream_id, reason(error))
            return Answer(Outcome.UNREACHABLE)
        finally:
            del self._open[number]

    async def take(
        self, registry: Registry, post: Post, question: Question, sent_ms: int
    ) -> None:
        """Answer a question of another instance."""
        if await registry.now_ms() - sent_ms > STALE_MS:
            _LOG.warning("a question about %s came too late", question.stream_id)
            return
        answer = self._answer(question.stream_id, question.end_reason)
        await post.send(question.seat, Reply(question.number, answer))

    def settle(self, reply: Reply) -> None:
        """Take the answer to a question of this seat."""
        future = self._open.get(reply.number)
        if future is not None and not future.done():
            future.set_result(reply.answer)
