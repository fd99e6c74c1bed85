"""What is personal, taken out of a capture."""

import json
from typing import Any

import pytest

from bridge.capture import Capture, Header, Record, SocketEvent
from bridge.capture.format import message
from bridge.capture.scrub import scrub
from bridge.stream import codec, messages
from bridge.stream.messages import Side
from tests.stream.samples import MEDIA, START


def scrubbed(*sent: dict[str, Any], keep_audio: bool = True) -> list[Any]:
    records = [
        message(1.0, json.dumps(each).encode(), is_received=True) for each in sent
    ]
    header = Header(content_type="audio/x-l16;rate=8000", path="/stream/acme/token")
    capture = scrub(Capture(header, records), keep_audio=keep_audio)
    return [json.loads(record.received or "") for record in capture.records]


def test_ids_become_others_the_same_everywhere() -> None:
    """So that the stream is still one, and still parses."""
    start, media = scrubbed(START, MEDIA)

    assert START["start"]["streamId"] not in json.dumps([start, media])
    assert START["start"]["accountId"] not in json.dumps(start)
    assert start["start"]["streamId"] == media["streamId"]
    assert isinstance(codec.parse(json.dumps(start), Side.PLATFORM), messages.Start)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ("customer=4711,vip=yes", "customer=xxx,vip=xxx"),
        ("a=1;b=2", "a=xxx;b=xxx"),
        ({"name": "Brown"}, {"name": "xxx"}),
        ('{"name": "Brown"}', '{"name": "xxx"}'),
        ("", ""),
    ],
)
def test_headers_keep_their_names(headers: object, expected: object) -> None:
    """In every form they come in."""
    (start,) = scrubbed({**START, "extra_headers": headers})

    assert start["extra_headers"] == expected


def test_keys_are_masked() -> None:
    """But for #, which scripts wait for."""
    pressed = [{"event": "dtmf", "dtmf": {"digit": digit}} for digit in ("7", "#", 3)]

    digits = [each["dtmf"]["digit"] for each in scrubbed(*pressed)]

    assert digits == ["0", "#", "0"]


def test_sound_stays_unless_silence_is_wanted() -> None:
    """As long as before."""
    (kept,) = scrubbed(MEDIA)
    (silent,) = scrubbed(MEDIA, keep_audio=False)

    assert kept["media"]["payload"] == MEDIA["media"]["payload"]
    assert set(silent["media"]["payload"]) <= set("A=")
    assert len(silent["media"]["payload"]) == len(MEDIA["media"]["payload"])


def test_what_cannot_be_read_is_left_out() -> None:
    """Nobody can say what is in it."""
    records = [
        message(1.0, b"\xffsecret", is_received=True),
        Record(2.0, sent="secret"),
    ]

    capture = scrub(Capture(Header(path="/stream/secret"), records))

    assert "secret" not in repr(capture)
    assert [record.is_received for record in capture.records] == [True, False]
    assert capture.header.path == "/stream/xxx"


def test_events_stay() -> None:
    """With their codes; what the far end said at its end does not."""
    closed = Record(1.0, event=SocketEvent.CLOSED, code=4000, text="Mr Brown left")

    (record,) = scrub(Capture(Header(), [closed])).records

    assert (record.event, record.code, record.text) == (SocketEvent.CLOSED, 4000, "")
