"""Codes and groups."""

import pytest

from bridge.multiparty.vocabulary import (
    EVENT_GROUPS,
    EventName,
    HangupCause,
    Termination,
    group_of,
)


def test_codes_have_words() -> None:
    """As Plivo's pages pair them."""
    assert (Termination.STAY_ALONE_NOT_PERMITTED.code) == 1010
    assert Termination.MAX_DURATION_REACHED.cause == "Max Duration Reached"
    kicked = HangupCause.KICKED
    assert (kicked.code, kicked.words, kicked.source) == (
        4030,
        "Kicked Out Of Multiparty Call",
        "API Request",
    )


def test_every_event_of_a_call_is_in_a_group() -> None:
    """But for recordings', which are told to a URL of their own."""
    for name in EventName:
        if "Recording" in name:
            with pytest.raises(KeyError):
                group_of(name)
        else:
            assert group_of(name) in EVENT_GROUPS
