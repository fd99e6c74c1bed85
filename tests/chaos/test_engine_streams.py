"""Stream servers that die, stall, or never answer, while their callers talk on."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from pathlib import Path

from tests.chaos import engine_stage as stage


@contextlib.asynccontextmanager
async def mute_server() -> AsyncIterator[str]:
    """Takes connections, and never says a word."""

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while await reader.read(4096):
                pass
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    async with server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/stream"


async def test_stream_servers_die_stall_and_never_answer(tmp_path: Path) -> None:
    """Each agent leaves, and it is told; the callers hear each other all the time."""
    async with (
        stage.bridge(tmp_path) as dies,
        stage.bridge(tmp_path) as stalls,
        mute_server() as mute,
        stage.receiver() as receiver,
        stage.engine(tmp_path) as engine,
    ):
        rooms = {"dies": dies.facts["url"], "stalls": stalls.facts["url"], "mute": mute}
        recorded = {}
        for name, url in rooms.items():
            status = f"{receiver.url}/{name}"
            await engine.add(name, "+0", status_callback_url=status)
            await engine.add(name, "+1")
            await engine.joined(name, 2)
            recorded[name] = (await engine.record(name))["recording_url"]
            await engine.add_agent(
                name,
                url,
                ring_timeout=15,
                mute=True,
                ai_agent_stream_status_callback_url=f"{receiver.url}/{name}-stream",
            )
        for name in ("dies", "stalls"):
            await stage.eventually(engine.says(f"{name}: ai-agent joins"))
        await asyncio.sleep(1)
        dies.process.kill()
        stalls.process.send_signal(signal.SIGSTOP)

        # Who dies is missed within moments; who hangs, within half a minute.
        for name, seconds in (("dies", 10), ("mute", 60), ("stalls", 60)):
            await stage.eventually(receiver.has("ParticipantExit", f"/{name}"), seconds)
        for name in rooms:
            assert (await engine.shown(name))["status"] == "Active"
            roles = [member["role"] for member in await engine.members(name)]
            assert roles == ["customer", "customer"], name
        for name, url in recorded.items():
            await engine.stop_recording(name)
            audio = stage.sound(await engine.file(url))
            assert len(audio) / 8000 >= 10.0
            assert stage.missing(audio, 440, 700) == {}, name

        told = {name: receiver.forms(f"/{name}-stream") for name in rooms}
        events = {name: [form["Event"] for form in told[name]] for name in rooms}
        assert events == {
            "dies": ["StartStream", "DroppedStream"],
            "stalls": ["StartStream", "DroppedStream"],
            "mute": ["DroppedStream"],
        }
        reasons = {forms[-1]["StatusReason"] for forms in told.values()}
        assert reasons == {"connection_failed"}
        assert told["mute"][-1]["Error"] == "no answer in time"
        for name in rooms:
            assert receiver.names(f"/{name}").count("ParticipantExit") == 1
        assert "Ring Timeout Reached" in engine.log
        assert engine.longest_standstill_s < 3
        assert "Traceback" not in engine.log
