"""Extra headers in all their spellings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import ConfigError
from bridge.stream.headers import format_extra_headers, parse_extra_headers


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("userId=12345;sessionId=abc-xyz", {"userId": "12345", "sessionId": "abc-xyz"}),
        ("userId=12345,sessionId=abc-xyz", {"userId": "12345", "sessionId": "abc-xyz"}),
        ('{"userId": "12345", "n": 5}', {"userId": "12345", "n": "5"}),
        ({"userId": "12345"}, {"userId": "12345"}),
        (" a = 1 ; b = 2 ", {"a": "1", "b": "2"}),
        ("a=b=c", {"a": "b=c"}),
        ("a=%20%C3%A9", {"a": " é"}),
        ("a=1;b=x,y", {"a": "1", "b": "x,y"}),
        ("a=1,b=2;c=3", {"a": "1", "b": "2", "c": "3"}),
        ("flag", {"flag": ""}),
        ("=1;;,", {}),
        ("{broken", {"{broken": ""}),
        ("", {}),
        (None, {}),
        (7, {}),
    ],
    ids=repr,
)
def test_each_spelling_is_read(value: object, expected: dict[str, str]) -> None:
    """Semicolons, commas, JSON; decoded and stripped."""
    assert parse_extra_headers(value) == expected


@given(value=st.text() | st.text().map(lambda text: "{" + text))
def test_nothing_is_ever_raised(value: str) -> None:
    """Any string is some headers."""
    assert isinstance(parse_extra_headers(value), dict)


names = st.text("abcXYZ019_.-", min_size=1, max_size=12)


@given(headers=st.dictionaries(names, st.text(max_size=8), max_size=4))
def test_what_is_written_is_read_again(headers: dict[str, str]) -> None:
    """Whatever the values hold; names are plain. Blanks around a value stay too."""
    assert parse_extra_headers(format_extra_headers(headers)) == headers


def test_limits_are_said() -> None:
    """512 bytes, and names that no separator can break."""
    with pytest.raises(ConfigError, match="607 bytes, allowed are 512"):
        format_extra_headers({"headers": "x" * 599})
    with pytest.raises(ConfigError, match=r"name 'a=b': allowed are"):
        format_extra_headers({"a=b": "1"})
