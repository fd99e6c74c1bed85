"""What is missing, repeated or late, told by the stream's own numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.stream.messages import Dtmf, DtmfBody, Media, MediaBody
from bridge.stream.sequence import Anomaly, GapDetector, Irregularity


def frame(chunk: int | None = None, timestamp: str | int | None = None) -> Media:
    return Media(media=MediaBody(payload=b"", chunk=chunk, timestamp=timestamp))


def observed(*frames: Media) -> list[Irregularity | None]:
    detector = GapDetector()
    return [detector.observe_audio(each, 20) for each in frames]


def test_a_stream_in_order_is_not_remarked_on() -> None:
    """Numbers and times that go on."""
    frames = [frame(n, str(1705312200000 + 20 * n)) for n in range(1, 5)]

    assert observed(*frames) == [None] * 4


def test_missing_chunks_are_counted_in_milliseconds() -> None:
    """Three frames lost are 60 ms."""
    found = observed(frame(1), frame(5))

    assert found == [None, Irregularity(Anomaly.MISSING_AUDIO, 60)]


def test_a_repeated_chunk_is_told_from_a_restart() -> None:
    """The same number is a repetition, a lower one another count."""
    found = observed(frame(4), frame(4), frame(1), frame(2))

    assert found == [
        None,
        Irregularity(Anomaly.REPEATED_AUDIO, 20),
        Irregularity(Anomaly.RESTARTED, 0),
        None,
    ]


@pytest.mark.parametrize(("step_ms", "jump_ms"), [(520, 500), (-980, -1000)])
def test_time_that_jumps_is_remarked_on(step_ms: int, jump_ms: int) -> None:
    """Forward as after a hold, backward as after a clock was set."""
    found = observed(frame(1, "5000"), frame(2, str(5000 + step_ms)))

    assert found == [None, Irregularity(Anomaly.TIME_JUMP, jump_ms)]


def test_jitter_of_time_stamps_is_normal() -> None:
    """Some senders stamp arrival."""
    assert observed(frame(1, 0), frame(2, 95), frame(3, 60)) == [None] * 3


@pytest.mark.parametrize("timestamp", ["", "now", "-5", "9" * 30, "٣", None])
def test_time_stamps_that_are_none_are_ignored(timestamp: str | None) -> None:
    """They are opaque strings, after all."""
    assert (
        observed(frame(1, "0"), frame(2, timestamp), frame(3, "999999")) == [None] * 3
    )


def test_missing_messages_are_counted() -> None:
    """The sequence number counts messages of every kind."""
    detector = GapDetector()

    def numbered(number: int | None) -> Dtmf:
        return Dtmf(dtmf=DtmfBody(digit="1"), sequence_number=number)

    found = [detector.observe(numbered(n)) for n in (1, 2, 5, None, 6, 3, 4)]

    missing = Irregularity(Anomaly.MISSING_MESSAGES, 2)
    assert found == [None, None, missing, None, None, None, None]


@pytest.mark.parametrize("number", [-1, 10**400], ids=["negative", "absurd"])
def test_numbers_that_count_nothing_are_ignored(number: int) -> None:
    """They make no gap."""
    detector = GapDetector()
    found = [detector.observe_audio(frame(n, n), 20) for n in (1, number, 2)]

    assert found == [None, None, None]
    for n in (1, number, 2):
        message = Dtmf(dtmf=DtmfBody(digit="1"), sequence_number=n)
        assert detector.observe(message) is None


def test_a_minute_ahead_is_another_count() -> None:
    """Nobody lost so much and went on."""
    assert observed(frame(1), frame(10_000))[1] == Irregularity(Anomaly.RESTARTED, 0)


NUMBERS = st.one_of(st.none(), st.integers(1, 6))


@given(st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS, st.booleans()), max_size=12))
def test_the_short_way_finds_what_the_long_one_does(
    frames: list[tuple[int | None, int | None, int | None, bool]],
) -> None:
    """Asking `follows` first changes nothing, whatever the numbers."""
    short, long = GapDetector(), GapDetector()
    for number, chunk, step, is_text in frames:
        timestamp = None if step is None else str(step * 50) if is_text else step * 50
        message = Media(
            sequence_number=number,
            media=MediaBody(payload=b"", chunk=chunk, timestamp=timestamp),
        )

        expected = (long.observe_audio(message, 20), long.observe(message))

        if short.follows(message, 20):
            assert expected == (None, None)
        else:
            found = (short.observe_audio(message, 20), short.observe(message))
            assert found == expected


def test_a_frame_that_was_to_come_follows() -> None:
    """And one that was not, does not."""
    detector = GapDetector()
    frames = [
        Media(
            sequence_number=n,
            media=MediaBody(payload=b"", chunk=n, timestamp=str(20 * n)),
        )
        for n in (1, 2, 4)
    ]
    detector.observe_audio(frames[0], 20)
    detector.observe(frames[0])

    assert [detector.follows(each, 20) for each in frames[1:]] == [True, False]


@pytest.mark.parametrize("stamp", [" 40 ", "4_0", "+40", "\u0664\u0660", "9" * 20])
def test_a_stamp_that_is_no_number_does_not_follow(stamp: str) -> None:
    """Python would read most of these."""
    detector = GapDetector()
    first = Media(sequence_number=1, media=MediaBody(b"", chunk=1, timestamp="20"))
    detector.observe_audio(first, 20)
    detector.observe(first)

    message = Media(sequence_number=2, media=MediaBody(b"", chunk=2, timestamp=stamp))

    assert not detector.follows(message, 20)
