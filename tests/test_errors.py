"""Errors are sentences."""

from bridge.errors import ControlError, StreamError, UnavailableError


def test_a_control_error_says_what_was_asked_and_answered() -> None:
    """Or that nothing was."""
    assert (
        str(ControlError("mute member", 503, "busy")) == "mute member: HTTP 503: busy"
    )
    assert str(UnavailableError("get", None, "refused")) == "get: no answer: refused"


def test_a_stream_error_shows_the_text() -> None:
    """Where there is any."""
    assert str(StreamError("odd", "{")) == "odd: {"
    assert str(StreamError("odd")) == "odd"
