"""A call then and now."""

import numpy as np

from bridge.audio.pcm import Samples
from bridge.capture import Record, SocketEvent
from bridge.capture.format import message
from bridge.replay import Row, Tolerances, compare
from bridge.stream import messages
from tests.replay.made import closed, ended, frames, quiet, sent, spoke, story


def voice(seconds: float, seed: int) -> Samples:
    random = np.random.default_rng(seed)
    return (random.standard_normal(round(seconds * 8000)) * 3000).astype(np.int16)


def call(
    *more: Record, at_s: float = 3.0, seed: int = 1, end: list[Record] | None = None
) -> list[Row]:
    """A call in which we answer a second of speech, compared with the plain one."""

    def one(t: float, said: Samples, extra: tuple[Record, ...], last: list[Record]):  # type: ignore[no-untyped-def]
        return story(
            quiet(0, 1),
            frames(1.0, voice(1, 7)),
            quiet(2, 4),
            spoke(t, said),
            list(extra),
            last,
        )

    then = one(3.0, voice(2, 1), (), closed(6.0))
    now = one(at_s, voice(2, seed), more, closed(6.0) if end is None else end)
    return compare(then, now, Tolerances())


def different(rows: list[Row]) -> list[str]:
    return [row.what for row in rows if not row.is_same]


def test_the_same_is_the_same() -> None:
    """And says so of the samples."""
    rows = call()

    assert different(rows) == []
    assert any("the same samples" in row.now for row in rows)


def test_a_little_later_is_the_same_much_later_is_not() -> None:
    """By the tolerance of 100 ms."""
    assert different(call(at_s=3.06)) == []

    late = different(call(at_s=3.3))

    assert "heard from its place" in late
    assert any(what.startswith("answer to the speech at 1.0") for what in late)


def test_other_words_are_different() -> None:
    """Though as many, at the same time."""
    assert different(call(seed=2)) == ["heard then and now", "heard now and then"]


def test_one_interruption_more_is_different() -> None:
    """Of those, every one counts."""
    rows = different(call(sent(4.0, messages.ClearAudio())))

    assert "interruptions" in rows
    assert "clearAudio messages" in rows


def test_a_checkpoint_more_is_not() -> None:
    """They follow from timing; but none at all, or many, are."""
    few = [sent(3.1, messages.Checkpoint(name=str(n))) for n in range(2)]
    then = story(few, closed(6.0))
    for count, is_same in ((0, False), (1, True), (4, True), (9, False)):
        some = [sent(3.1, messages.Checkpoint(name=str(n))) for n in range(count)]
        rows = compare(then, story(some, closed(6.0)), Tolerances())
        assert (different(rows) == []) is is_same, count


def test_keys_are_compared_as_such() -> None:
    """However many messages they come in."""
    rows = call(sent(4.0, messages.SendDtmf(dtmf="1")))

    assert "keys we pressed" in different(rows)


def test_what_is_no_message_is_different() -> None:
    """Ours are always well formed."""
    rows = call(message(4.0, b"nonsense", is_received=False))

    assert different(rows) == ["malformed messages"]


def test_another_end_is_different() -> None:
    """Another side, another code, another time."""
    for end in (
        [ended(6.0, 1011)],
        closed(5.5),
        [Record(6.0, event=SocketEvent.RESUMED)],
    ):
        assert different(call(end=end)) == ["ended by"]


def test_a_capture_that_breaks_off_has_no_end_to_differ() -> None:
    """It was killed; that is not the bridge's doing now."""
    then = story(quiet(0, 1))

    assert different(compare(then, story(quiet(0, 1), closed(1.0)), Tolerances())) == []
