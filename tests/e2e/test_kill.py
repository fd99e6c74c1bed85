"""What is left of an engine that was killed in the middle of a call."""

import asyncio
import json
import signal
from pathlib import Path

import httpx
import pytest
import soundfile

from bridge.control import MpcClient
from tests.e2e.test_commands import command, first_line
from tests.ports import free_port

AUTH_ID = "MALOCALENGINE0000000"


@pytest.mark.parametrize("file_format", ["wav", "mp3"])
async def test_a_recording_survives_a_kill(tmp_path: Path, file_format: str) -> None:
    """Up to the last second; the next engine ends the call and serves the file."""
    speech = Path(__file__).parents[2] / "bridge" / "data" / "speech" / "caller.wav"
    book = tmp_path / "book.toml"
    book.write_text(f'[numbers."+2"]\nsays = "{speech}"\nanswers_after_s = 0.1\n')
    words = [
        *("engine", "--json", "--phonebook", str(book)),
        *("--recordings", str(tmp_path / "out")),
        *("--database", str(tmp_path / "history.sqlite3")),
    ]
    words += ["--port", str(free_port())]
    async with command(*words) as process:
        facts = json.loads(await first_line(process))
        async with MpcClient(AUTH_ID, "local", url=facts["url"]) as client:
            await client.add_participant("demo", role="customer", from_="+1", to="+2")
            while not await client.participants("demo"):
                await asyncio.sleep(0.05)
            started = await client.start_recording("demo", file_format=file_format)
            mpc = await client.get("demo")
            await asyncio.sleep(3.3)
        process.send_signal(signal.SIGKILL)
        await process.wait()

    (left,) = (tmp_path / "out").iterdir()
    assert left.name == f"{started.recording_id}.wav"
    audio, rate_hz = soundfile.read(left)
    assert len(audio) / rate_hz >= 1.0
    assert audio.any()

    async with command(*words) as process:
        facts = json.loads(await first_line(process))
        async with MpcClient(AUTH_ID, "local", url=facts["url"]) as client:
            ended = await client.get(uuid=mpc.mpc_uuid)
            (member,) = await client.participants(uuid=mpc.mpc_uuid)
        assert ended.status == "Ended"
        assert ended.end_time is not None
        assert member.exit_time is not None
        async with httpx.AsyncClient() as http:
            file = await http.get(str(started.recording_url))
        assert file.status_code == 200
        assert len(file.content) > 2000
        process.send_signal(signal.SIGTERM)
        await process.wait()
