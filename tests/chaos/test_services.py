"""A conversation whose brain, ears or voice are a server that fails.

How each answer of a server is read is in tests/e2e/test_services.py.
"""

import asyncio
import collections
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bridge.audio.tones import tone
from bridge.listening import http_server, listen
from tests.chaos.bystanders import standing_by
from tests.chaos.caller import Caller
from tests.chaos.stage import Stage, staged

NOBODY = "http://127.0.0.1:1/v1"

APOLOGY = "I'm sorry, something went wrong."

CHAT = (
    'data: {"choices": [{"index": 0, "delta": {"content": "Yes."}, '
    '"finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'
)


class Provider:
    """Chat, transcriptions and speech; one of them fails, as the address says.

    Below `/chat-hangs/v1` the chat hangs, and so on.
    """

    def __init__(self) -> None:
        self.said: dict[str, list[str]] = collections.defaultdict(list)
        """What was to be spoken, by what fails there."""
        self.url = ""
        self.is_over = asyncio.Event()

    async def answer(self, request: Request) -> Response:
        """Do as asked, or not."""
        trouble, part = request.path_params["trouble"], request.path_params["part"]
        if trouble == f"{part}-hangs":
            await self.is_over.wait()
        if trouble == f"{part}-errs":
            return JSONResponse({"error": {"message": "overloaded"}}, 500)
        if trouble == f"{part}-talks-nonsense":
            return Response(b"\x00<html>\xff" * 9999, media_type="text/html")
        match part:
            case "chat":
                return Response(CHAT, media_type="text/event-stream")
            case "transcriptions":
                return JSONResponse({"text": "A table for two, please."})
        self.said[trouble].append((await request.json())["input"])
        sound = tone(440, 0.3, 24000).astype("<i2").tobytes()
        return Response(sound, media_type="audio/pcm")


@asynccontextmanager
async def providing() -> AsyncIterator[Provider]:
    """A provider on a port of its own."""
    provider = Provider()
    routes = [
        Route("/{trouble}/v1/{part}/completions", provider.answer, methods=["POST"]),
        Route("/{trouble}/v1/audio/{part}", provider.answer, methods=["POST"]),
    ]
    listener = listen("127.0.0.1", 0)
    provider.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with http_server(Starlette(routes=routes), listener):
        yield provider
        provider.is_over.set()


def conversation(name: str, url: str) -> list[str]:
    """Options of `serve` for a conversation that has all its parts from a server."""
    chosen = {"brain": "openai", "recognizer": "openai", "voice": "openai"}
    chosen |= {"openai_url": url, "detector": "level", "idle_s": "3"}
    words = ["--bot", f"{name}=conversation"]
    for key, value in chosen.items():
        words += ["--bot-option", f"{name}.{key}={value}"]
    return words


DEAF_OR_DUMB = [
    f"{part}-{how}"
    for part in ("chat", "transcriptions")
    for how in ("hangs", "errs", "talks-nonsense")
]
MUTE = ["speech-errs", "speech-talks-nonsense", "nobody"]


async def test_failing_services_are_apologized_for_or_end_the_call() -> None:
    """Brain or ears: an apology, at once or after 10 s of nothing. Voice: no word, and
    1011 at the third failure. Everybody else notices nothing."""
    async with providing() as provider:
        options = []
        for trouble in [*DEAF_OR_DUMB, *MUTE]:
            url = NOBODY if trouble == "nobody" else f"{provider.url}/{trouble}/v1"
            options += conversation(trouble, url)
        with staged(*options, bots="radio") as stage:
            listeners = standing_by(stage.url("radio"), stage.pid, 2)
            async with listeners as others, others.undisturbed():
                apologies = (apologized(stage, provider, each) for each in DEAF_OR_DUMB)
                ends = (ended_mute(stage, each) for each in MUTE)
                await asyncio.gather(*apologies, *ends)
            metrics = await stage.metrics()
        for trouble in MUTE:
            assert metrics[f"bot_errors{{bot={trouble}}}"] == 1
        failed = [name for name in metrics if name.startswith("bot_errors")]
        assert len([name for name in failed if metrics[name]]) == 3
        for what in ("brain: HTTP 500: overloaded", "'recognizer', 'ReadTimeout'"):
            assert stage.said(what)
        assert stage.said("voice: All connection attempts failed")
        assert stage.said("bot speech-errs failed: voice: HTTP 500: overloaded")
        # All of it is known; there is nothing to trace.
        assert not any("exception" in line for line in stage.lines)


async def apologized(stage: Stage, provider: Provider, trouble: str) -> None:
    """Call, say something, and wait for the apology."""
    async with Caller(stage.url(trouble)) as caller:
        await caller.until_loud(10)
        await asyncio.sleep(0.5)
        caller.say(tone(300, 0.8, 8000))
        await stage.until(lambda: APOLOGY in provider.said[trouble], within_s=60)
        await caller.until_loud(10)
        assert not caller.socket.closed.done()


async def ended_mute(stage: Stage, trouble: str) -> None:
    """Call, say something, and be cut off without having heard a word."""
    async with Caller(stage.url(trouble)) as caller:
        await asyncio.sleep(1.0)
        caller.say(tone(300, 0.8, 8000))
        closed = await caller.closed(within_s=60)
        assert (closed.code, closed.reason) == (1011, "the bot failed")
        assert caller.loud_s() == 0
