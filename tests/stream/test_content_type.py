"""Which audio a stream carries."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import StreamError
from bridge.stream.content_type import CONTENT_TYPES, ContentType


def test_these_are_all() -> None:
    """L16 at three rates, mu-law at one."""
    assert [str(each) for each in CONTENT_TYPES] == [
        "audio/x-l16;rate=8000",
        "audio/x-l16;rate=16000",
        "audio/x-l16;rate=24000",
        "audio/x-mulaw;rate=8000",
    ]


@pytest.mark.parametrize("each", CONTENT_TYPES, ids=str)
def test_each_reads_what_it_writes(each: ContentType) -> None:
    """Whole, in parts, in any case."""
    assert ContentType.parse(str(each)) == each
    assert ContentType.parse(each.encoding, each.rate_hz) == each
    assert ContentType.parse(f" {str(each).upper().replace(';', ' ; ')}") == each


def test_8_khz_is_meant_where_nothing_is_said() -> None:
    """As Plivo's own default."""
    assert ContentType.parse("audio/x-l16") == ContentType("audio/x-l16", 8000)


@pytest.mark.parametrize(
    ("text", "rate_hz"),
    [
        ("audio/wav", None),
        ("", 8000),
        ("audio/x-mulaw", 16000),
        ("audio/x-l16", 11025),
        ("audio/x-l16;rate=fast", None),
        ("audio/x-l16;rate=-1", None),
        ("audio/x-l16;rate=" + "9" * 5000, None),
    ],
)
def test_others_are_refused_with_the_list(text: str, rate_hz: int | None) -> None:
    """The error says what is allowed."""
    with pytest.raises(StreamError, match=r"is none of audio/x-l16;rate=8000, "):
        ContentType.parse(text, rate_hz)


@given(text=st.text())
def test_any_text_is_a_type_or_refused(text: str) -> None:
    """Nothing else is raised."""
    for each in (text, f"audio/x-l16;rate={text}"):
        with contextlib.suppress(StreamError):
            ContentType.parse(each)


def test_half_samples_are_refused() -> None:
    """L16 takes two bytes, mu-law one."""
    assert ContentType("audio/x-l16", 8000).whole_samples(b"1234") == 2
    assert ContentType("audio/x-mulaw", 8000).whole_samples(b"123") == 3
    with pytest.raises(StreamError, match="3 bytes is no whole number of 2-byte"):
        ContentType("audio/x-l16", 8000).whole_samples(b"123")
