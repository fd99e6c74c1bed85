"""The next frame, foreseen: it is what parsing would have found, or it is parsed."""

import base64
import json
import os

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bridge.stream import prediction
from bridge.stream.codec import MAX_MESSAGE_BYTES, parse
from bridge.stream.content_type import ContentType
from bridge.stream.messages import Media, Side
from bridge.stream.prediction import LONGEST_FRAMED_BYTES, MOST_LESSONS, Prediction
from bridge.stream.sequence import GapDetector
from tests.uncompiled import uncompiled

PREDICTOR = prediction._prediction  # type: ignore[attr-defined]
L16 = ContentType("audio/x-l16", 8000)
FRAME = bytes(range(160)) * 2


@pytest.mark.skipif("CI" not in os.environ, reason="elsewhere there may be no compiler")
def test_ci_compiles_it() -> None:
    """Else nothing below has been tried."""
    assert PREDICTOR is not None


compiled = pytest.mark.skipif(
    PREDICTOR is None, reason="there was no compiler at installation"
)


def written(number: int, sound: bytes = FRAME, **changed: object) -> bytes:
    """A frame as Plivo writes it."""
    media = {
        "track": "inbound",
        "timestamp": str(1_700_000_000_000 + 20 * number),
        "chunk": number,
        "payload": base64.b64encode(sound).decode(),
    }
    message = {"sequenceNumber": number + 1, "streamId": "s", "event": "media"}
    return json.dumps({**message, "media": {**media, **changed}}).encode()


class Stream:
    """One that has heard some frames."""

    def __init__(self, *heard: bytes, content_type: ContentType = L16) -> None:
        self.gaps = GapDetector()
        self.prediction = Prediction(content_type, self.gaps)
        for text in heard:
            self.parse(text)

    def parse(self, text: bytes) -> None:
        message = parse(text, Side.PLATFORM)
        assert isinstance(message, Media)
        self.prediction.tell()
        if not self.gaps.follows(message, 20):
            self.gaps.observe(message)
            self.gaps.observe_audio(message, 20)
        self.prediction.learn(text, message)
        self.prediction.go_on()

    def take(self, text: bytes) -> bytes | None:
        return self.prediction.predictor.take(text)

    def take_framed(self, data: bytes) -> bytes | None:
        return self.prediction.predictor.take_framed(data)


def framed(text: bytes, mask: bytes = b"\x9a\x01\xff\x37") -> bytes:
    """A masked frame of WebSocket."""
    masked = bytes(each ^ mask[place % 4] for place, each in enumerate(text))
    return b"\x81\xfe" + len(text).to_bytes(2, "big") + mask + masked


@compiled
@pytest.mark.parametrize("rest", [0, 1, 2])
def test_frames_follow_one_that_was_parsed(rest: int) -> None:
    """Numbers may grow longer, and payloads may have any length."""
    stream = Stream(written(8), content_type=ContentType("audio/x-mulaw", 8000))

    for number in range(9, 1200):
        payload = os.urandom(159 + rest)
        assert stream.take(written(number, payload)) == payload


@compiled
@pytest.mark.parametrize("rest", range(8))
def test_they_are_taken_out_of_their_websocket_frames(rest: int) -> None:
    """Whatever the mask, and wherever they end."""
    stream = Stream(written(8), content_type=ContentType("audio/x-mulaw", 8000))

    for number in range(9, 30):
        payload = os.urandom(156 + rest)
        data = framed(written(number, payload), os.urandom(4))
        assert stream.take_framed(data) == payload


@compiled
@pytest.mark.parametrize(
    "data",
    [
        b"",
        framed(written(2))[:-1],
        framed(written(2)) + b"\x89",
        framed(written(2)) + framed(written(3)),
        b"\x82" + framed(written(2))[1:],
        b"\x01" + framed(written(2))[1:],
        b"\xc1" + framed(written(2))[1:],
        framed(written(3)),
        framed(written(2, FRAME * 10)),
        b"\x81\x85" + bytes(9),
        b"\x81\x7e" + len(written(2)).to_bytes(2, "big") + written(2),
    ],
    ids=[
        *("none", "cut", "and more", "two", "binary", "fragment", "extension"),
        *("not next", "long", "short", "unmasked"),
    ],
)
def test_what_is_no_such_frame_is_left_to_others(data: bytes) -> None:
    """And changes nothing."""
    stream = Stream(written(1))

    assert stream.take_framed(data) is None

    assert stream.take_framed(framed(written(2))) == FRAME


@compiled
def test_the_longest_that_is_taken_out_of_its_frame() -> None:
    """As others are told."""
    longest = LONGEST_FRAMED_BYTES - len(written(2, b""))
    for more, is_taken in ((0, True), (4, False)):
        payload = bytes((longest + more) // 4 * 3)
        codes = ContentType("audio/x-mulaw", 8000)
        stream = Stream(written(1, payload), content_type=codes)
        taken = stream.take_framed(framed(written(2, payload)))
        assert (taken == payload) is is_taken
        assert is_taken or stream.take(written(2, payload)) == payload


@compiled
def test_the_detector_is_told_where_frames_are() -> None:
    """It finds what is missing then, and frames are foreseen again behind that."""
    stream = Stream(written(1))
    assert stream.take(written(2)) == FRAME

    assert stream.take(written(5)) is None
    message = parse(written(5), Side.PLATFORM)
    assert isinstance(message, Media)
    stream.prediction.tell()
    found = stream.gaps.observe_audio(message, 20)
    stream.gaps.observe(message)
    stream.prediction.go_on()

    assert found is not None
    assert found.count == 40
    assert stream.take(written(6)) == FRAME


@compiled
@pytest.mark.parametrize(
    "odd",
    [
        written(1),
        written(3),
        written(2).replace(b'"s"', b'"t"'),
        written(2, timestamp="1700000000141"),
        written(2, timestamp="1699999999939"),
        written(2, chunk="2"),
        written(2, chunk=-2),
        written(2, track="outbound"),
        written(2, payload=""),
        written(2, payload="AAA"),
        written(2, payload="AAAA"),
        written(2, payload="AAF="),
        written(2, payload="AA=A"),
        written(2, payload="===="),
        written(2, payload="AB=="),
        written(2, payload="A\u00e9A="),
        written(2, payload="AA\\/="),
        written(2).replace(b'"chunk": 2', b'"chunk": 02'),
        written(2)[:-1],
        written(2) + b" ",
        written(2, FRAME * 200),
        b"",
    ],
)
def test_whatever_is_odd_is_left_to_the_parser(odd: bytes) -> None:
    """And changes nothing."""
    stream = Stream(written(1))

    assert stream.take(odd) is None

    assert stream.take(written(2)) == FRAME


@compiled
def test_longer_than_any_message_may_be_is_not_foreseen() -> None:
    """The parser says so."""
    most = written(2, b"")
    room = (MAX_MESSAGE_BYTES - 1 - len(most)) // 4 * 3 // 2 * 2
    assert Stream(written(1)).take(written(2, bytes(room))) == bytes(room)
    assert Stream(written(1)).take(written(2, bytes(room + 6))) is None


@compiled
@given(
    place=st.integers(0, 10_000),
    letters=st.binary(max_size=4),
    removed=st.integers(0, 4),
)
@example(place=0, letters=b"", removed=0)
def test_what_is_foreseen_is_what_parsing_finds(
    place: int, letters: bytes, removed: int
) -> None:
    """However a frame was changed on its way."""
    text = written(2, FRAME[:32])
    at = place % len(text)
    text = text[:at] + letters + text[at + removed :]
    stream = Stream(written(1))

    payload = stream.take(text)

    if payload is not None:
        message = parse(text, Side.PLATFORM)
        assert isinstance(message, Media)
        assert message.media.payload == payload
        assert (message.sequence_number, message.media.chunk) == (3, 2)
        assert message.media.track == "inbound"
        assert message.stream_id == "s"


@compiled
@pytest.mark.parametrize(
    "frames",
    [
        # None of them is numbered, or only some of their numbers are there.
        [b'{"event":"media","media":{"payload":"AAAA/w=="}}'] * 3,
        [
            b'{"media":{"chunk":%d,"payload":"AAAA/w=="},"event":"media"}' % n
            for n in (1, 2)
        ],
        [
            b'{"event":"media","media":{"payload":"AAAA/w==","timestamp":%d}}' % n
            for n in (0, 20)
        ],
    ],
)
def test_senders_may_write_as_they_like(frames: list[bytes]) -> None:
    """As long as they always do."""
    stream = Stream(frames[0])

    for text in frames[1:]:
        assert stream.take(text) == b"\0\0\0\xff"


@compiled
@pytest.mark.parametrize(
    "text",
    [
        b'{"event":"media","media":{"payload":"AAAA"},"chunk":1,"x":{"chunk":1}}',
        b'{"event":"media","chunk":7,"media":{"payload":"AAAA"}}',
        b'{"event":"media","media":{"payload":"AAAA"},"x":"%s"}'
        % bytes(400).hex().encode(),
        b'{"event":"media","media":{"payload":"AAAA","timestamp":"soon"}}',
        b'{"event":"media","media":{"payload":"AAAA","timestamp":"-20"}}',
        b'{"event":"media","media":{"payload":"AAAA","timestamp":"%s"}}'
        % (b"9" * 5000),
        b'{"event":"media","media":{"payload":"AAAA","\\u0070ayload":"BBBB"}}',
    ],
)
def test_what_cannot_be_told_apart_is_always_parsed(text: bytes) -> None:
    """A key that stands for something else, or comes twice, or too much beside it."""
    stream = Stream(text)

    assert stream.take(text) is None


@compiled
def test_who_writes_each_frame_in_another_way_is_not_studied_for_ever() -> None:
    """Learning costs more than parsing."""
    stream = Stream()
    for number in range(MOST_LESSONS + 1):
        spaces = b" " * number
        stream.parse(written(number).replace(b"{", b"{" + spaces, 1))

    text = written(MOST_LESSONS + 1).replace(b"{", b"{" + spaces, 1)
    assert stream.take(text) is None


def test_forgotten_is_forgotten() -> None:
    """Another socket may be another sender."""
    stream = Stream(written(1))

    stream.prediction.forget()

    assert stream.take(written(2)) is None


@compiled
@pytest.mark.parametrize(
    "form",
    [
        (b"x" * 801, b"\3", bytes(4)),
        (b"", b"\3\3", bytes(6)),
        (b"", b"\0", bytes(4)),
        (b"", b"\7", bytes(4)),
        (b"", b"\3", bytes(2)),
        (b"", b"\3", b"\1\0\0\0"),
        (b"xy", b"\3", b"\0\0\1\0"),
    ],
)
def test_what_no_frame_looks_like_is_refused(form: tuple[bytes, bytes, bytes]) -> None:
    """It would be read beyond its end."""
    assert PREDICTOR is not None
    predictor = PREDICTOR.Predictor(2, 16, 100, 65536)

    with pytest.raises(ValueError, match="no frame looks like that"):
        predictor.foresee(*form, 0, 0, 0, 0)

    assert predictor.take(b"") is None


@compiled
def test_one_that_was_not_made_foresees_nothing() -> None:
    """Nor one whose making failed."""
    assert PREDICTOR is not None
    form = (b"", bytes([3]), bytes(4), 0, 0, 0, 0)
    unmade = PREDICTOR.Predictor.__new__(PREDICTOR.Predictor)
    with pytest.raises(ValueError, match="samples have bytes"):
        unmade.foresee(*form)

    made = PREDICTOR.Predictor(2, 16, 100, 65536)
    made.foresee(*form)
    with pytest.raises(ValueError, match="samples have bytes"):
        made.__init__(0, 16, 100, 65536)
    assert made.take(b"AAAA") is None


def test_without_a_compiler_nothing_is_foreseen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And nothing fails."""
    plain = uncompiled(monkeypatch, prediction, "bridge.stream._prediction")
    gaps = GapDetector()
    foreseen = plain.Prediction(L16, gaps)
    message = parse(written(1), Side.PLATFORM)

    foreseen.tell()
    assert gaps.observe(message) is None  # type: ignore[arg-type]
    foreseen.learn(written(1), message)
    foreseen.go_on()

    assert foreseen.predictor.take(written(2)) is None
    assert foreseen.predictor.take_framed(framed(written(2))) is None
    assert foreseen.predictor.last() == (-1, -1, -1, 0)
