"""One state table, seen from both sides."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import MisuseError, StreamError
from bridge.stream import codec
from bridge.stream.messages import (
    Checkpoint,
    ClearAudio,
    ClearedAudio,
    Dtmf,
    DtmfBody,
    Media,
    MediaBody,
    Message,
    PlayAudio,
    PlayAudioBody,
    PlayedStream,
    SendDtmf,
    Side,
    Start,
    StartBody,
    Stop,
    Unknown,
)
from bridge.stream.protocol import TRANSITIONS, State, StreamProtocol
from tests.stream.samples import FROM, MEDIA, START, STREAM_ID, replaced, without


def started(side: Side = Side.BRIDGE) -> StreamProtocol:
    protocol = StreamProtocol(side)
    if side is Side.BRIDGE:
        protocol.receive(json.dumps(START))
    else:
        start = codec.parse(json.dumps(START), Side.PLATFORM)
        assert isinstance(start, Start)
        protocol.send(start)
    return protocol


def test_media_before_start_is_refused() -> None:
    """Audio with no call is an error that says where the stream stood."""
    protocol = StreamProtocol(Side.BRIDGE)

    with pytest.raises(StreamError, match="media while waiting for start") as caught:
        protocol.receive(json.dumps(MEDIA))
    assert protocol.state is State.WAITING
    assert caught.value.stream_id == STREAM_ID


def test_a_whole_stream_is_taken() -> None:
    """Every documented message in its turn."""
    protocol = StreamProtocol(Side.BRIDGE)

    for message in FROM[Side.PLATFORM]:
        protocol.receive(json.dumps(message))

    assert protocol.state is State.STOPPED
    assert protocol.stream_id == STREAM_ID
    assert repr(protocol) == "<StreamProtocol bridge stopped>"


@pytest.mark.parametrize("message", FROM[Side.PLATFORM], ids=lambda m: m["event"])
def test_after_the_stop_nothing_is_taken(message: Any) -> None:
    """Not even another stop."""
    protocol = started()
    protocol.receive('{"event": "stop"}')

    with pytest.raises(StreamError, match="while stopped"):
        protocol.receive(json.dumps(message))


def test_a_second_start_is_refused() -> None:
    """The stream goes on as it was."""
    protocol = started()

    with pytest.raises(StreamError, match="start while streaming"):
        protocol.receive(json.dumps(START))
    assert isinstance(protocol.receive(json.dumps(MEDIA)), Media)


def test_another_streams_message_is_refused() -> None:
    """It names both."""
    protocol = started()

    with pytest.raises(StreamError, match=f"for stream other on stream {STREAM_ID}"):
        protocol.receive(json.dumps(replaced(MEDIA, ("streamId",), "other")))


def test_an_odd_payload_is_refused_and_the_stream_goes_on() -> None:
    """Half a sample is none."""
    protocol = started()

    with pytest.raises(StreamError, match="no whole number of 2-byte samples"):
        protocol.receive(json.dumps(replaced(MEDIA, ("media", "payload"), "AAAA")))
    assert isinstance(protocol.receive(json.dumps(MEDIA)), Media)


def test_a_content_type_nobody_streams_ends_it() -> None:
    """The audio could not be read at all."""
    protocol = StreamProtocol(Side.BRIDGE)
    path = ("start", "mediaFormat", "encoding")

    with pytest.raises(
        StreamError, match="'audio/opus;rate=8000' is none of"
    ) as caught:
        protocol.receive(json.dumps(replaced(START, path, "audio/opus")))
    assert caught.value.ends_stream
    assert protocol.state is State.WAITING


@pytest.mark.parametrize("encoding", ["audio/x-mulaw", "audio/x-mulaw;rate=8000"])
def test_the_content_type_is_read_from_the_start(encoding: str) -> None:
    """With or without its rate; without a format it is the default."""
    protocol = StreamProtocol(Side.BRIDGE)
    path = ("start", "mediaFormat", "encoding")
    protocol.receive(json.dumps(replaced(START, path, encoding)))
    bare = StreamProtocol(Side.BRIDGE)
    bare.receive(json.dumps(without(START, ("start", "mediaFormat"))))

    assert str(protocol.content_type) == "audio/x-mulaw;rate=8000"
    assert str(bare.content_type) == "audio/x-l16;rate=8000"


def test_the_stream_id_may_stand_on_top() -> None:
    """Where other messages have it; or nowhere."""
    protocol = StreamProtocol(Side.BRIDGE)
    start = without(START, ("start", "streamId"))
    protocol.receive(json.dumps({**start, "streamId": "on-top"}))
    nameless = StreamProtocol(Side.BRIDGE)
    nameless.receive(json.dumps(start))

    assert protocol.stream_id == "on-top"
    assert nameless.stream_id == ""
    assert isinstance(nameless.receive(json.dumps(MEDIA)), Media)


@pytest.mark.parametrize("state", State)
def test_unknown_events_change_nothing(state: State) -> None:
    """In any state."""
    protocol = StreamProtocol(Side.BRIDGE)
    if state is not State.WAITING:
        protocol.receive(json.dumps(START))
    if state is State.STOPPED:
        protocol.receive('{"event": "stop"}')

    assert isinstance(protocol.receive('{"event": "muteStream"}'), Unknown)
    assert protocol.state is state


def test_a_resumed_stream_needs_no_start() -> None:
    """Plivo has been seen to reconnect without one."""
    first = started()
    assert first.start is not None

    second = StreamProtocol(Side.BRIDGE, resumed=first.start)

    assert second.stream_id == STREAM_ID
    assert isinstance(second.receive(json.dumps(MEDIA)), Media)


def test_checkpoints_and_clears_name_their_stream() -> None:
    """As Plivo's reference has them; audio does not."""
    protocol = started()
    for message in (Checkpoint(name="end"), ClearAudio()):
        assert json.loads(protocol.send(message))["streamId"] == STREAM_ID
    audio = protocol.send(PlayAudio(media=PlayAudioBody(payload=b"\0\0")))
    assert "streamId" not in json.loads(audio)


def test_sending_out_of_turn_is_our_mistake() -> None:
    """Audio before there is a stream."""
    with pytest.raises(MisuseError, match="cannot send clearAudio while waiting"):
        StreamProtocol(Side.BRIDGE).send(ClearAudio())


@pytest.mark.parametrize("rate_hz", [8000, 16000])
def test_audio_is_written_as_any_message_is(rate_hz: int) -> None:
    """Only in fewer steps."""
    bridge = StreamProtocol(Side.BRIDGE)
    with pytest.raises(MisuseError, match="cannot send playAudio while waiting"):
        bridge.audio(b"")
    media_format = {"encoding": "audio/x-l16", "sampleRate": rate_hz}
    start = {"streamId": STREAM_ID, "mediaFormat": media_format}
    bridge.receive(json.dumps({"event": "start", "start": start}))
    payload = bytes(range(256)) * 2

    body = PlayAudioBody(payload, "audio/x-l16", rate_hz)
    assert bridge.audio(payload) == bridge.send(PlayAudio(media=body))


def test_the_platform_numbers_what_it_sends() -> None:
    """1 for `start`, one more for each message; the server's have no number."""
    platform = started(Side.PLATFORM)
    second = json.loads(platform.send(Media(media=MediaBody(payload=b""))))
    third = json.loads(platform.send(ClearedAudio()))
    server = json.loads(started().send(ClearAudio()))

    assert (second["sequenceNumber"], third["sequenceNumber"]) == (2, 3)
    assert "sequenceNumber" not in server


messages = st.sampled_from(
    [
        Start(start=StartBody(stream_id="s")),
        Media(media=MediaBody(payload=b"ab")),
        Dtmf(dtmf=DtmfBody(digit="1")),
        PlayedStream(name="a"),
        ClearedAudio(),
        Stop(),
        PlayAudio(media=PlayAudioBody(payload=b"ab")),
        Checkpoint(name="a"),
        SendDtmf(dtmf="1"),
    ]
)


@given(script=st.lists(st.tuples(st.sampled_from(Side), messages), max_size=30))
def test_both_ends_joined_agree(script: list[tuple[Side, Message]]) -> None:
    """Whatever either side may send, the other takes, and both stand alike."""
    ends = {side: StreamProtocol(side) for side in Side}
    theirs = {Side.PLATFORM: (Start, Media, Dtmf, PlayedStream, ClearedAudio, Stop)}
    for side, message in script:
        other = Side.BRIDGE if side is Side.PLATFORM else Side.PLATFORM
        is_platforms = isinstance(message, theirs[Side.PLATFORM])
        is_servers = not is_platforms or isinstance(message, Stop)
        if not (is_platforms if side is Side.PLATFORM else is_servers):
            continue
        try:
            text = ends[side].send(message)
        except MisuseError:
            assert (ends[side].state, type(message)) not in TRANSITIONS
            continue
        assert isinstance(ends[other].receive(text), type(message))
        assert ends[other].state is ends[side].state
