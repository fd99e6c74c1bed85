"""What people do with agents in a call: have an AI in it, hand it over to a person."""

import asyncio
import dataclasses
import logging
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TypeAlias

from bridge.control.calls import CallOperations
from bridge.errors import ControlError, MisuseError, RefusedError, UnavailableError
from bridge.multiparty.objects import Added, Participant
from bridge.multiparty.requests import AddParticipant
from bridge.multiparty.vocabulary import Role

__all__ = ["Brief", "Transfer", "Where", "Wishes", "ai_agent", "transfer"]

_LOG = logging.getLogger(__name__)

JOIN_TIMEOUT_S = 30.0

FIRST_LOOK_S = 0.1
LONGEST_LOOK_S = 1.0
"""How often it is looked whether somebody has joined."""

LAST_LOOK_S = 2.0
"""So much longer it is looked for somebody than they are dialled."""

LEAVE_TIMEOUT_S = 10.0

SILENTLY: Mapping[str, bool] = {"disable_state_change_sound": True}

Where: TypeAlias = Mapping[str, str]
"""Which call, as operations take it: `name` or `uuid`."""

Brief: TypeAlias = Callable[[Participant], Awaitable[None]]
"""Tells the person what it is about; returns when they know."""

CHOICES = ("hold music", "the AI")


@dataclasses.dataclass(frozen=True, slots=True)
class Transfer:
    """What became of handing a call over."""

    answered: bool
    """Whether the person came; if not, the AI agent stayed."""
    agent: Participant | None
    """The person."""


@dataclasses.dataclass(frozen=True, slots=True)
class Wishes:
    """How a call is to be handed over."""

    to: str
    sender: str
    brief: Brief | None
    customer_hears: str
    answer_timeout_s: float


@asynccontextmanager
async def ai_agent(
    client: CallOperations, mpc: Where, request: AddParticipant, timeout_s: float
) -> AsyncIterator[Participant]:
    """Have an AI agent in a call; see `MpcClient.ai_agent`."""
    # It stops ringing when nobody waits for it any more.
    ring_s = max(1, math.ceil(timeout_s))
    request = request.model_copy(update={"ring_timeout": str(ring_s)})
    adding = asyncio.ensure_future(client.add_participant(request=request, **mpc))
    try:
        added = await asyncio.shield(adding)
        member = await _joined(client, mpc, added.call_uuid, timeout_s + LAST_LOOK_S)
        if member is None:
            raise UnavailableError(
                "add AI agent", None, f"it did not join in {timeout_s:.0f} s"
            )
        yield member
    finally:
        # Also when this very task is being cancelled, and even if that was while it
        # was being added: the call must not keep an agent that nobody minds.
        leaving = asyncio.ensure_future(_removed(client, mpc, adding))
        await asyncio.shield(asyncio.wait({leaving}, timeout=LEAVE_TIMEOUT_S))


async def transfer(client: CallOperations, mpc: Where, wishes: Wishes) -> Transfer:
    """Hand a call over from its AI agent to a person.

    The person is dialled; the AI agent briefs them while the customer is on hold (or
    listens, if they are to hear `the AI`); then the customer comes back and the AI
    agent leaves. If the person does not answer, or the briefing fails, the AI agent
    stays, and the customer is back with it.

    Args:
        client: Of the API.
        mpc: Which call.
        wishes: How.

    Raises:
        MisuseError: If there is no AI agent in the call.
    """
    if wishes.customer_hears not in CHOICES:
        text = " or ".join(repr(choice) for choice in CHOICES)
        raise MisuseError(f"customer_hears: {wishes.customer_hears!r}, allowed: {text}")
    members = await client.participants(**mpc)
    agents = [member for member in members if member.role == Role.AI_AGENT]
    if not agents:
        raise MisuseError(
            f"{' '.join(mpc.values())}: no AI agent is in it to hand it over"
        )
    held = [m.member_id for m in members if m.role == Role.CUSTOMER and not m.hold]
    if wishes.customer_hears != "hold music":
        held = []
    person = None
    try:
        # Held before the person is dialled, so that nobody meets before the briefing.
        await _each(client.update, mpc, held, hold=True, **SILENTLY)
        person = await _called(client, mpc, wishes)
        if person is not None and wishes.brief is not None:
            await _briefed(client, mpc, person, wishes.brief)
    finally:
        # Also when this is cancelled: nobody is to be left with the music.
        freeing = _each(client.update, mpc, held, hold=False, **SILENTLY)
        await asyncio.shield(freeing)
    if person is None:
        return Transfer(answered=False, agent=None)
    await _each(client.kick, mpc, [member.member_id for member in agents])
    if not await client.participants(call_uuid=person.call_uuid or "", **mpc):
        raise UnavailableError("transfer", None, "the person hung up")
    return Transfer(answered=True, agent=person)


async def _briefed(
    client: CallOperations, mpc: Where, person: Participant, brief: Brief
) -> None:
    """Brief somebody; who cannot be briefed is not left with the customer."""
    try:
        await brief(person)
    except BaseException:
        await asyncio.shield(_each(client.kick, mpc, [person.member_id]))
        raise


async def _called(
    client: CallOperations, mpc: Where, wishes: Wishes
) -> Participant | None:
    person = AddParticipant(
        role=Role.AGENT,
        from_=wishes.sender,
        to=wishes.to,
        ring_timeout=str(max(1, int(wishes.answer_timeout_s))),
    )
    added = await client.add_participant(request=person, **mpc)
    calls = [call.call_uuid for call in added.calls] or [added.call_uuid]
    # Ringing ends a little before the looking does: who answers last is seen.
    wait_s = wishes.answer_timeout_s + LAST_LOOK_S
    looks = [
        asyncio.ensure_future(_joined(client, mpc, each, wait_s)) for each in calls
    ]
    try:
        for look in asyncio.as_completed(looks):
            member = await look
            if member is not None:
                return member
        return None
    finally:
        for look in looks:
            look.cancel()


async def _joined(
    client: CallOperations, mpc: Where, call_uuid: str, timeout_s: float
) -> Participant | None:
    """Wait until a call is a member; None if it is none in time."""
    look_s = FIRST_LOOK_S
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                try:
                    for member in await client.participants(call_uuid=call_uuid, **mpc):
                        return member
                except RefusedError as error:
                    # 404: the call has ended, and so nobody will join it.
                    if error.status != 404:
                        raise
                    return None
                await asyncio.sleep(look_s)
                look_s = min(look_s * 1.5, LONGEST_LOOK_S)
    except TimeoutError:
        return None


async def _removed(
    client: CallOperations, mpc: Where, adding: "asyncio.Future[Added]"
) -> None:
    try:
        added = await adding
        member = await _joined(client, mpc, added.call_uuid, LAST_LOOK_S)
        if member is not None:
            await client.kick(members=member.member_id, **mpc)
    except RefusedError:
        # It, or the whole call, is gone already, or it was never added.
        return
    except ControlError as error:
        where = " ".join(mpc.values())
        _LOG.warning("the AI agent could not be removed from %s: %s", where, error)


async def _each(
    operation: Callable[..., Awaitable[object]],
    mpc: Where,
    members: list[str],
    **how: bool,
) -> None:
    """Do something to members one by one: one who is gone is not the others' matter."""
    for member_id in members:
        try:
            await operation(members=member_id, **mpc, **how)
        except RefusedError as error:
            if error.status != 404:
                raise
