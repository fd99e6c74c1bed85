"""An AI agent that comes back, against a whole engine in virtual time."""

import asyncio
from pathlib import Path

import httpx
import pytest

from bridge.engine.phonebook import PhoneScript
from bridge.multiparty.objects import Participant
from tests.control.test_agents import URL, both, roles

LOST_AFTER_S = 5.0


async def test_it_comes_back_while_the_call_lives(tmp_path: Path) -> None:
    """Each time that it is lost; it leaves with the block, whichever one it is."""
    back: list[Participant] = []
    flaky = PhoneScript(hangs_up_after_s=LOST_AFTER_S)
    async with both(tmp_path, ai=flaky) as (house, client):
        house.add("demo", "2", stay_alone=True)
        await asyncio.sleep(1)
        async with client.ai_agent(
            "demo", url=URL, keep=True, returned=back.append
        ) as first:
            await asyncio.sleep(3 * LOST_AFTER_S)
            assert len(back) in (1, 2)
            assert back[0].call_uuid != first.call_uuid
            while roles(house) != ["customer", "ai-agent"]:
                await asyncio.sleep(0.1)
        assert roles(house) == ["customer"]
        await asyncio.sleep(60)
        assert roles(house) == ["customer"]


async def test_one_that_does_not_last_is_tried_less_and_less(tmp_path: Path) -> None:
    """A server that refuses every call is not called without end."""
    back: list[Participant] = []
    async with both(tmp_path, ai=PhoneScript(hangs_up_after_s=1.5)) as (house, client):
        house.add("demo", "2", stay_alone=True)
        await asyncio.sleep(1)
        async with client.ai_agent("demo", url=URL, keep=True, returned=back.append):
            await asyncio.sleep(300)
        assert 8 <= len(back) <= 16


async def test_who_is_kicked_out_stays_out(tmp_path: Path) -> None:
    """As after a transfer: a person has taken over."""
    back: list[Participant] = []
    async with both(tmp_path) as (house, client):
        house.add("demo", "2", stay_alone=True)
        await asyncio.sleep(1)
        async with client.ai_agent(
            "demo", url=URL, keep=True, returned=back.append
        ) as member:
            await asyncio.sleep(3)
            await client.kick("demo", members=member.member_id)
            await asyncio.sleep(30)
            assert roles(house) == ["customer"]
    assert not back


async def test_a_call_that_is_over_is_not_begun_again(tmp_path: Path) -> None:
    """Nobody is added to it, by whatever name."""
    back: list[Participant] = []
    async with both(tmp_path) as (house, client):
        house.add("demo", "2")
        await asyncio.sleep(1)
        async with client.ai_agent("demo", url=URL, keep=True, returned=back.append):
            await asyncio.sleep(3)
            await client.end("demo")
            await asyncio.sleep(30)
            assert not house.exchange.find("demo")
    assert not back


async def test_while_nothing_is_known_nobody_is_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An API that is down for minutes brings no second agent."""
    back: list[Participant] = []
    async with both(tmp_path) as (house, client):
        house.add("demo", "2", stay_alone=True)
        await asyncio.sleep(1)
        async with client.ai_agent("demo", url=URL, keep=True, returned=back.append):

            async def down(*_arguments: object, **_more: object) -> httpx.Response:
                raise httpx.ConnectError("down")

            with monkeypatch.context() as patched:
                patched.setattr(httpx.ASGITransport, "handle_async_request", down)
                await asyncio.sleep(120)
            await asyncio.sleep(10)
            assert roles(house) == ["customer", "ai-agent"]
    assert not back
