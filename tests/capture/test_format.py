"""The file of a captured call."""

import gzip
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.capture import Capture, Header, Record, SocketEvent, read, write
from bridge.capture.format import FORMAT, message, pack
from bridge.errors import ConfigError

HEADER = Header(bot="echo", bot_rate_hz=16000, began="2026-01-02T03:04:05Z")

texts = st.binary(max_size=300) | st.text(max_size=300).map(
    lambda text: text.encode(errors="replace")
)
received = st.builds(
    lambda t, text: message(t, text, is_received=True), st.floats(0, 1e5), texts
)
events = st.builds(
    Record,
    st.floats(0, 1e5),
    event=st.sampled_from(SocketEvent),
    code=st.none() | st.integers(1000, 4999),
    text=st.text(st.characters(codec="utf-8"), max_size=50),
)


def some(count: int) -> list[Record]:
    return [
        message(i / 50, b'{"event":"media"}', is_received=True) for i in range(count)
    ]


@given(st.lists(received | events, max_size=30))
def test_what_is_written_is_read(records: list[Record]) -> None:
    """Byte for byte, also what is no JSON and no UTF-8."""
    capture = read(write(Capture(HEADER, records)))

    assert list(capture.records) == records
    assert [r.message for r in capture.records] == [r.message for r in records]
    assert capture.header == HEADER
    assert not capture.damage


@given(texts)
def test_a_message_is_as_it_was_on_the_wire(text: bytes) -> None:
    """Whatever the far end sent."""
    record = message(1.5, text, is_received=True)

    assert record.message == text
    assert record.is_received


def test_people_read_it_with_zcat() -> None:
    """JSON lines, in the members of one gzip file."""
    data = pack([HEADER]) + pack(some(2)) + pack(some(1))

    lines = gzip.GzipFile(fileobj=io.BytesIO(data)).read().splitlines()

    assert json.loads(lines[0])["capture"] == FORMAT
    assert [json.loads(line)["in"] for line in lines[1:]] == ['{"event":"media"}'] * 3


def test_what_is_unpacked_can_be_read() -> None:
    """And edited before."""
    lines = gzip.decompress(write(Capture(HEADER, some(3))))

    assert len(read(lines).records) == 3


def test_a_long_call_is_written_so_that_it_can_be_read() -> None:
    """In members as those of a call that goes on, not in one that is refused."""
    large = message(1.0, b"x" * 600_000, is_received=True)

    data = write(Capture(HEADER, [large] * 200))

    assert len(read(data).records) == 200
    assert not read(data).damage


def test_the_same_call_is_the_same_bytes() -> None:
    """No clock is in it."""
    assert write(Capture(HEADER, some(5))) == write(Capture(HEADER, some(5)))


@given(st.integers(0, 10_000))
def test_a_file_that_ends_anywhere_is_read_to_there(cut: int) -> None:
    """All whole members before are whole."""
    members = [pack([HEADER]), *(pack(some(10)) for _ in range(5))]
    data = b"".join(members)[: len(members[0]) + cut]
    whole = sum(len(b"".join(members[: n + 2])) <= len(data) for n in range(5))

    capture = read(data)

    assert 10 * whole <= len(capture.records) <= 10 * whole + 10
    assert bool(capture.damage) == (
        data not in (b"".join(members[:n]) for n in range(7))
    )


@given(st.integers(0, 5000), st.integers(1, 255))
def test_one_wrong_byte_costs_one_member(at: int, flip: int) -> None:
    """Whichever it is, behind the header."""
    members = [pack([HEADER]), *(pack(some(10)) for _ in range(5))]
    data = bytearray(b"".join(members))
    place = len(members[0]) + at % (len(data) - len(members[0]))
    data[place] ^= flip

    capture = read(bytes(data))

    # The first byte of the file aside, no single one breaks the others.
    assert len(capture.records) >= 40


def test_a_record_nobody_understands_costs_itself() -> None:
    """And is told of."""
    lines = gzip.decompress(write(Capture(HEADER, some(2))))
    spoilt = (
        lines
        + b'{"t":"soon"}\n'
        + b'nonsense\n{"t":1e12}\n{"t":-1}\n'
        + b'{"t":3,"in":"last"}\n'
    )

    capture = read(spoilt)

    assert [r.message for r in capture.records][-1] == b"last"
    assert len(capture.records) == 3
    assert len(capture.damage) == 4


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"nonsense",
        b"[]",
        b"{}",
        b"\x1f\x8b\x08 no gzip",
        b'{"capture": "one"}\n',
        b"5\n",
    ],
)
def test_other_files_are_refused(data: bytes) -> None:
    """With a sentence."""
    with pytest.raises(ConfigError, match="no capture"):
        read(data)


def test_a_later_format_is_refused() -> None:
    """Rather than misread."""
    with pytest.raises(ConfigError, match="format 2, known are up to 1"):
        read(b'{"capture": 2}\n')


def test_fields_may_come_later() -> None:
    """A newer writer's are passed over."""
    capture = read(
        b'{"capture": 1, "mood": "good"}\n{"t": 1, "in": "x", "mood": "bad"}\n'
    )

    assert capture.records == [Record(1.0, received="x")]


@given(st.binary(max_size=400))
def test_nothing_else_is_ever_raised(data: bytes) -> None:
    """Behind a header, any bytes at all are damage at most."""
    read(pack([HEADER]) + data)


def test_a_bomb_is_damage() -> None:
    """A member that unpacks to more than any call has is not unpacked."""
    bomb = gzip.compress(b"\0" * (70 * 1024 * 1024), 1)

    capture = read(pack([HEADER]) + bomb)

    assert not capture.records
    assert "more than" in capture.damage[0]


def test_complete_is_what_has_its_end_and_all_before() -> None:
    """A call that goes on, a drop, or damage make it incomplete."""
    end = Record(9.0, event=SocketEvent.ENDED)
    drop = Record(8.0, event=SocketEvent.DROPPED, count=5)

    assert Capture(HEADER, [end]).is_complete
    assert not Capture(HEADER, some(3)).is_complete
    assert not Capture(HEADER, [drop, end]).is_complete
    assert not Capture(HEADER, [end], ["byte 7"]).is_complete
