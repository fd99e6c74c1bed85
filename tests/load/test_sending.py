"""What callers send is what Plivo's side of the protocol writes."""

import msgspec
import numpy as np
import pytest

from bridge.load.caller_plan import Trouble
from bridge.load.figures import Tally
from bridge.load.opening import start_of
from bridge.load.plan import Plan
from bridge.load.record import Record
from bridge.load.sending import Sending
from bridge.load.sounds import Sound
from bridge.stream import codec
from bridge.stream.content_type import DEFAULT_CONTENT_TYPE
from bridge.stream.messages import Dtmf, Media, PlayedStream, Side, Start
from bridge.stream.protocol import StreamProtocol

FRAMES = Sound.tones(DEFAULT_CONTENT_TYPE).frames


class Line:
    """A caller's end of a stream, and the texts it wrote."""

    def __init__(self, extra_headers: str = "") -> None:
        self.texts: list[bytes] = []
        self.record = Record(0, "caller", Tally(), 0.0)
        self.start = start_of(
            Plan(url="ws://h/", extra_headers=extra_headers), "the-stream"
        )
        self.sending = Sending(Trouble(), self.record, np.random.default_rng(0))

    def dial(self, *, opens: bool = True) -> None:
        protocol = StreamProtocol(Side.PLATFORM, None if opens else self.start)
        self.sending.go_over(self.texts.append, protocol)
        if opens:
            self.sending.start(self.start)

    def heard(self, *, resumed: bool = False) -> list[object]:
        """What a server makes of it."""
        server = StreamProtocol(Side.BRIDGE, self.start if resumed else None)
        return [server.receive(text) for text in self.texts]


@pytest.mark.parametrize("headers", ["", "a=1,b=%d %% {}", 'x="4444444444,"'])
def test_frames_are_what_the_codec_writes(headers: str) -> None:
    line = Line(headers)
    line.dial()
    for frame in FRAMES[:3]:
        line.sending.frame(frame.text, None)
    start, *frames = line.heard()
    assert isinstance(start, Start)
    assert start.sequence_number == 1
    for number, (message, text) in enumerate(zip(frames, line.texts[1:], strict=True)):
        assert isinstance(message, Media)
        assert message.stream_id == "the-stream"
        assert message.sequence_number == number + 2
        assert message.media.chunk == number + 1
        assert message.media.track == "inbound"
        assert message.media.payload == FRAMES[number].payload
        assert message.extra_headers == headers
        assert text == codec.dump(message)
    assert line.record.frames_sent == 3


def test_all_messages_share_one_numbering_and_time_counts_frames() -> None:
    line = Line()
    line.dial()
    for frame in FRAMES[:2]:
        line.sending.frame(frame.text, None)
    line.sending.press("5")
    line.sending.played("a")
    line.sending.frame(FRAMES[2].text, None)
    _, first, second, key, played, third = line.heard()
    assert isinstance(key, Dtmf)
    assert isinstance(played, PlayedStream)
    numbers = [msgspec.json.decode(text)["sequenceNumber"] for text in line.texts]
    assert numbers == [1, 2, 3, 4, 5, 6]
    stamps = [
        int(each.media.timestamp or 0)
        for each in (first, second, third)
        if isinstance(each, Media)
    ]
    assert np.diff(stamps).tolist() == [20, 20]
    assert key.dtmf.timestamp == str(stamps[1])


def test_a_new_socket_is_numbered_anew_and_the_audio_goes_on() -> None:
    line = Line()
    line.dial()
    line.sending.frame(FRAMES[0].text, None)
    line.texts.clear()
    line.dial(opens=False)
    line.sending.frame(FRAMES[1].text, None)
    (message,) = line.heard(resumed=True)
    assert isinstance(message, Media)
    assert (message.sequence_number, message.media.chunk) == (1, 2)


def test_it_is_told_when_a_frame_left_and_how_long_bytes_last() -> None:
    line = Line()
    line.dial()
    told: list[float] = []
    line.sending.frame(FRAMES[0].text, told.append)
    assert len(told) == 1
    assert line.sending.lasts_s(50 * len(line.texts[-1])) == pytest.approx(1, rel=0.1)
