"""A speech-to-speech service, as its published events describe it."""

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from bridge.audio.tones import tone

__all__ = ["RealtimeService", "serving_realtime"]

RATE_HZ = 24000


class RealtimeService:
    """Answers each wish with a tone and words; does what a test tells it to besides."""

    def __init__(self) -> None:
        self.url = ""
        self.sessions = 0
        self.asked: list[dict[str, Any]] = []
        self.heard = bytearray()
        self.answers: list[dict[str, Any]] = []
        """What the next responses are: `text`, `seconds`, `calls`, and so on."""
        self.authorization: str | None = None
        self.path = ""
        self._socket: ServerConnection | None = None
        self._answering: asyncio.Task[None] | None = None
        self._items = 0

    def kinds(self) -> list[str]:
        """What was asked, without audio."""
        kinds = [event["type"] for event in self.asked]
        return [kind for kind in kinds if kind != "input_audio_buffer.append"]

    def of(self, kind: str) -> list[dict[str, Any]]:
        """What was asked of a kind."""
        return [event for event in self.asked if event["type"] == kind]

    async def send(self, kind: str, **body: Any) -> None:
        """Tell the client something."""
        if self._socket is not None:
            with contextlib.suppress(ConnectionClosed):
                await self._socket.send(json.dumps({"type": kind, **body}))

    async def caller_spoke(self, text: str, end_ms: int = 500) -> None:
        """The service has heard a turn, and answers it."""
        await self.send("input_audio_buffer.speech_stopped", audio_end_ms=end_ms)
        await self.send(
            "conversation.item.input_audio_transcription.completed", transcript=text
        )
        self._answer()

    async def caller_began(self) -> None:
        """The service hears the caller begin: its own answer is cancelled."""
        await self.send("input_audio_buffer.speech_started", audio_start_ms=0)
        await self._cancel()

    async def drop(self) -> None:
        """Break the session off."""
        if self._socket is not None:
            await self._socket.close(1011, "restart")

    async def handle(self, socket: ServerConnection) -> None:
        """Serve one session."""
        self.sessions += 1
        self._socket = socket
        if self._answering is not None:
            self._answering.cancel()
        assert socket.request is not None
        self.authorization = socket.request.headers.get("Authorization")
        self.path = socket.request.path
        await self.send("session.created", session={})
        with contextlib.suppress(ConnectionClosed):
            async for text in socket:
                await self._take(json.loads(text))

    async def _take(self, event: dict[str, Any]) -> None:
        self.asked.append(event)
        match event["type"]:
            case "session.update":
                await self.send("session.updated", session=event["session"])
            case "input_audio_buffer.append":
                self.heard += base64.b64decode(event["audio"])
            case "response.create":
                if self._answering is not None and not self._answering.done():
                    code = "conversation_already_has_active_response"
                    await self.send("error", error={"code": code, "message": "busy"})
                else:
                    self._answer()
            case "response.cancel":
                await self._cancel()

    def _answer(self) -> None:
        answer = (
            self.answers.pop(0) if self.answers else {"text": "Yes.", "seconds": 0.4}
        )
        self._answering = asyncio.ensure_future(self._respond(answer))

    async def _cancel(self) -> None:
        if self._answering is None or self._answering.done():
            return
        self._answering.cancel()
        await self.send("response.done", response={"status": "cancelled", "output": []})

    async def _respond(self, answer: dict[str, Any]) -> None:
        await self.send("response.created", response={"status": "in_progress"})
        if answer.get("fails"):
            details = {"error": {"message": answer["fails"]}}
            failed = {"status": "failed", "status_details": details, "output": []}
            await self.send("response.done", response=failed)
            return
        if answer.get("text"):
            await self._speak(answer)
        output = [
            {
                "type": "function_call",
                "name": name,
                "arguments": given,
                "call_id": f"c{n}",
            }
            for n, (name, given) in enumerate(answer.get("calls", ()))
        ]
        await self.send(
            "response.done", response={"status": "completed", "output": output}
        )

    async def _speak(self, answer: dict[str, Any]) -> None:
        self._items += 1
        facts = {"item_id": f"item{self._items}", "content_index": 0}
        words = answer["text"].split(" ")
        for place, word in enumerate(words):
            delta = word if not place else f" {word}"
            await self.send(
                "response.output_audio_transcript.delta", delta=delta, **facts
            )
        sound = tone(440, answer.get("seconds", 0.3 * len(words)), RATE_HZ)
        for begin in range(0, len(sound), 4800):
            data = sound[begin : begin + 4800].astype("<i2").tobytes()
            await self.send(
                "response.output_audio.delta",
                delta=base64.b64encode(data).decode(),
                **facts,
            )
            await asyncio.sleep(answer.get("pause_s", 0.0))
        await self.send("response.output_audio.done", **facts)

    def loudness(self) -> int:
        """The loudest sample that was heard."""
        return int(np.abs(np.frombuffer(bytes(self.heard), "<i2").astype(int)).max())


@asynccontextmanager
async def serving_realtime() -> AsyncIterator[RealtimeService]:
    """A service on a port of its own."""
    service = RealtimeService()
    async with serve(service.handle, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        service.url = f"ws://127.0.0.1:{port}/v1/realtime"
        yield service
