"""A brain behind HTTP: chat completions, in the format that OpenAI published."""

import json
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import httpx

from bridge.errors import ServiceError
from bridge.speech.brain import CallTool, Message, Said, Thought, ToolResult
from bridge.speech.service import Service
from bridge.speech.tools import Tool

__all__ = ["ChatBrain"]


class ChatBrain:
    """Chat completions, streamed, with tools.

    Args:
        service: The server.
        model: Its name there.
        instructions: What it is told first.
        more: Others of the request's parameters, as `temperature`.
    """

    def __init__(
        self, service: Service, model: str, instructions: str = "", **more: Any
    ) -> None:
        self._service = service
        self._model = model
        self._instructions = instructions
        self._more = more

    async def respond(
        self, history: Sequence[Message], tools: Sequence[Tool]
    ) -> AsyncIterator[Thought]:
        """Answer; text comes as it is written, tools when they are asked for whole."""
        body: dict[str, Any] = {
            "model": self._model,
            "messages": [*_system(self._instructions), *_messages(history)],
            "stream": True,
            **self._more,
        }
        if tools:
            body["tools"] = [_described(tool) for tool in tools]
        wishes = _Wishes()
        async with self._service.ask("brain", "chat/completions", json=body) as answer:
            async for delta in _deltas(answer):
                if text := _text(delta.get("content")):
                    yield text
                for part in delta.get("tool_calls") or ():
                    wishes.add(part)
        for wish in wishes.all():
            yield wish


def _text(content: Any) -> str:
    """Text as it is, or in parts, as some servers have it."""
    if isinstance(content, list):
        return "".join(str(part.get("text") or "") for part in content)
    return str(content or "")


class _Wishes:
    """Tool calls that come in pieces.

    An index tells which call a piece belongs to. Some servers leave it out, or number
    all calls 0; then a new id or name begins a new call.
    """

    def __init__(self) -> None:
        self._calls: list[dict[str, Any]] = []

    def add(self, part: dict[str, Any]) -> None:
        function = part.get("function") or {}
        call = self._call_of(part.get("index"), part.get("id"), function.get("name"))
        call["id"] = part.get("id") or call["id"]
        call["name"] = function.get("name") or call["name"]
        arguments = function.get("arguments") or ""
        is_text = isinstance(arguments, str)
        call["arguments"] += arguments if is_text else json.dumps(arguments)

    def _call_of(self, index: Any, call_id: Any, name: Any) -> dict[str, Any]:
        known = [call for call in self._calls if index in (None, call["index"])]
        if known:
            last = known[-1]
            is_other = call_id and last["id"] and call_id != last["id"]
            is_other = is_other or (index is None and name and last["name"])
            if not is_other:
                return last
        self._calls.append({"index": index, "id": "", "name": "", "arguments": ""})
        return self._calls[-1]

    def all(self) -> Iterator[CallTool]:
        for call in self._calls:
            # A result has to name its call, and so the call has to have a name.
            call_id = call["id"] or f"call_{uuid.uuid4().hex[:12]}"
            yield CallTool(call["name"], call["arguments"] or "{}", call_id)


async def _deltas(answer: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    """The parts of a streamed answer: server-sent events with JSON.

    Raises:
        ServiceError: If it is no such stream, tells of an error, or ends in mid-way.
    """
    is_over = False
    try:
        async for data in _events(answer):
            if data == "[DONE]":
                break
            for delta, is_last in _choices(data):
                is_over = is_over or is_last
                yield delta
    except httpx.HTTPError:
        # All was said; that the server does not close is no matter of the caller's.
        if not is_over:
            raise
    # Some servers leave the last line out; none ends without a reason.
    if not is_over:
        raise ServiceError("brain", "the stream ended in mid-answer")


def _choices(data: str) -> Iterator[tuple[dict[str, Any], bool]]:
    try:
        event = json.loads(data)
        if event.get("error") or event.get("object") == "error":
            raise ServiceError("brain", str(event.get("error") or event))
        for choice in event.get("choices") or ():
            yield choice.get("delta") or {}, choice.get("finish_reason") is not None
    except (ValueError, AttributeError, TypeError) as error:
        raise ServiceError("brain", f"unreadable: {data[:100]}") from error


async def _events(answer: httpx.Response) -> AsyncIterator[str]:
    """The data of server-sent events.

    Lines end at line feeds alone: text may have other characters that break lines.
    """
    rest = b""
    async for part in answer.aiter_bytes():
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            if line.startswith(b"data:") and (data := line[5:].strip()):
                yield data.decode(errors="replace")


def _described(tool: Tool) -> dict[str, Any]:
    function = {
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters,
    }
    return {"type": "function", "function": function}


def _system(text: str) -> Iterator[dict[str, Any]]:
    if text:
        yield {"role": "system", "content": text}


def _messages(history: Sequence[Message]) -> Iterator[dict[str, Any]]:
    """The history in the format's words: each tool call with its result behind it."""
    results = {each.call_id: each for each in history if isinstance(each, ToolResult)}
    for message in history:
        if isinstance(message, Said):
            yield _said(message)
        elif isinstance(message, CallTool):
            function = {"name": message.name, "arguments": message.arguments}
            wish = {"id": message.call_id, "type": "function", "function": function}
            yield {"role": "assistant", "content": None, "tool_calls": [wish]}
            result = results.get(message.call_id)
            text = result.text if result else "error: interrupted, outcome unknown"
            yield {"role": "tool", "tool_call_id": message.call_id, "content": text}


def _said(message: Said) -> dict[str, Any]:
    match message.who:
        case "caller" if message.are_keys:
            return {"role": "user", "content": f"(pressed the keys {message.text})"}
        case "caller":
            return {"role": "user", "content": message.text}
        case "supervisor":
            text = f"Your supervisor tells you, unheard by the caller: {message.text}"
            return {"role": "system", "content": text}
    text = f"{message.text} — (interrupted)" if message.is_cut else message.text
    return {"role": "assistant", "content": text}
