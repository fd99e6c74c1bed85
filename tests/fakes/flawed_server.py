"""Echo servers with one known flaw each, for a harness to find."""

import array
import asyncio
import base64
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from tests import unmeasured

__all__ = ["FLAWS", "flawed"]

FRAME_S = 0.02

Send = Callable[[dict[str, Any]], None]


class Flaw:
    """An echo without any; what is wrong is in those below."""

    def __init__(self, send: Send) -> None:
        self.send = send
        self.stream_id = ""
        self.frames = 0
        self.now = asyncio.get_running_loop().time

    def begin(self) -> None:
        """The stream begins."""

    def frame(self, payload: str) -> None:
        """Answer a frame."""
        self.frames += 1
        self.answer(payload)

    def answer(self, payload: str) -> None:
        """Play something."""
        media = {"contentType": "audio/x-l16", "sampleRate": 8000, "payload": payload}
        self.send({"event": "playAudio", "media": media})


class Late(Flaw):
    """Answers 30 ms late."""

    def frame(self, payload: str) -> None:
        asyncio.get_running_loop().call_later(0.03, self.answer, payload)


class Stalls(Flaw):
    """Holds everything back for 700 ms, once."""

    def begin(self) -> None:
        self.from_s = self.now() + 3.0
        self.held: list[str] = []

    def frame(self, payload: str) -> None:
        if not self.from_s <= self.now() < self.from_s + 0.7:
            self.release()
            self.answer(payload)
            return
        if not self.held:
            at_s = self.from_s + 0.7
            asyncio.get_running_loop().call_at(at_s, self.release)
        self.held.append(payload)

    def release(self) -> None:
        for payload in self.held:
            self.answer(payload)
        self.held.clear()


class Freezes(Flaw):
    """Answers for three seconds, and then no more."""

    def begin(self) -> None:
        self.until_s = self.now() + 3.0

    def frame(self, payload: str) -> None:
        if self.now() < self.until_s:
            self.answer(payload)


class Drops(Flaw):
    """Drops every 50th frame."""

    def frame(self, payload: str) -> None:
        self.frames += 1
        if self.frames % 50:
            self.answer(payload)


class Repeats(Flaw):
    """Says every 100th frame twice."""

    def frame(self, payload: str) -> None:
        super().frame(payload)
        if self.frames % 100 == 0:
            self.answer(payload)


class Swaps(Flaw):
    """Says every 50th frame after the next."""

    held: str | None = None

    def frame(self, payload: str) -> None:
        self.frames += 1
        if self.frames % 50 == 0:
            self.held = payload
            return
        self.answer(payload)
        if self.held is not None:
            self.answer(self.held)
            self.held = None


class Floods(Flaw):
    """Sends everything five times."""

    def frame(self, payload: str) -> None:
        for _ in range(5):
            self.answer(payload)


class Overflows(Flaw):
    """Sends a minute and a half at once."""

    def begin(self) -> None:
        second = base64.b64encode(bytes(16000)).decode()
        for _ in range(90):
            self.answer(second)

    def frame(self, payload: str) -> None:
        """Says no more."""


class Silent(Flaw):
    """Never answers."""

    def frame(self, payload: str) -> None:
        """Says nothing."""


class Drifts(Flaw):
    """Its clock is 1 % slow."""

    def begin(self) -> None:
        self.next_s = self.now()

    def frame(self, payload: str) -> None:
        self.next_s = max(self.next_s + FRAME_S * 1.01, self.now())
        asyncio.get_running_loop().call_at(self.next_s, self.answer, payload)


class Breaks(Flaw):
    """Sends a message of no use every 50 frames."""

    def frame(self, payload: str) -> None:
        super().frame(payload)
        if self.frames % 50 == 0:
            self.send({"event": "playAudio", "media": {"payload": 7}})


class Answers(Flaw):
    """Holds a conversation: speaks half a second after the caller, for four seconds.

    Five loud frames, and it falls silent.
    """

    loud = quiet = 0
    has_heard = False
    speaks_until_s = 0.0

    def frame(self, payload: str) -> None:
        samples = array.array("h", base64.b64decode(payload))
        is_loud = max(samples) > 1000
        self.loud = self.loud + 1 if is_loud else 0
        self.quiet = 0 if is_loud else self.quiet + 1
        self.has_heard = self.has_heard or is_loud
        if self.loud == 5 and self.now() < self.speaks_until_s:
            self.speaks_until_s = 0.0
            self.send({"event": "clearAudio", "streamId": self.stream_id})
        if self.has_heard and self.quiet == 25:
            self.has_heard = False
            self.speak()

    def speak(self) -> None:
        """Send it all at once, and a checkpoint."""
        self.speaks_until_s = self.now() + 4.0
        beep = array.array("h", [3000, 3000, -3000, -3000] * 2000).tobytes()
        for _ in range(4):
            self.answer(base64.b64encode(beep).decode())
        self.send({"event": "checkpoint", "streamId": self.stream_id, "name": "said"})


class Deaf(Answers):
    """Cannot be interrupted."""

    def frame(self, payload: str) -> None:
        super().frame(payload)
        self.loud = 0


FLAWS: dict[str, type[Flaw]] = {
    each.__name__.lower(): each
    for each in (
        Flaw,
        Late,
        Stalls,
        Freezes,
        Drops,
        Repeats,
        Swaps,
        Floods,
        Overflows,
        Silent,
        Drifts,
        Breaks,
        Answers,
        Deaf,
    )
}


@asynccontextmanager
async def flawed(name: str) -> AsyncIterator[str]:
    """Serve in a process of its own, so that nobody else's work makes it late.

    Yields the URL.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", __name__, name),
        stdout=asyncio.subprocess.PIPE,
        env=unmeasured.environment(),
    )
    try:
        assert process.stdout is not None
        yield (await process.stdout.readline()).decode().strip()
    finally:
        process.kill()
        await process.wait()


async def _serve(flaw: type[Flaw]) -> None:
    async def stream(socket: ServerConnection) -> None:
        outgoing: asyncio.Queue[str] = asyncio.Queue()
        echo = flaw(lambda message: outgoing.put_nowait(json.dumps(message)))

        async def write() -> None:
            while True:
                await socket.send(await outgoing.get())

        writing = asyncio.create_task(write())
        with suppress(ConnectionClosed):
            async for text in socket:
                message = json.loads(text)
                if message["event"] == "start":
                    echo.stream_id = message["start"]["streamId"]
                    echo.begin()
                elif message["event"] == "media":
                    echo.frame(message["media"]["payload"])
        writing.cancel()
        with suppress(asyncio.CancelledError, ConnectionClosed):
            await writing

    async with serve(stream, "127.0.0.1", 0, compression=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        print(f"ws://127.0.0.1:{port}/", flush=True)
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    asyncio.run(_serve(FLAWS[sys.argv[1]]))
