"""Plivo's own SDKs against the engine, over real sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bridge.engine.app import Engine, running
from bridge.engine.options import EngineOptions
from bridge.engine.phonebook import Phonebook, PhoneScript
from bridge.listening import http_server, listen
from tests.engine.setting import wav


class House:
    """An engine, and a web server with a sound, where callbacks go."""

    def __init__(self, engine: Engine, options: EngineOptions, web: str) -> None:
        self.engine = engine
        self.options = options
        self.web = web
        self.told: list[dict[str, str]] = []

    async def quiet(self) -> None:
        """Let everything arrive: until nothing more does."""
        before = -1
        while before != len(self.told):
            before = len(self.told)
            await asyncio.sleep(0.4)


@asynccontextmanager
async def web_server() -> AsyncIterator[tuple[str, list[dict[str, str]]]]:
    told: list[dict[str, str]] = []
    sound = wav(440, 20.0)

    async def answer(request: Request) -> Response:
        if "sound" in request.url.path:
            return Response(sound, media_type="audio/wav")
        form = parse_qsl((await request.body()).decode(), keep_blank_values=True)
        told.append({**dict(request.query_params), **dict(form)})
        return Response("ok")

    app = Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])])
    listener = listen("127.0.0.1", 0)
    async with http_server(app, listener):
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", told


@pytest.fixture
async def house(tmp_path: Path) -> Any:
    """A running engine whose phones answer at once."""
    quick = PhoneScript(answers_after_s=0.02)
    numbers = {f"+1555010{digit}": quick for digit in range(10)}
    options = EngineOptions(
        port=0,
        recordings=tmp_path / "recordings",
        database=str(tmp_path / "history.sqlite3"),
        phonebook=Phonebook(numbers=numbers),
    )
    async with web_server() as (web, told), running(options) as engine:
        made = House(engine, options, web)
        made.told = told
        yield made
