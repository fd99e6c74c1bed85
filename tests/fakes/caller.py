"""A caller at the far end of a real socket: Plivo's side of one stream."""

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from bridge.audio.pcm import Samples, silence
from bridge.call.bot import InService
from bridge.call.options import CallOptions
from bridge.call.transcript import Turn
from bridge.engine.far_buffer import FarBuffer
from bridge.server.app import BridgeServer, serving
from bridge.server.options import ServerOptions
from bridge.tasks import background

__all__ = ["Caller", "calling"]

STREAM_ID = "11111111-1111-4111-8111-111111111111"


class Caller:
    """Speaks and hears, 20 ms at a time."""

    def __init__(self) -> None:
        self.far = FarBuffer(60 * 8000)
        self.heard: list[Samples] = []
        self.got: list[Samples] = []
        """What was sent to be heard, however late it came."""
        self.turns: list[Turn] = []
        self.sent_keys = ""
        self.is_over = asyncio.Event()
        self.server: BridgeServer
        self._says = silence(0)
        self._socket: ClientConnection

    def say(self, samples: Samples) -> None:
        """Say something, after what is being said."""
        self._says = np.concatenate([self._says, samples])

    async def press(self, digit: str) -> None:
        """Press a key."""
        dtmf = {"track": "inbound", "digit": digit, "timestamp": "1"}
        await self._send("dtmf", dtmf=dtmf)

    async def until(self, seconds: float, count: int = 1, level: int = 300) -> float:
        """Wait until so many frames of sound have been heard; how long that took."""
        now = asyncio.get_running_loop().time
        began_s, already = now(), self.sounds(level)
        async with asyncio.timeout(seconds):
            while self.sounds(level) - already < count:
                await asyncio.sleep(0.02)
        return now() - began_s

    def sounds(self, level: int = 300) -> int:
        """How many frames had sound."""
        return sum(int(np.abs(frame).max()) > level for frame in self.heard)

    def lines(self) -> list[str]:
        """The transcript."""
        return [f"{t.who}: {t.text}{'-' if t.is_cut else ''}" for t in self.turns]

    async def live(self, url: str, headers: Mapping[str, str]) -> None:
        """Be in the call until it ends."""
        extra = ",".join(f"{name}={value}" for name, value in headers.items())
        async with connect(url, compression=None) as socket:
            self._socket = socket
            media = {"encoding": "audio/x-l16", "sampleRate": 8000}
            start = {
                "callId": STREAM_ID,
                "streamId": STREAM_ID,
                "accountId": "MAXXXXXXXXXXXXXXXXXX",
                "tracks": ["inbound"],
                "mediaFormat": media,
            }
            await socket.send(
                json.dumps(
                    {
                        "event": "start",
                        "sequenceNumber": 1,
                        "start": start,
                        "extra_headers": extra,
                    }
                )
            )
            async with background(clock=self._tick()):
                # However it is closed, it is over.
                with contextlib.suppress(ConnectionClosed):
                    async for text in socket:
                        await self._take(json.loads(text))
        self.is_over.set()

    async def _tick(self) -> None:
        now = asyncio.get_running_loop().time
        due_s, chunk = now(), 0
        while True:
            await asyncio.sleep(max(0.0, due_s - now()))
            due_s += 0.02
            chunk += 1
            heard, reached = self.far.take(160)
            self.heard.append(heard)
            for name in reached:
                await self._send("playedStream", name=name)
            said, self._says = self._says[:160], self._says[160:]
            said = np.pad(said, (0, 160 - len(said)))
            payload = base64.b64encode(said.astype("<i2").tobytes()).decode()
            await self._send(
                "media", media={"track": "inbound", "payload": payload, "chunk": chunk}
            )

    async def _take(self, message: dict[str, Any]) -> None:
        match message["event"]:
            case "playAudio":
                data = base64.b64decode(message["media"]["payload"])
                samples = np.frombuffer(data, "<i2").astype(np.int16)
                self.got.append(samples)
                self.far.play(samples)
            case "checkpoint":
                if self.far.checkpoint(message["name"]):
                    await self._send("playedStream", name=message["name"])
            case "clearAudio":
                self.far.clear()
            case "sendDTMF":
                self.sent_keys += message["dtmf"]

    async def _send(self, event: str, **body: Any) -> None:
        message = {"event": event, "streamId": STREAM_ID, "extra_headers": "", **body}
        try:
            await self._socket.send(json.dumps(message))
        except ConnectionClosed:
            # The other end has hung up; whoever reads sees that, too.
            return


@asynccontextmanager
async def calling(
    bot: Any, headers: Mapping[str, str] | None = None
) -> AsyncIterator[Caller]:
    """Let a caller call a bot, over a real socket; the call ends with the block."""
    caller = Caller()
    in_service = {"bot": InService.of("bot", bot)}
    options = ServerOptions(port=0, drain_s=0.5)
    call_options = CallOptions(farewell_s=1.0)
    async with serving(in_service, options, call_options) as server:
        caller.server = server

        def begun(session: Any) -> None:
            session.transcript.on_turn = caller.turns.append

        server.on_call = begun
        async with background() as spawn:
            spawn("caller", caller.live(server.url, headers or {}))
            yield caller
