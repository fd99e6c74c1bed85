"""How a server takes part as one of several workers."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol

from bridge.metrics import Metrics
from bridge.server.admission import Admission
from bridge.server.authentication import Authentication
from bridge.server.workers.counts import Counts
from bridge.server.workers.exchange import Exchange
from bridge.server.workers.letters import OTHERS, Bound, Leaving, Level, Silent, Spent
from bridge.server.workers.spoke import Spoke
from bridge.tasks import background

__all__ = ["taking_part"]


class Joining(Protocol):
    """What a server shares with the others."""

    metrics: Metrics
    admission: Admission
    on_log_level: Callable[[int], None]


@asynccontextmanager
async def taking_part(server: Joining, spoke: Spoke) -> AsyncIterator[None]:
    """Be one of the workers while the block runs; its fleet must hear already.

    Shared are metrics, limits, what let somebody in, and the log's level; calls and
    callbacks are the fleet's.
    """
    exchange = Exchange(spoke, server.metrics)
    server.metrics.expose = exchange.exposition
    server.admission.elsewhere = Counts(spoke)
    authentication = server.admission.authentication
    authentication.on_spent = lambda signature, at_s: spoke.send(
        Spent(signature, at_s), OTHERS
    )
    authentication.on_bound = lambda token_id, call: spoke.send(
        Bound(token_id, call), OTHERS
    )
    spoke.hear(
        Spent,
        lambda _from, letter: authentication.note_spent(letter.signature, letter.at_s),
    )
    spoke.hear(Bound, lambda _from, letter: _note_bound(authentication, letter))
    server.on_log_level = lambda level: spoke.send(Level(level), OTHERS)
    spoke.hear(Level, lambda _from, letter: _set_level(letter.level))
    spoke.hear(Silent, lambda _from, letter: _note_silent(server, spoke, letter))
    async with spoke.listening(), background(metrics=exchange.run()):
        try:
            yield
        finally:
            # The last of it, which the parent keeps.
            exchange.send()
            spoke.send(Leaving())


def _set_level(level: int) -> None:
    logging.getLogger().setLevel(level)


def _note_bound(authentication: Authentication, letter: Bound) -> None:
    authentication.bind(letter.token_id, letter.call)


def _note_silent(server: Joining, spoke: Spoke, letter: Silent) -> None:
    # Of ourselves we hear when it is over.
    others = (number for number in letter.workers if number != spoke.number)
    server.admission.silent_workers = tuple(others)
