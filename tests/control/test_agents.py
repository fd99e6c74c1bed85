"""Agents in a call, against a whole engine in virtual time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from bridge.control import MpcClient
from bridge.engine.phonebook import PhoneScript
from bridge.engine.rest.app import Api
from bridge.errors import ControlError, MisuseError, RefusedError, UnavailableError
from bridge.multiparty.objects import Participant
from bridge.multiparty.requests import AddParticipant
from bridge.multiparty.vocabulary import Role
from tests.engine.setting import AUTH_ID, Engine, engine

URL = "ws://bot.test/stream"


@asynccontextmanager
async def both(folder: Path, **numbers: Any) -> AsyncIterator[tuple[Engine, MpcClient]]:
    """An engine whose AI agents are phones, and a client of it."""
    async with engine(folder, **numbers) as house:
        dialling = house.exchange.parts.dialling
        dial = dialling.lines

        def lines(request: AddParticipant) -> Any:
            if request.role is not Role.AI_AGENT:
                return dial(request)
            phone = {"role": "agent", "from": "1", "to": "ai"}
            return dial(AddParticipant.model_validate(phone))

        dialling.lines = lines  # type: ignore[method-assign]
        app = Api(house.exchange, house.notifier, house.options)
        transport = httpx.ASGITransport(app.app())
        token = house.options.auth_token
        async with MpcClient(
            AUTH_ID, token, url="http://engine.test", transport=transport
        ) as client:
            yield house, client


def roles(house: Engine) -> list[str]:
    conference = house.exchange.find("demo")
    return [] if conference is None else [m.role for m in conference.room.members]


async def test_an_ai_agent_is_there_for_the_length_of_a_block(tmp_path: Path) -> None:
    """In it once the block begins, out of it once it ends."""
    async with both(tmp_path) as (house, client):
        house.add("demo", "2", stay_alone=True)
        await asyncio.sleep(1)
        async with client.ai_agent("demo", url=URL, headers={"a": "1"}) as member:
            assert member.role == "ai-agent"
            assert roles(house) == ["customer", "ai-agent"]
            (line,) = (
                each
                for each in house.exchange.calls.lines.values()
                if each.role == "ai-agent"
            )
            assert line.request is not None
            assert line.request.ai_agent_stream_extra_headers == "a=1"
        assert roles(house) == ["customer"]


async def test_it_is_removed_whatever_happened(tmp_path: Path) -> None:
    """An exception, a cancellation; one who is gone already is no matter."""
    async with both(tmp_path) as (house, client):
        house.add("demo", "2", stay_alone=True)
        await asyncio.sleep(1)
        with pytest.raises(ZeroDivisionError):
            async with client.ai_agent("demo", url=URL):
                raise ZeroDivisionError
        assert roles(house) == ["customer"]

        async def for_ever() -> None:
            async with client.ai_agent("demo", url=URL):
                await asyncio.sleep(1000)

        task = asyncio.create_task(for_ever())
        await asyncio.sleep(2)
        assert roles(house) == ["customer", "ai-agent"]
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert roles(house) == ["customer"]

        async with client.ai_agent("demo", url=URL) as member:
            await client.kick("demo", member.member_id)
        async with client.ai_agent("demo", url=URL):
            await client.end("demo")
        assert roles(house) == []


async def test_one_that_does_not_join_is_an_error(tmp_path: Path) -> None:
    """In time; and it is not left ringing."""
    slow = PhoneScript(answers_after_s=20)
    async with both(tmp_path, nai=slow) as (house, client):
        house.add("demo", "2", stay_alone=True)
        await asyncio.sleep(1)
        with pytest.raises(UnavailableError, match="did not join in 3 s"):
            async with client.ai_agent("demo", url=URL, join_timeout_s=3):
                pass
        with pytest.raises(MisuseError, match="ai_agent_stream_service_url"):
            client.ai_agent("demo", url="http://h")


TRANSFER: dict[str, Any] = {"to": "+7", "sender": "+1"}


async def test_a_call_is_handed_over_warmly(tmp_path: Path) -> None:
    """The customer is on hold while the AI briefs the person; then the AI leaves."""
    briefed: list[Participant] = []
    async with both(tmp_path) as (house, client):
        customer = house.add("demo", "2")
        await asyncio.sleep(1)
        async with client.ai_agent("demo", url=URL):

            async def brief(person: Participant) -> None:
                assert customer.member is not None
                assert customer.member.hold
                assert roles(house) == ["customer", "ai-agent", "agent"]
                briefed.append(person)
                await asyncio.sleep(3)

            done = await client.transfer("demo", **TRANSFER, brief=brief)

            assert done.answered
            assert done.agent == briefed[0]
            assert roles(house) == ["customer", "agent"]
            assert customer.member is not None
            assert not customer.member.hold


async def test_the_customer_may_hear_the_ai_meanwhile(tmp_path: Path) -> None:
    """Then nobody is put on hold."""
    async with both(tmp_path) as (house, client):
        customer = house.add("demo", "2")
        await asyncio.sleep(1)
        async with client.ai_agent("demo", url=URL):

            async def brief(_person: Participant) -> None:
                assert customer.member is not None
                assert not customer.member.hold

            done = await client.transfer(
                "demo", **TRANSFER, brief=brief, customer_hears="the AI"
            )
            assert done.answered
        with pytest.raises(MisuseError, match="'hold music' or 'the AI'"):
            await client.transfer("demo", **TRANSFER, customer_hears="jazz")


async def test_if_nobody_answers_the_ai_stays(tmp_path: Path) -> None:
    """And the customer is back with it."""
    away = PhoneScript(outcome="no-answer")
    async with both(tmp_path, n7=away) as (house, client):
        customer = house.add("demo", "2")
        await asyncio.sleep(1)
        async with client.ai_agent("demo", url=URL):
            done = await client.transfer("demo", **TRANSFER, answer_timeout_s=5)
            assert (done.answered, done.agent) == (False, None)
            assert roles(house) == ["customer", "ai-agent"]
            assert customer.member is not None
            assert not customer.member.hold


async def test_a_briefing_that_fails_hands_nothing_over(tmp_path: Path) -> None:
    """The AI stays with the customer, and the error is seen."""
    async with both(tmp_path) as (house, client):
        customer = house.add("demo", "2")
        await asyncio.sleep(1)
        async with client.ai_agent("demo", url=URL):

            async def brief(_person: Participant) -> None:
                raise ZeroDivisionError

            with pytest.raises(ZeroDivisionError):
                await client.transfer("demo", **TRANSFER, brief=brief)
            assert roles(house) == ["customer", "ai-agent"]
            assert customer.member is not None
            assert not customer.member.hold


async def test_a_customer_who_goes_ends_it(tmp_path: Path) -> None:
    """Without an AI there is nothing to hand over; without a call nobody to dial."""
    async with both(tmp_path, n2=PhoneScript(hangs_up_after_s=5)) as (house, client):
        house.add("demo", "2", end_mpc_on_exit=True)
        await asyncio.sleep(1)
        with pytest.raises(MisuseError, match="no AI agent is in it"):
            await client.transfer("demo", **TRANSFER)
        async with client.ai_agent("demo", url=URL):

            async def brief(_person: Participant) -> None:
                await asyncio.sleep(30)

            with pytest.raises(RefusedError):
                await client.transfer("demo", **TRANSFER, brief=brief)


async def test_an_api_that_fails_while_leaving_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The block's own end is not changed by it."""
    async with both(tmp_path) as (house, client):
        house.add("demo", "2", stay_alone=True)
        await asyncio.sleep(1)
        async with client.ai_agent("demo", url=URL):

            async def fail(**_given: object) -> None:
                raise ControlError("kick participant", 500, "broken")

            monkeypatch.setattr(client, "kick", fail)
    assert "could not be removed from demo" in caplog.text


async def test_one_customer_who_goes_leaves_no_other_on_hold(tmp_path: Path) -> None:
    """Each is freed for themselves."""
    async with both(tmp_path) as (house, client):
        first = house.add("demo", "2")
        second = house.add("demo", "3")
        await asyncio.sleep(1)
        async with client.ai_agent("demo", url=URL):

            async def brief(_person: Participant) -> None:
                first.leg.hang_up()
                await asyncio.sleep(1)

            done = await client.transfer("demo", **TRANSFER, brief=brief)
            assert done.answered
            assert second.member is not None
            assert not second.member.hold


async def test_a_transfer_that_is_cancelled_frees_the_customer(tmp_path: Path) -> None:
    """At whatever point."""
    async with both(tmp_path, n7=PhoneScript(outcome="no-answer")) as (house, client):
        customer = house.add("demo", "2")
        await asyncio.sleep(1)
        async with client.ai_agent("demo", url=URL):
            for seconds in (0.0, 0.01, 2.0):
                task = asyncio.create_task(client.transfer("demo", **TRANSFER))
                await asyncio.sleep(seconds)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                await asyncio.sleep(1)
                assert customer.member is not None
                assert not customer.member.hold


async def test_who_answers_in_the_last_moment_is_seen(tmp_path: Path) -> None:
    """And of several, the first; nobody waits for the others."""
    late = PhoneScript(answers_after_s=3.9)
    async with both(tmp_path, n7=late, n9=late, n8=late) as (house, client):
        house.add("demo", "2")
        await asyncio.sleep(1)
        async with client.ai_agent("demo", url=URL):
            now = asyncio.get_running_loop().time
            began_s = now()
            done = await client.transfer(
                "demo", to="7<9<8", sender="+1", answer_timeout_s=4
            )
            assert done.answered
            assert now() - began_s < 6
            assert roles(house) == ["customer", "agent"]


async def test_an_agent_is_removed_even_if_it_comes_late(tmp_path: Path) -> None:
    """Cancelled while it was being added, or while it rang."""
    async with both(tmp_path, nai=PhoneScript(answers_after_s=1)) as (house, client):
        house.add("demo", "2", stay_alone=True)
        await asyncio.sleep(1)

        async def have() -> None:
            async with client.ai_agent("demo", url=URL):
                await asyncio.sleep(100)

        for seconds in (0.0, 0.001, 0.5):
            task = asyncio.create_task(have())
            await asyncio.sleep(seconds)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.sleep(5)
            assert roles(house) == ["customer"]
