"""A conversation whose brain, ears or voice are a server that fails.

How each answer of a server is read is in tests/e2e/test_services.py.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bridge.audio.tones import tone
from bridge.listening import http_server, listen

NOBODY = "http://127.0.0.1:1/v1"

APOLOGY = "I'm sorry, something went wrong. Could you say that again?"

CHAT = (
    'data: {"choices": [{"index": 0, "delta": {"content": "Yes."}, '
    '"finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'
)


class Provider:
    """Chat, transcriptions and speech that work; below `/hangs` and `/garbage` not."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.url = ""

    async def chat(self, _request: Request) -> Response:
        return Response(CHAT, media_type="text/event-stream")

    async def transcribe(self, _request: Request) -> Response:
        return JSONResponse({"text": "A table for two, please."})

    async def speak(self, request: Request) -> Response:
        self.said.append((await request.json())["input"])
        sound = tone(440, 0.3, 24000).astype("<i2").tobytes()
        return Response(sound, media_type="audio/pcm")

    async def hang(self, _request: Request) -> Response:
        await asyncio.sleep(60)
        return Response()

    async def talk_nonsense(self, _request: Request) -> Response:
        return Response(b"\x00<html>\xff", media_type="text/html")


@asynccontextmanager
async def providing() -> AsyncIterator[Provider]:
    """A provider on a port of its own."""
    provider = Provider()
    routes = [
        Route("/v1/chat/completions", provider.chat, methods=["POST"]),
        Route("/v1/audio/transcriptions", provider.transcribe, methods=["POST"]),
        Route("/v1/audio/speech", provider.speak, methods=["POST"]),
        Route("/hangs/{path:path}", provider.hang, methods=["POST"]),
        Route("/garbage/{path:path}", provider.talk_nonsense, methods=["POST"]),
    ]
    listener = listen("127.0.0.1", 0)
    provider.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with http_server(Starlette(routes=routes), listener):
        yield provider
