"""A message that is taken by its form is what the parser would have made of it."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import StreamError
from bridge.load.form import Form
from bridge.stream import codec
from bridge.stream.codec import MAX_MESSAGE_BYTES
from bridge.stream.messages import PlayAudio, PlayAudioBody, Side

AUDIO = bytes(range(160)) * 2
OTHER = bytes(range(1, 161)) * 2


def parsed(text: bytes) -> bytes | None:
    try:
        message = codec.parse(text, Side.BRIDGE)
    except StreamError:
        return None
    return message.media.payload if isinstance(message, PlayAudio) else None


def compact(payload: bytes) -> bytes:
    body = PlayAudioBody(payload, "audio/x-l16", 8000)
    return codec.dump(PlayAudio(media=body))


def spaced(payload: bytes) -> bytes:
    media: dict[str, Any] = {"contentType": "audio/x-l16", "sampleRate": 8000}
    media["payload"] = base64.b64encode(payload).decode()
    return json.dumps({"event": "playAudio", "streamId": "s", "media": media}).encode()


def learned(text: bytes) -> Form:
    form = Form(2)
    form.learn(text)
    return form


@pytest.mark.parametrize("write", [compact, spaced])
def test_what_has_the_form_needs_no_parser(write: Any) -> None:
    form = learned(write(AUDIO))
    assert form.payload_of(write(OTHER)) == OTHER
    assert form.payload_of(write(OTHER[:20])) == OTHER[:20]


def test_what_has_another_form_is_for_the_parser() -> None:
    form = learned(compact(AUDIO))
    for text in (
        spaced(AUDIO),
        compact(AUDIO).replace(b"8000", b"8001"),
        compact(AUDIO).replace(b"playAudio", b"playaudio"),
        compact(AUDIO) + b" ",
        compact(b""),
        compact(AUDIO[:3]),
        compact(bytes(MAX_MESSAGE_BYTES)),
        compact(AUDIO).replace(b"AAEC", b"AA!C"),
        compact(AUDIO).replace(b"AAEC", b"AAE"),
        compact(AUDIO).replace(b'"AAEC', b'"A","payload":"AAEC'),
        compact(AUDIO)[:-1],
        b"",
    ):
        assert form.payload_of(text) is None, text
    form.forget()
    assert form.payload_of(compact(AUDIO)) is None


@pytest.mark.parametrize(
    "text",
    [
        '{"event":"playAudio","media":{"payload":"@","\\u0070ayload":"AAAA"}}',
        '{"event":"playAudio","media":{"payload":"@","payload":"AAAA"}}',
        '{"event":"playAudio","x":{"payload":"@"},"media":{"payload":"AAAA"}}',
        '{"event":"playAudio","x":"payload","media":{"payload":"@"}}',
        '{"event":"playAudio","media":{"payload" :"@"}}',
        '{"event":"playAudio","note":"\\"payload\\":","media":{"payload":"@"}}',
    ],
)
def test_no_form_is_taken_where_another_payload_might_be_meant(text: str) -> None:
    first, second = (
        text.replace("@", base64.b64encode(audio).decode()).encode()
        for audio in (AUDIO, OTHER)
    )
    assert parsed(first) is not None
    assert learned(first).payload_of(second) in (None, parsed(second))
    assert learned(first).payload_of(first) is None


@given(st.binary(max_size=400), st.data())
def test_spoiled_messages_are_never_read_otherwise(payload: bytes, data: Any) -> None:
    """Whatever stands there, it is what the parser reads, or left to it."""
    form, text = learned(compact(AUDIO)), bytearray(compact(payload))
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(0, len(text) - 1))
        text[at] = data.draw(st.sampled_from(b'A=+/-_"\\ {}:,\n\x00\xff'))
    found = form.payload_of(bytes(text))
    assert found is None or found == parsed(bytes(text))
