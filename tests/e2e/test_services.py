"""Services in OpenAI's formats: a local server that speaks them, and misbehaves."""

import asyncio
import email
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
import soundfile
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from bridge.audio.tones import tone
from bridge.errors import ServiceError
from bridge.listening import http_server, listen
from bridge.speech import service as service_module
from bridge.speech.brain import CallTool, Message, Said, Thought, ToolResult
from bridge.speech.chat import ChatBrain
from bridge.speech.http_audio import HttpRecognizer, HttpVoice
from bridge.speech.service import Service
from bridge.speech.synthesis import Speech
from bridge.speech.tools import Tool
from tests.patience import in_real_time


async def book(people: int) -> None:
    """Book a table."""


class Server:
    """A server of chat, transcriptions and speech."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.heard: list[tuple[int, int]] = []
        self.chunks: list[str] = []
        self.pause_s = 0.0
        self.status: list[Response] = []
        self.url = ""

    async def chat(self, request: Request) -> Response:
        self.asked.append(
            {
                "authorization": request.headers.get("authorization"),
                **await request.json(),
            }
        )
        if self.status:
            return self.status.pop(0)

        async def stream() -> AsyncIterator[str]:
            for chunk in self.chunks:
                yield chunk
                await asyncio.sleep(self.pause_s)

        return StreamingResponse(stream(), media_type="text/event-stream")

    async def transcribe(self, request: Request) -> Response:
        head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
        form = email.message_from_bytes(head + await request.body())
        if self.status:
            return self.status.pop(0)
        parts = {
            part.get_param("name", header="content-disposition"): part
            for part in form.walk()
            if not part.is_multipart()
        }
        upload = parts["file"].get_payload(decode=True)
        assert isinstance(upload, bytes)
        samples, rate_hz = soundfile.read(io.BytesIO(upload), dtype="int16")
        self.heard.append((len(samples), rate_hz))
        model = str(parts["model"].get_payload()).strip()
        return JSONResponse({"text": f" {model} heard it. "})

    async def speak(self, request: Request) -> Response:
        body = await request.json()
        self.asked.append(body)
        if self.status:
            return self.status.pop(0)
        data = tone(440, 0.5, 24000).astype("<i2").tobytes()

        async def stream() -> AsyncIterator[bytes]:
            # Odd pieces: samples are cut in halves.
            for begin in range(0, len(data), 4801):
                yield data[begin : begin + 4801]
                await asyncio.sleep(self.pause_s)

        return StreamingResponse(stream(), media_type="audio/pcm")


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[Server, Service]]:
    server = Server()
    app = Starlette(
        routes=[
            Route("/v1/chat/completions", server.chat, methods=["POST"]),
            Route("/v1/audio/transcriptions", server.transcribe, methods=["POST"]),
            Route("/v1/audio/speech", server.speak, methods=["POST"]),
        ]
    )
    listener = listen("127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    async with http_server(app, listener):
        service = Service(server.url, "secret")
        try:
            yield server, service
        finally:
            await service.aclose()


def chunk(finish: str | None = None, **delta: object) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return f"data: {json.dumps({'choices': [choice]})}\n\n"


DONE = "data: [DONE]\n\n"

HISTORY: list[Message] = [
    Said("bot", "Hello! How can", is_cut=True),
    Said("caller", "A table."),
    Said("supervisor", "Offer the garden."),
    CallTool("book", '{"people": 2}', "c0"),
    ToolResult("c0", "book", "full"),
    Said("caller", "12", are_keys=True),
]


async def think(
    service: Service, history: list[Message] | None = None
) -> list[Thought]:
    brain = ChatBrain(service, "tiny", "Be brief.", temperature=0.1)
    tools = [Tool.of(book)]
    return [each async for each in brain.respond(history or HISTORY, tools)]


async def test_text_comes_as_it_is_written() -> None:
    """Asked with the whole history, in the format's words."""
    async with serving() as (server, service):
        server.chunks = [
            ": a comment\n\n",
            chunk(role="assistant", content=""),
            chunk(content="One "),
            'data: {"choices": [], "usage": {"total_tokens": 3}}\r\n\r\n',
            chunk(content="moment.", finish="stop"),
            DONE,
        ]
        assert await think(service) == ["One ", "moment."]
        (asked,) = server.asked

    assert asked["authorization"] == "Bearer secret"
    assert (asked["model"], asked["temperature"], asked["stream"]) == (
        "tiny",
        0.1,
        True,
    )
    assert [message["role"] for message in asked["messages"]] == [
        "system", "assistant", "user", "system", "assistant", "tool", "user"
    ]  # fmt: skip
    assert asked["messages"][0]["content"] == "Be brief."
    assert "interrupted" in asked["messages"][1]["content"]
    assert "garden" in asked["messages"][3]["content"]
    assert asked["messages"][4]["tool_calls"][0]["id"] == "c0"
    assert asked["messages"][5]["tool_call_id"] == "c0"
    assert asked["tools"][0]["function"]["name"] == "book"


@pytest.mark.parametrize(
    "parts",
    [
        # All numbered 0, as some servers do.
        [
            {"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}},
            {"index": 0, "id": "b", "function": {"name": "g", "arguments": "{}"}},
        ],
        # Name and id again in each piece.
        [
            {"index": 0, "id": "a", "function": {"name": "f", "arguments": "{"}},
            {"index": 0, "id": "a", "function": {"name": "f", "arguments": "}"}},
            {"index": 1, "id": "b", "function": {"name": "g", "arguments": "{}"}},
        ],
        # No index at all, and arguments that are no text.
        [
            {"id": "a", "function": {"name": "f", "arguments": "{"}},
            {"function": {"arguments": "}"}},
            {"id": "b", "function": {"name": "g", "arguments": {}}},
        ],
    ],
)
async def test_habits_of_other_servers_are_understood(
    parts: list[dict[str, object]],
) -> None:
    """Two calls, whatever they look like."""
    async with serving() as (server, service):
        server.chunks = [
            "data:\n\n",
            'data: {"choices": null, "error": null}\n\n',
            chunk(content=[{"type": "text", "text": "So\u2028be it."}]),
            *(chunk(tool_calls=[part]) for part in parts),
            chunk("tool_calls"),
        ]
        thoughts = await think(service)
    assert thoughts == [
        "So\u2028be it.",
        CallTool("f", "{}", "a"),
        CallTool("g", "{}", "b"),
    ]


async def test_a_call_without_a_name_of_its_own_gets_one() -> None:
    """And a call without a result is told as interrupted."""
    async with serving() as (server, service):
        server.chunks = [
            chunk("stop", tool_calls=[{"index": 0, "function": {"name": "f"}}]),
            DONE,
        ]
        (wish,) = await think(service)
        assert isinstance(wish, CallTool)
        assert wish.call_id
        await think(service, [wish, Said("caller", "Stop!")])
        told = server.asked[-1]["messages"][1:]

    assert [message["role"] for message in told] == ["assistant", "tool", "user"]
    assert "interrupted" in told[1]["content"]


async def test_tools_are_wished_for_in_pieces() -> None:
    """Several at once, their arguments in any pieces."""
    async with serving() as (server, service):
        server.chunks = [
            chunk(content="Let me see."),
            chunk(
                tool_calls=[
                    {
                        "index": 0,
                        "id": "a",
                        "function": {"name": "book", "arguments": ""},
                    }
                ]
            ),
            chunk(tool_calls=[{"index": 0, "function": {"arguments": '{"people"'}}]),
            chunk(
                tool_calls=[
                    {"index": 1, "id": "b", "function": {"name": "hang_up"}},
                    {"index": 0, "function": {"arguments": ": 2}"}},
                ]
            ),
            chunk("tool_calls"),
            DONE,
        ]
        assert await think(service) == [
            "Let me see.",
            CallTool("book", '{"people": 2}', "a"),
            CallTool("hang_up", "{}", "b"),
        ]


@pytest.mark.parametrize(
    ("chunks", "problem"),
    [
        ([chunk(content="Well")], "mid-answer"),
        (["data: {\n\n"], "unreadable"),
        (["data: []\n\n"], "unreadable"),
        (['data: {"error": {"message": "overloaded"}}\n\n'], "overloaded"),
        (["<html>no</html>"], "mid-answer"),
    ],
)
async def test_a_stream_that_breaks_off_is_an_error(
    chunks: list[str], problem: str
) -> None:
    """That says how."""
    async with serving() as (server, service):
        server.chunks = chunks
        with pytest.raises(ServiceError, match=problem):
            await think(service)


async def test_a_refusal_says_what_the_server_says() -> None:
    """Its status and its message, whatever form that has."""
    async with serving() as (server, service):
        server.status = [
            JSONResponse({"error": {"message": "bad key"}}, 401),
            JSONResponse({"error": "no model"}, 404),
            Response("<html>", 500),
        ]
        for problem in ("HTTP 401: bad key", "HTTP 404: no model", "HTTP 500: <html>"):
            with pytest.raises(ServiceError, match=problem):
                await think(service)


async def test_a_busy_server_is_asked_once_more() -> None:
    """If it does not wish for more time than a caller has."""
    async with serving() as (server, service):
        server.chunks = [chunk("stop", content="Yes."), DONE]
        server.status = [JSONResponse({}, 429, headers={"Retry-After": "0.05"})]
        assert await think(service) == ["Yes."]

        server.status = [JSONResponse({}, 429, headers={"Retry-After": "30"})]
        with pytest.raises(ServiceError, match="HTTP 429"):
            await think(service)
        server.status = [JSONResponse({}, 503, headers={"Retry-After": "later"})]
        with pytest.raises(ServiceError, match="HTTP 503"):
            await think(service)
        assert len(server.asked) == 4


@in_real_time
async def test_a_slow_stream_is_taken_as_it_comes() -> None:
    """Each word when it is there; and one that stops is an error in the end."""
    async with serving() as (server, service):
        server.pause_s = 0.2
        server.chunks = [chunk(content="One "), chunk("stop", content="two."), DONE]
        brain = ChatBrain(service, "tiny")
        now = asyncio.get_running_loop().time
        began_s, times = now(), []
        async for _text in brain.respond([Said("caller", "Hi")], []):
            times.append(now() - began_s)
        assert times[1] - times[0] > 0.15
        assert "tools" not in server.asked[0]


async def test_what_is_cancelled_is_not_waited_for() -> None:
    """The caller speaks on, and the server's answer is of no more use."""
    async with serving() as (server, service):
        server.pause_s = 30.0
        server.chunks = [chunk(content="One "), chunk("stop", content="two."), DONE]
        task = asyncio.ensure_future(think(service))
        await asyncio.sleep(0.3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\ndata: {",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\ndata: ",
        b"SIP/2.0 200 OK\r\n\r\n",
    ],
)
async def test_a_connection_that_is_cut_is_an_error(answer: bytes) -> None:
    """Half-closed, or no HTTP at all."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    service = Service(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1")
    with pytest.raises(ServiceError, match="brain: "):
        await think(service)
    await service.aclose()
    server.close()
    await server.wait_closed()


async def test_a_server_that_never_answers_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After a time; and one that is not there at once."""
    monkeypatch.setattr(service_module, "SILENT_S", 0.3)
    async with serving() as (server, _service):
        server.pause_s = 5.0
        server.chunks = [chunk(content="One "), DONE]
        slow = Service(server.url)
        with pytest.raises(ServiceError, match="ReadTimeout"):
            await think(slow)
        await slow.aclose()
    nobody = Service("http://127.0.0.1:1/v1")
    with pytest.raises(ServiceError, match="connection"):
        await think(nobody)
    await nobody.aclose()


async def test_an_utterance_is_sent_as_a_file() -> None:
    """At its own rate."""
    async with serving() as (server, service):
        recognizer = HttpRecognizer(service, "whisper", "en")
        text = await recognizer.recognize(tone(440, 0.5, 8000), 8000)
        assert text == "whisper heard it."
        assert server.heard == [(4000, 8000)]
        server.status = [JSONResponse({"no": "text"})]
        with pytest.raises(ServiceError, match="recognizer: unreadable"):
            await recognizer.recognize(tone(440, 0.5, 8000), 8000)


@in_real_time
async def test_speech_comes_as_it_is_made() -> None:
    """In pieces, at the rate that is wanted; its words are placed at its end."""
    async with serving() as (server, service):
        server.pause_s = 0.05
        voice = HttpVoice(service, "tts", "alloy")
        pieces: list[Speech] = [
            each async for each in voice.speak("Hello there.", 8000)
        ]

    assert server.asked[-1]["response_format"] == "pcm"
    assert len(pieces) > 3
    samples = np.concatenate([piece.samples for piece in pieces])
    assert len(samples) == pytest.approx(4000, abs=60)
    assert float(np.abs(samples).max()) > 3000
    assert [word.text for piece in pieces for word in piece.words] == [
        "Hello",
        "there.",
    ]
    assert all(word.end_samples <= len(p.samples) for p in pieces for word in p.words)
    assert [word.text for word in pieces[-1].words] == ["Hello", "there."]


async def test_a_voice_without_audio_is_an_error() -> None:
    """Nothing was said, and so nothing is to be taken for heard."""
    async with serving() as (server, service):
        server.status = [Response(b"", 200)]
        voice = HttpVoice(service, "tts", "alloy")
        with pytest.raises(ServiceError, match="no audio"):
            [each async for each in voice.speak("Hello there.", 8000)]


async def test_a_page_is_not_spoken() -> None:
    """A proxy's excuse, with status 200, would be a burst of noise."""
    async with serving() as (server, service):
        server.status = [Response(b"<html>" * 999, 200, media_type="text/html")]
        voice = HttpVoice(service, "tts", "alloy")
        with pytest.raises(ServiceError, match="text/html instead of audio"):
            [each async for each in voice.speak("Hello there.", 8000)]


def test_a_key_is_in_no_repr() -> None:
    """Nor anything else but the host."""
    assert repr(Service("https://api.test/v1", "secret")) == "<Service api.test>"
