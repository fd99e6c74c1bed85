"""`mpc ai --keep`: an AI agent that comes back, between real processes."""

import asyncio
import json
import signal
from pathlib import Path

import httpx

from bridge.control import MpcClient
from tests.e2e.test_commands import command, first_line

AUTH_ID = "MALOCALENGINE0000000"


async def test_a_lost_agent_comes_back_and_leaves_with_the_command(
    tmp_path: Path,
) -> None:
    """Its server drops the call: it is added again; Ctrl-C takes it out."""
    async with (
        command(
            *("engine", "--json", "--port", "0", "--database", ":memory:"),
            *("--recordings", str(tmp_path)),
        ) as engine,
        command(
            *("serve", "--json", "--port", "0", "--bot", "echo"),
            *("--admin", "--admin-port", "0"),
        ) as serve,
    ):
        api = json.loads(await first_line(engine))["url"]
        bridge = json.loads(await first_line(serve))
        flags = ("--auth-id", AUTH_ID, "--auth-token", "local", "--api-url", api)
        async with (
            MpcClient(AUTH_ID, "local", url=api) as client,
            httpx.AsyncClient(base_url=bridge["admin"]) as admin,
        ):
            await client.add_participant(
                "demo", role="customer", from_="+1", to="+2", stay_alone=True
            )
            async with command(
                "mpc", *flags, "ai", "demo", bridge["url"], "--keep"
            ) as keep:
                assert "joined" in await first_line(keep)
                (call,) = (await admin.get("/calls")).json()["calls"]
                await admin.delete(f"/calls/{call['stream_id']}")
                assert "joined" in await first_line(keep)
                (back,) = (await admin.get("/calls")).json()["calls"]
                assert back["stream_id"] != call["stream_id"]
                keep.send_signal(signal.SIGINT)
                await asyncio.wait_for(keep.wait(), 60)
                present = await client.participants("demo")
                assert [each.role for each in present if not each.exit_time] == [
                    "customer"
                ]
