"""Makes captures with real runs: `python -m tests.captures.make` writes them here.

`serve --capture` is a process of its own, and callers speak to it over sockets.
"""

import asyncio
import base64
import json
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

import bridge
from bridge.audio import files
from bridge.audio.codecs import ULAW
from bridge.audio.pcm import Samples
from bridge.tasks import background
from tests.e2e.test_commands import command, first_line
from tests.fakes.caller import Caller

HERE = Path(__file__).parent
# Nobody reads there; a queue that fills would keep the goodbye from being read.
UNREAD: Mapping[str, Any] = {"compression": None, "max_queue": None}

STREAM_ID = "22222222-2222-4222-8222-222222222222"

SCRIPTED = ("--bot", "scripted", "--bot-option", f"script={HERE / 'scripted.toml'}")
BOTS: Mapping[str, tuple[str, ...]] = {
    "echo": ("--bot", "echo"),
    "scripted": SCRIPTED,
    "resumed": ("--bot", "echo"),
}
"""By capture, who answers it: arguments of `serve` and of `replay`."""


def speech() -> Samples:
    """What the caller says, at 8 kHz."""
    folder = Path(bridge.__file__).parent / "data" / "speech"
    return files.read(folder / "caller.wav", 8000)


async def echo(url: str) -> None:
    """Two seconds of speech, and hang up."""
    caller = Caller()
    async with background() as spawn:
        spawn("caller", caller.live(url, {"customer": "4711"}))
        await asyncio.sleep(0.3)
        caller.say(speech()[: 2 * 8000])
        await asyncio.sleep(2.7)


async def scripted(url: str) -> None:
    """A key into the greeting, some words, two keys; the bot hangs up."""
    caller = Caller()
    async with background() as spawn:
        spawn("caller", caller.live(url, {}))
        await asyncio.sleep(1.2)
        await caller.press("5")
        await asyncio.sleep(0.3)
        caller.say(speech()[: 2 * 8000])
        await asyncio.sleep(3.0)
        await caller.press("7")
        await asyncio.sleep(0.2)
        await caller.press("#")
        async with asyncio.timeout(60):
            await caller.is_over.wait()


async def resumed(url: str) -> None:
    """Mu-law; the socket breaks in the middle, and media goes on over a new one."""
    said = speech()[: 3 * 8000]
    media = {"encoding": "audio/x-mulaw", "sampleRate": 8000}
    ids = {
        "streamId": STREAM_ID,
        "callId": STREAM_ID,
        "accountId": "MAXXXXXXXXXXXXXXXXXX",
    }
    start = {"event": "start", "start": {**ids, "mediaFormat": media}}
    async with connect(url, **UNREAD) as socket:
        await socket.send(json.dumps(start))
        await talk(socket, said[:12000], 0)
        socket.transport.abort()
    await asyncio.sleep(0.3)
    async with connect(url, **UNREAD) as socket:
        await talk(socket, said[12000:], 75)
        await asyncio.sleep(0.2)


async def talk(socket: ClientConnection, samples: Samples, chunk: int) -> None:
    """Say something in real time."""
    now = asyncio.get_running_loop().time
    due_s = now()
    for begin in range(0, len(samples), 160):
        chunk += 1
        payload = base64.b64encode(ULAW.encode(samples[begin : begin + 160])).decode()
        media = {"track": "inbound", "payload": payload, "chunk": chunk}
        text = {"event": "media", "streamId": STREAM_ID, "media": media}
        await socket.send(json.dumps(text))
        due_s += 0.02
        await asyncio.sleep(max(0.0, due_s - now()))


CALLS: Mapping[str, Callable[[str], Awaitable[None]]] = {
    "echo": echo,
    "scripted": scripted,
    "resumed": resumed,
}


async def capture(name: str, folder: Path, *more: str) -> Path:
    """Make one call, and return its capture."""
    words = ("serve", "--port", "0", "--json", *BOTS[name], "--capture", str(folder))
    async with command(*words, *more) as process:
        facts: dict[str, Any] = json.loads(await first_line(process))
        await CALLS[name](facts["url"])
        await asyncio.sleep(0.3)
        process.terminate()
        async with asyncio.timeout(60):
            await process.communicate()
    (path,) = folder.iterdir()
    return path


async def main() -> None:
    """Make all of them."""
    for name in CALLS:
        with tempfile.TemporaryDirectory() as folder:
            path = await capture(name, Path(folder))
            (HERE / f"{name}.capture").write_bytes(path.read_bytes())


if __name__ == "__main__":
    asyncio.run(main())
