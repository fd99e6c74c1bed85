"""What people do with agents in a call: have an AI in it, hand it over to a person."""

import asyncio
import dataclasses
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeAlias

from bridge.errors import ControlError, MisuseError, RefusedError, UnavailableError
from bridge.multiparty.objects import Participant
from bridge.multiparty.requests import AddParticipant
from bridge.multiparty.vocabulary import Role

if TYPE_CHECKING:
    from bridge.control.client import MpcClient

__all__ = ["Brief", "Transfer", "Wishes", "ai_agent", "transfer"]

_LOG = logging.getLogger(__name__)

JOIN_TIMEOUT_S = 30.0

FIRST_LOOK_S = 0.1
LONGEST_LOOK_S = 1.0
"""How often it is looked whether somebody has joined."""

LEAVE_TIMEOUT_S = 10.0

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
    client: "MpcClient", name: str, request: AddParticipant, timeout_s: float
) -> AsyncIterator[Participant]:
    """Have an AI agent in a call; see `MpcClient.ai_agent`."""
    added = await client.add_participant(name, request)
    member: Participant | None = None
    try:
        member = await _joined(client, name, added.call_uuid, timeout_s)
        if member is None:
            raise UnavailableError(
                "add AI agent", None, f"it did not join in {timeout_s:.0f} s"
            )
        yield member
    finally:
        # Also when this very task is being cancelled: the call must not keep an
        # agent that nobody minds.
        leaving = asyncio.ensure_future(_removed(client, name, added.call_uuid, member))
        await asyncio.shield(asyncio.wait({leaving}, timeout=LEAVE_TIMEOUT_S))


async def transfer(client: "MpcClient", name: str, wishes: Wishes) -> Transfer:
    """Hand a call over from its AI agent to a person.

    The person is dialled; the AI agent briefs them while the customer is on hold (or
    listens, if they are to hear `the AI`); then the customer comes back and the AI
    agent leaves. If the person does not answer, or the briefing fails, the AI agent
    stays, and the customer is back with it.

    Args:
        client: Of the API.
        name: The call's.
        wishes: How.

    Raises:
        MisuseError: If there is no AI agent in the call.
    """
    if wishes.customer_hears not in CHOICES:
        text = " or ".join(repr(choice) for choice in CHOICES)
        raise MisuseError(f"customer_hears: {wishes.customer_hears!r}, allowed: {text}")
    members = await client.participants(name)
    agents = [member for member in members if member.role == Role.AI_AGENT]
    if not agents:
        raise MisuseError(f"{name}: no AI agent is in it to hand it over")
    held = [m.member_id for m in members if m.role == Role.CUSTOMER and not m.hold]
    if wishes.customer_hears != "hold music":
        held = []
    # Held before the person is dialled, so that nobody meets before the briefing.
    await _hold(client, name, held, hold=True)
    try:
        person = await _called(client, name, wishes)
        if person is not None and wishes.brief is not None:
            await wishes.brief(person)
    finally:
        await _hold(client, name, held, hold=False)
    if person is None:
        return Transfer(answered=False, agent=None)
    await client.kick(name, ",".join(member.member_id for member in agents))
    return Transfer(answered=True, agent=person)


async def _called(client: "MpcClient", name: str, wishes: Wishes) -> Participant | None:
    added = await client.add_participant(
        name,
        role=Role.AGENT,
        from_=wishes.sender,
        to=wishes.to,
        ring_timeout=str(max(1, round(wishes.answer_timeout_s))),
    )
    calls = [call.call_uuid for call in added.calls] or [added.call_uuid]
    looks = [_joined(client, name, each, wishes.answer_timeout_s) for each in calls]
    for member in await asyncio.gather(*looks):
        if member is not None:
            return member
    return None


async def _joined(
    client: "MpcClient", name: str, call_uuid: str, timeout_s: float
) -> Participant | None:
    """Wait until a call is a member; None if it is none in time."""
    look_s = FIRST_LOOK_S
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                try:
                    for member in await client.participants(name, call_uuid=call_uuid):
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
    client: "MpcClient", name: str, call_uuid: str, member: Participant | None
) -> None:
    try:
        if member is None:
            found = await client.participants(name, call_uuid=call_uuid)
            member = found[0] if found else None
        if member is not None:
            await client.kick(name, member.member_id)
    except RefusedError:
        # It, or the whole call, is gone already.
        return
    except ControlError as error:
        _LOG.warning("the AI agent could not be removed from %s: %s", name, error)


async def _hold(
    client: "MpcClient", name: str, members: list[str], *, hold: bool
) -> None:
    if not members:
        return
    try:
        await client.update(
            name, ",".join(members), hold=hold, disable_state_change_sound=True
        )
    except RefusedError:
        # A customer who has hung up meanwhile needs no music, and none back.
        if hold:
            raise
