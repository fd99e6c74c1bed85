"""Events of a speech-to-speech service."""

import base64
import json

import numpy as np
import pytest

from bridge.errors import ServiceError
from bridge.speech import realtime
from bridge.speech.brain import CallTool, Said


def read(**event: object) -> realtime.Event | None:
    return realtime.read(json.dumps(event))


@pytest.mark.parametrize(
    "kind", ["response.output_audio.delta", "response.audio.delta"]
)
def test_audio_is_samples(kind: str) -> None:
    """In both of the names it has had."""
    data = base64.b64encode(np.array([1, -2, 3], "<i2").tobytes()).decode()
    event = read(type=kind, item_id="i", content_index=0, delta=data)
    assert isinstance(event, realtime.AudioPart)
    assert event.samples.tolist() == [1, -2, 3]


def test_a_response_ends_with_wishes_or_a_failure() -> None:
    """Calls of functions are among its items."""
    call = {"type": "function_call", "name": "f", "arguments": "{}", "call_id": "c"}
    done = read(
        type="response.done",
        response={"status": "completed", "output": [{"type": "message"}, call]},
    )
    assert done == realtime.ResponseDone((CallTool("f", "{}", "c"),))
    failed = {"status": "failed", "status_details": {"error": {"message": "full"}}}
    done = read(type="response.done", response=failed)
    assert done == realtime.ResponseDone((), "full")


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"type": "input_audio_buffer.speech_started"}, realtime.SpeechStarted()),
        (
            {"type": "input_audio_buffer.speech_stopped", "audio_end_ms": 1200},
            realtime.SpeechStopped(700),
        ),
        (
            {
                "type": "conversation.item.input_audio_transcription.completed",
                "transcript": " Hi. ",
            },
            realtime.CallerSaid("Hi."),
        ),
        ({"type": "rate_limits.updated"}, None),
        ({"no": "type"}, None),
        (
            {"type": "error", "error": {"code": "x", "message": "bad"}},
            realtime.Failed("x", "bad"),
        ),
    ],
)
def test_events_are_read(event: dict[str, object], expected: object) -> None:
    """Those that are of concern."""
    assert read(**event) == expected


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"type": "response.output_audio.delta", "item_id": "i"}',
        (
            '{"type": "response.output_audio.delta", "item_id": "i", '
            '"content_index": 0, "delta": "AAA"}'
        ),
        '{"type": "response.done", "response": {"output": [{}]}}',
        '{"type": "error", "error": null}',
    ],
)
def test_what_is_no_event_is_an_error(text: str) -> None:
    """That shows the beginning of it."""
    with pytest.raises(ServiceError, match="unreadable event"):
        realtime.read(text)


def test_a_history_is_told_as_text() -> None:
    """Keys as a remark, and the bot's words as its own."""
    events = list(
        realtime.history(
            [
                Said("caller", "Hello"),
                Said("bot", "Hi", is_cut=True),
                Said("caller", "12", are_keys=True),
                Said("supervisor", "Be nice"),
                Said("bot", ""),
            ]
        )
    )
    told = [(event["item"]["role"], event["item"]["content"][0]) for event in events]
    assert told == [
        ("user", {"type": "input_text", "text": "Hello"}),
        ("assistant", {"type": "output_text", "text": "Hi"}),
        ("user", {"type": "input_text", "text": "(pressed the keys 12)"}),
        ("system", {"type": "input_text", "text": "Be nice"}),
    ]
