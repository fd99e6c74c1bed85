"""An engine that runs out of file descriptors."""

import asyncio
import contextlib
import resource
from pathlib import Path
from time import perf_counter

import httpx
import pytest

from bridge.multiparty.vocabulary import EventName
from tests.chaos import engine_stage as stage


def limit(process: stage.Process, more: int | None) -> None:
    """Let a process open so many more files; None: as many as it may at all."""
    pid = process.process.pid
    has = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(
        pid, resource.RLIMIT_NOFILE, (hard if more is None else has + more, hard)
    )


async def test_an_engine_without_descriptors_keeps_its_calls(tmp_path: Path) -> None:
    """What is new is refused in words or at the door; with some again, all is well."""
    async with (
        stage.bridge(tmp_path) as bridge,
        stage.receiver() as receiver,
        stage.engine(tmp_path) as engine,
        contextlib.AsyncExitStack() as stack,
    ):
        await engine.add("demo", "+0", status_callback_url=f"{receiver.url}/demo")
        await engine.add("demo", "+1")
        await engine.add_agent("demo", bridge.facts["url"], mute=True)
        await engine.joined("demo", 2)
        await stage.eventually(engine.says("demo: ai-agent joins"))
        recorded = await engine.record("demo")
        began_s = perf_counter()
        await engine.shown("demo")
        limit(engine, 12)

        # Agents, recordings and calls, over the connection that there is.
        answers = []
        for number in range(10):
            path = f"name_more{number}/Participant/"
            phone = {"role": "customer", "from": "+1", "to": "+2"}
            agent = {
                "role": "ai-agent",
                "from": "+1",
                "to": "agent",
                "ai_agent_stream_service_url": bridge.facts["url"],
            }
            record = {
                "recording_callback_url": f"{receiver.url}/rec",
                "recording_callback_method": "POST",
            }
            answers += [
                await engine.ask("POST", path, **phone),
                await engine.ask("POST", path, **agent),
                await engine.ask("POST", f"name_more{number}/Record/", **record),
                await engine.ask("GET", f"name_more{number}/"),
            ]
        assert {each.status_code for each in answers} <= {200, 201, 202, 503}
        assert 503 in {each.status_code for each in answers}
        assert "Too many open files" in engine.log
        # At the door: sooner or later it is closed, and nobody waits for ever.
        with pytest.raises(httpx.TransportError):
            await knock(engine.url, stack)
        await stack.aclose()
        limit(engine, None)
        await stage.eventually(engine.says("the database is back"))

        async with httpx.AsyncClient(base_url=engine.url) as http:
            assert (await http.get("/healthz")).status_code == 200
        await engine.add("new", "+3")
        await engine.joined("new")
        again = await engine.record("new")
        await asyncio.sleep(1)
        await engine.stop_recording("new")
        lasted_s = perf_counter() - began_s
        await engine.stop_recording("demo")
        assert len(await engine.members("demo")) == 3
        new = stage.sound(await engine.file(again["recording_url"]))
        assert stage.missing(new, 1300) == {}
        audio = stage.sound(await engine.file(recorded["recording_url"]))
        assert len(audio) / 8000 >= lasted_s - 2
        assert stage.missing(audio, 440, 700) == {}
        await stage.eventually(receiver.has(EventName.RECORDING_FAILED, "/rec"))
        assert "Traceback" not in engine.log


async def knock(url: str, stack: contextlib.AsyncExitStack) -> None:
    """Keep connections until one is not answered."""
    for _ in range(60):
        client = httpx.AsyncClient(base_url=url, timeout=15, verify=False)
        http = await stack.enter_async_context(client)
        assert (await http.get("/healthz")).status_code == 200
