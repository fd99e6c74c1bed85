"""Keeps an AI agent in a call: if it is lost and the call lives, it comes back."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from bridge.control.agents import Where, ai_agent
from bridge.control.calls import CallOperations
from bridge.errors import ControlError
from bridge.multiparty.objects import Participant
from bridge.multiparty.requests import AddParticipant
from bridge.multiparty.vocabulary import ExitCause, MpcStatus
from bridge.tasks import background

__all__ = ["Returned", "is_over", "kept"]

_LOG = logging.getLogger(__name__)

LOOK_S = 1.0
"""How often it is looked whether it is still there."""

FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0
"""Before it is added again; doubled each time that it does not last."""

JOIN_AGAIN_S = 10.0
"""How long it may take to join again: a stream opens at once, or not at all."""

LASTS_S = 30.0
"""Once it has stayed so long, the waits begin anew."""

Returned = Callable[[Participant], object]
"""Told of the member each time that the agent is back."""


@asynccontextmanager
async def kept(
    client: CallOperations,
    mpc: Where,
    request: AddParticipant,
    timeout_s: float,
    returned: Returned,
) -> AsyncIterator[Participant]:
    """Have an AI agent in a call, and have it back; see `MpcClient.ai_agent`.

    Lost is whoever is gone and was not kicked out: its server or the way there failed,
    or its bot left. While the API does not answer nobody is added, since nobody knows.
    """
    async with (
        ai_agent(client, mpc, request, timeout_s) as member,
        background(keep=_keep(client, member, request, timeout_s, returned)),
    ):
        yield member


async def _keep(
    client: CallOperations,
    member: Participant,
    request: AddParticipant,
    timeout_s: float,
    returned: Returned,
) -> None:
    where = {"uuid": member.mpc_uuid}
    now = asyncio.get_running_loop().time
    wait_s = FIRST_WAIT_S
    since_s: float | None = now()
    timeout_s = min(timeout_s, JOIN_AGAIN_S)
    is_lost = await _lost(client, member)
    while is_lost:
        if since_s is not None and now() - since_s >= LASTS_S:
            wait_s = FIRST_WAIT_S
        text = "the AI agent is lost from %s: back in %.1f s"
        _LOG.warning(text, member.mpc_uuid, wait_s)
        await asyncio.sleep(wait_s)
        wait_s = min(2 * wait_s, LONGEST_WAIT_S)
        if await is_over(client, member.mpc_uuid):
            return
        since_s = None
        try:
            async with ai_agent(client, where, request, timeout_s) as back:
                since_s = now()
                returned(back)
                is_lost = await _lost(client, back)
        except ControlError as error:
            _LOG.warning("the AI agent cannot be added: %s", error)


async def _lost(client: CallOperations, member: Participant) -> bool:
    """Wait until a member is gone; whether it should come back."""
    uuid = member.mpc_uuid
    while True:
        await asyncio.sleep(LOOK_S)
        try:
            found = await client.participant(uuid=uuid, member_id=member.member_id)
            if found.exit_time is None:
                continue
            if found.exit_cause == ExitCause.KICKED:
                return False
        except ControlError as error:
            # 404: nothing is known of it any more.
            if error.status != 404:
                _LOG.warning("whether the AI agent is in %s: %s", uuid, error)
                continue
        return not await is_over(client, uuid)


async def is_over(client: CallOperations, uuid: str) -> bool:
    """Whether a call has ended; while the API does not answer it has not."""
    try:
        return (await client.get(uuid=uuid)).status == MpcStatus.ENDED
    except ControlError as error:
        return error.status == 404
