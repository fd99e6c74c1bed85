"""Plivo XML."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import PeerError
from bridge.multiparty import xml


def test_all_that_a_call_can_do_is_read() -> None:
    """With what the attributes say, and their defaults."""
    document = b"""<?xml version="1.0"?><Response>
        <Play loop="0">https://h/a.mp3</Play> <Speak voice="MAN">Hi <b>you</b></Speak>
        <Wait/><Wait length="2.5"/><Hangup reason="busy"/><Dial>1</Dial>
        <MultiPartyCall role="Customer" maxDuration="600" relayDTMFInputs="true"
         statusCallbackUrl="http://h/cb" onExitActionUrl="http://h/x">
        my room </MultiPartyCall></Response>"""

    elements = xml.parse(document, "c-1")

    assert elements[:6] == [
        xml.Play("https://h/a.mp3", 0),
        xml.Speak("Hi you", "MAN"),
        xml.Wait(1.0),
        xml.Wait(2.5),
        xml.Hangup("busy"),
        xml.Other("Dial"),
    ]
    entering = elements[6]
    assert isinstance(entering, xml.MultiPartyCall)
    assert entering.name == "my room"
    assert entering.request.call_uuid == "c-1"
    assert entering.request.role == "customer"
    assert entering.request.max_duration == 600
    assert entering.request.relay_dtmf_inputs
    assert entering.request.status_callback_method == "POST"
    assert entering.request.recording_callback_method == "POST"


@pytest.mark.parametrize(
    ("document", "what"),
    [
        (b"hello", "no XML"),
        (b"", "no XML"),
        (b"<Answer/>", "expected <Response>"),
        (b"<Response>" + b" " * 110_000, "allowed are 102400"),
        (b"<!DOCTYPE x [<!ENTITY a 'b'>]><Response>&a;</Response>", "document type"),
        ("<!DOCTYPE x><Response/>".encode("utf-16"), "not UTF-8"),
        (b"<?xml version='1.0' encoding='foo'?><Response", "no XML"),
        (b"<Response><Wait length='x'/></Response>", "<Wait> length='x'"),
        (b"<Response><Play loop='-1'>u</Play></Response>", "<Play> loop='-1'"),
        (b"<Response><Play loop='nan'>u</Play></Response>", "<Play> loop='nan'"),
        (b"<Response><MultiPartyCall/></Response>", "without a name"),
        (b"<Response><MultiPartyCall>x</MultiPartyCall></Response>", "role: Field"),
    ],
)
def test_what_is_wrong_is_said(document: bytes, what: str) -> None:
    """And nothing of it is done."""
    with pytest.raises(PeerError, match=what):
        xml.parse(document, "c")


@given(st.binary())
def test_any_bytes_are_read_or_refused(document: bytes) -> None:
    """Never anything else."""
    try:
        xml.parse(b"<Response>" + document + b"</Response>", "c")
    except PeerError:
        return
