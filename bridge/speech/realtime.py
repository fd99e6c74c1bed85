"""The events of a speech-to-speech service, as OpenAI's Realtime API publishes them.

No I/O: events as dictionaries, to and from the service; the names of the API's first
version are understood, too.
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec
import numpy as np

from bridge.audio.pcm import Samples
from bridge.errors import ServiceError
from bridge.speech.brain import CallTool, Message, Said
from bridge.speech.tools import Tool

__all__ = [
    "RATE_HZ",
    "AudioDone",
    "AudioPart",
    "CallerSaid",
    "Event",
    "Failed",
    "ResponseBegan",
    "ResponseDone",
    "Setup",
    "SpeechStarted",
    "SpeechStopped",
    "TextPart",
    "append",
    "cancel",
    "commit",
    "create_response",
    "item",
    "read",
    "tool_result",
    "truncate",
]

RATE_HZ = 24000

SILENCE_MS = 500
"""So much silence ends a turn, where the service decides; it counts it as speech."""


class SpeechStarted(msgspec.Struct, frozen=True):
    """The service hears the caller."""


class SpeechStopped(msgspec.Struct, frozen=True):
    """The caller has finished."""

    end_ms: int
    """The end of what they said, in audio sent."""


class CallerSaid(msgspec.Struct, frozen=True):
    """What the caller said, in words."""

    text: str


class ResponseBegan(msgspec.Struct, frozen=True):
    """The service answers."""


class AudioPart(msgspec.Struct, frozen=True, eq=False):
    """A part of an answer, as audio."""

    item_id: str
    content_index: int
    samples: Samples


class AudioDone(msgspec.Struct, frozen=True):
    """An answer's audio is complete."""

    item_id: str


class TextPart(msgspec.Struct, frozen=True):
    """A part of an answer's words."""

    item_id: str
    text: str


class ResponseDone(msgspec.Struct, frozen=True):
    """An answer is complete."""

    wishes: tuple[CallTool, ...]
    failure: str = ""


class Failed(msgspec.Struct, frozen=True):
    """The service complains."""

    code: str
    text: str


Event: TypeAlias = (
    SpeechStarted
    | SpeechStopped
    | CallerSaid
    | ResponseBegan
    | AudioPart
    | AudioDone
    | TextPart
    | ResponseDone
    | Failed
)


def read(text: str | bytes) -> Event | None:
    """Read an event; None if it is of no concern.

    Raises:
        ServiceError: If it is no event.
    """
    try:
        event = msgspec.json.decode(text, type=dict[str, Any])
        return _read(event.get("type", ""), event)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        excerpt = text[:100]
        raise ServiceError("realtime", f"unreadable event {excerpt!r}") from error


def _read(kind: str, event: Mapping[str, Any]) -> Event | None:
    match kind:
        case "input_audio_buffer.speech_started":
            return SpeechStarted()
        case "input_audio_buffer.speech_stopped":
            return SpeechStopped(max(0, int(event["audio_end_ms"]) - SILENCE_MS))
        case "conversation.item.input_audio_transcription.completed":
            return CallerSaid(str(event["transcript"]).strip())
        case "response.created":
            return ResponseBegan()
        case "response.output_audio.delta" | "response.audio.delta":
            data = base64.b64decode(event["delta"], validate=True)
            samples = np.frombuffer(data, "<i2").astype(np.int16)
            return AudioPart(event["item_id"], int(event["content_index"]), samples)
        case "response.output_audio.done" | "response.audio.done":
            return AudioDone(event["item_id"])
        case (
            "response.output_audio_transcript.delta" | "response.audio_transcript.delta"
        ):
            return TextPart(event["item_id"], event["delta"])
        case "response.done":
            return _done(event["response"])
        case "error":
            error = event["error"]
            return Failed(str(error.get("code")), str(error.get("message")))
    return None


def _done(response: Mapping[str, Any]) -> ResponseDone:
    status = response.get("status", "completed")
    wishes = tuple(
        CallTool(item["name"], item.get("arguments") or "{}", item["call_id"])
        for item in response.get("output") or ()
        if item["type"] == "function_call"
        # What was cancelled half-way is not wished for.
        and status == item.get("status", "completed") == "completed"
    )
    failure = ""
    if status == "failed":
        details = response.get("status_details") or {}
        error = details.get("error") or {}
        failure = str(error.get("message") or error.get("code") or "failed")
    return ResponseDone(wishes, failure)


class Setup(msgspec.Struct, frozen=True):
    """How a session is to be."""

    instructions: str
    voice: str
    transcription_model: str
    hears_turns: bool
    """Whether the service decides when the caller has finished; else we do."""

    def event(self, tools: Sequence[Tool]) -> dict[str, Any]:
        """The first event to the service."""
        pcm = {"type": "audio/pcm", "rate": RATE_HZ}
        turns = {
            "type": "server_vad",
            "silence_duration_ms": SILENCE_MS,
            "interrupt_response": True,
        }
        session: dict[str, Any] = {
            "type": "realtime",
            "instructions": self.instructions,
            "output_modalities": ["audio"],
            "audio": {
                "input": {
                    "format": pcm,
                    "turn_detection": turns if self.hears_turns else None,
                    "transcription": {"model": self.transcription_model},
                },
                "output": {"format": pcm, "voice": self.voice},
            },
            "tools": [
                {
                    "type": "function",
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": tool.parameters,
                }
                for tool in tools
            ],
        }
        return {"type": "session.update", "session": session}


def append(samples: Samples) -> dict[str, Any]:
    """What the caller says."""
    data = base64.b64encode(samples.astype("<i2").tobytes()).decode()
    return {"type": "input_audio_buffer.append", "audio": data}


def commit() -> dict[str, Any]:
    """The caller has finished."""
    return {"type": "input_audio_buffer.commit"}


def create_response(instructions: str = "") -> dict[str, Any]:
    """Answer now; with instructions for this one, if any are given."""
    if not instructions:
        return {"type": "response.create"}
    return {"type": "response.create", "response": {"instructions": instructions}}


def cancel() -> dict[str, Any]:
    """Stop answering."""
    return {"type": "response.cancel"}


def truncate(item_id: str, content_index: int, heard_ms: int) -> dict[str, Any]:
    """Of an answer, no more than this was heard."""
    return {
        "type": "conversation.item.truncate",
        "item_id": item_id,
        "content_index": content_index,
        "audio_end_ms": heard_ms,
    }


def tool_result(call_id: str, text: str) -> dict[str, Any]:
    """What a tool returned."""
    output = {"type": "function_call_output", "call_id": call_id, "output": text}
    return {"type": "conversation.item.create", "item": output}


def item(message: Said) -> dict[str, Any]:
    """Something that was said, or keys that were pressed, as text."""
    role = {"caller": "user", "bot": "assistant"}.get(message.who, "system")
    kind = "output_text" if role == "assistant" else "input_text"
    keys = message.text or "#"
    text = f"(pressed the keys {keys})" if message.are_keys else message.text
    content = [{"type": kind, "text": text}]
    spoken = {"type": "message", "role": role, "content": content}
    return {"type": "conversation.item.create", "item": spoken}


def history(messages: Sequence[Message]) -> Iterator[dict[str, Any]]:
    """What has been said so far, for a session that begins anew."""
    return (item(each) for each in messages if isinstance(each, Said) and each.text)
