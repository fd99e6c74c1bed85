"""Only messages come out, or a StreamError that says what was wrong."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import StreamError
from bridge.stream import codec
from bridge.stream.messages import (
    Dtmf,
    Media,
    Message,
    PlayAudio,
    PlayedStream,
    Side,
    Start,
    Stop,
    Unknown,
)
from tests.stream.samples import FROM, MEDIA, NASTY, START, paths, replaced, without

PLATFORM, BRIDGE = Side.PLATFORM, Side.BRIDGE


def parse_or_refuse(text: bytes | str, side: Side) -> None:
    """The whole promise of the parser."""
    try:
        read = codec.parse(text, side)
    except StreamError as error:
        assert str(error)
    else:
        assert isinstance(read, Message | Unknown)


@pytest.mark.parametrize("side", Side)
def test_every_field_times_every_nasty_value(side: Side) -> None:
    """Each field of each message, replaced by each of them, and left out."""
    for message in FROM[side]:
        for path in paths(message):
            parse_or_refuse(json.dumps(without(message, path)), side)
            for value in NASTY:
                parse_or_refuse(json.dumps(replaced(message, path, value)), side)
            parse_or_refuse(
                json.dumps(replaced(message, path, 0)).replace(": 0", ": 1e999"), side
            )


@given(text=st.text() | st.binary(), side=st.sampled_from(Side))
def test_any_text_and_any_bytes(text: str | bytes, side: Side) -> None:
    """Nothing else than StreamError is raised."""
    parse_or_refuse(text, side)


@given(
    side=st.sampled_from(Side),
    event=st.sampled_from(
        ["start", "media", "dtmf", "playedStream", "played", "playAudio", "checkpoint"]
    ),
    body=st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    ),
)
def test_any_json_in_any_field(side: Side, event: str, body: Any) -> None:
    """Known events with bodies nobody would write."""
    keys = ("start", "media", "dtmf", "name", "streamId", "sequenceNumber")
    for key in keys:
        parse_or_refuse(json.dumps({"event": event, key: body}), side)


@given(
    cut=st.integers(0, 200),
    change=st.integers(0, 255),
    message=st.sampled_from(FROM[PLATFORM]),
)
def test_any_byte_changed(cut: int, change: int, message: Any) -> None:
    """A flipped byte anywhere."""
    text = bytearray(json.dumps(message).encode())
    text[cut % len(text)] = change

    parse_or_refuse(bytes(text), PLATFORM)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "unreadable message"),
        ("{", "unreadable message"),
        ("[]", "unreadable message"),
        ('{"event": 5}', "unreadable message"),
        ('{"no": "event"}', "unreadable message"),
        (b'{"event": "media", "media": {"track": "\xff", "payload": ""}}', "malformed"),
        ("[" * 60000, "unreadable message"),
        ('{"event": "stop", "x": ' + "[" * 60000, "unreadable message"),
        ('{"event": "media"}', "malformed media .*media"),
        ('{"event": "media", "media": {"payload": "AAA"}}', "Invalid base64"),
        ('{"event": "media", "media": {"payload": "A A="}}', "Invalid base64"),
        ('{"event": "media", "media": {"payload": "-_-_"}}', "Invalid base64"),
        ('{"event": "media", "media": {"payload": 7}}', "malformed media"),
        ('{"event": "dtmf", "dtmf": {"digit": "E"}}', "digit is none of"),
        ('{"event": "dtmf", "dtmf": {"digit": "12"}}', "digit is none of"),
        ('{"event": "dtmf", "dtmf": {"digit": 12}}', "digit is none of"),
        ('{"event": "playedStream"}', "playedStream without a name"),
        ('{"event": "start", "start": {"mediaFormat": {}}}', "malformed start"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_what_is_wrong_is_said(text: str | bytes, what: str) -> None:
    """In words, with the start of the offending text."""
    with pytest.raises(StreamError, match=what) as caught:
        codec.parse(text, PLATFORM)
    assert len(caught.value.excerpt) <= codec.EXCERPT_CHARACTERS


def test_a_servers_keys_are_checked_too() -> None:
    """`sendDTMF` takes keys only."""
    with pytest.raises(StreamError, match="dtmf is not made of"):
        codec.parse('{"event": "sendDTMF", "dtmf": "12x"}', BRIDGE)


@pytest.mark.parametrize("size", [64 * 1024, 64 * 1024 + 1, 300_000])
def test_64_kb_and_more_are_refused(size: int) -> None:
    """Plivo's own limit; one byte less is taken."""
    head = b'{"event": "media", "media": {"payload": ""}, "x": "'
    with pytest.raises(
        StreamError, match=f"message of {size} bytes, allowed are under"
    ):
        codec.parse(head + b"A" * (size - len(head) - 2) + b'"}', PLATFORM)
    codec.parse(head + b"A" * (64 * 1024 - 1 - len(head) - 2) + b'"}', PLATFORM)


@pytest.mark.parametrize(
    "path",
    [
        ("sequenceNumber",),
        ("extra_headers",),
        ("start", "tracks"),
        ("start", "streamId"),
        ("start", "callId"),
        ("start", "accountId"),
        ("start", "mediaFormat"),
    ],
    ids=str,
)
def test_a_start_may_lack_nearly_everything(path: tuple[str, ...]) -> None:
    """As senders do; a missing field is None."""
    assert isinstance(codec.parse(json.dumps(without(START, path)), PLATFORM), Start)


@pytest.mark.parametrize(
    "path",
    [
        ("sequenceNumber",),
        ("extra_headers",),
        ("streamId",),
        ("media", "track"),
        ("media", "timestamp"),
        ("media", "chunk"),
    ],
    ids=str,
)
def test_media_needs_only_its_payload(path: tuple[str, ...]) -> None:
    """The command-line test client sends little more."""
    assert isinstance(codec.parse(json.dumps(without(MEDIA, path)), PLATFORM), Media)


def test_numbers_may_be_strings() -> None:
    """Sequence numbers, chunks and rates come both ways."""
    media = codec.parse(
        '{"event": "media", "sequenceNumber": "7", '
        '"media": {"chunk": "3", "timestamp": 12, "payload": ""}}',
        PLATFORM,
    )
    play = codec.parse(
        '{"event": "playAudio", "media": {"sampleRate": "8000", "payload": ""}}',
        BRIDGE,
    )

    assert isinstance(media, Media)
    assert (media.sequence_number, media.media.chunk) == (7, 3)
    assert isinstance(play, PlayAudio)
    assert play.media.sample_rate == 8000


def test_a_digit_may_be_a_number() -> None:
    """It is read as its key."""
    read = codec.parse('{"event": "dtmf", "dtmf": {"digit": 5}}', PLATFORM)

    assert isinstance(read, Dtmf)
    assert read.dtmf.digit == "5"


@pytest.mark.parametrize(
    "text",
    [
        '{"event": "playedStream", "name": "a"}',
        '{"event": "played", "name": "a"}',
        '{"event": "playedStream", "playedStream": {"name": "a"}}',
        '{"event": "played", "played": {"name": "a"}}',
    ],
)
def test_an_ack_has_four_spellings(text: str) -> None:
    """All are one event."""
    read = codec.parse(text, PLATFORM)

    assert isinstance(read, PlayedStream)
    assert read.name == "a"


@pytest.mark.parametrize("event", ["muteStream", "playFailed", "error", "mark", ""])
def test_unknown_events_are_passed_over(event: str) -> None:
    """Not an error: the protocol grows."""
    text = json.dumps({"event": event, "streamId": "s", "reason": "?"})

    assert codec.parse(text, PLATFORM) == Unknown(event, text, "s")


def test_stop_is_either_sides() -> None:
    """Disputed, and accepted from both."""
    assert isinstance(codec.parse('{"event": "stop"}', PLATFORM), Stop)
    assert isinstance(codec.parse('{"event": "stop"}', BRIDGE), Stop)
