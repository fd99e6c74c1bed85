"""A call then and now: what is the same, and what is not."""

import dataclasses
import itertools
from collections.abc import Iterator

from bridge.replay.likeness import Likeness, likeness
from bridge.replay.story import Span, Story

__all__ = ["Row", "Tolerances", "compare"]

PACED = ("playAudio", "checkpoint")
"""Kinds whose number follows from timing: one more or less means nothing."""

A_FEW = 2
"""So many of them."""

MOST_TOLD = 5
"""Of what differs, so much is told one by one."""


@dataclasses.dataclass(frozen=True, slots=True)
class Tolerances:
    """What still passes for the same."""

    count: float = 0.05
    """Of the number of audio messages and checkpoints."""
    timing_s: float = 0.1
    """By which our answers, interruptions and the end may come earlier or later."""
    alike: float = 0.9
    """The least share of what was heard then that is heard now, and the other way
    round."""


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """One thing that was compared."""

    what: str
    then: str
    now: str
    is_same: bool = dataclasses.field(kw_only=True)


def compare(then: Story, now: Story, tolerances: Tolerances) -> list[Row]:
    """Compare what was sent in two runs of a call.

    Args:
        then: The captured one.
        now: The replay.
        tolerances: What still passes for the same.
    """
    return [
        *_kinds(then, now, tolerances),
        *_digits(then, now),
        *_audio(then, now, tolerances),
        *_answers(then, now, tolerances),
        _interruptions(then, now, tolerances),
        Row(
            "malformed messages",
            str(then.sent_errors),
            str(now.sent_errors),
            is_same=then.sent_errors == now.sent_errors,
        ),
        _end(then, now, tolerances),
    ]


def _kinds(then: Story, now: Story, tolerances: Tolerances) -> Iterator[Row]:
    before, after = then.sent_kinds, now.sent_kinds
    for kind in sorted(before.keys() | after.keys()):
        a, b = before[kind], after[kind]
        slack = 0.0
        if kind in PACED and a and b:
            slack = max(A_FEW, tolerances.count * a)
        yield Row(f"{kind} messages", str(a), str(b), is_same=abs(a - b) <= slack)


def _digits(then: Story, now: Story) -> Iterator[Row]:
    a, b = then.sent_digits, now.sent_digits
    if a or b:
        yield Row("keys we pressed", a or "none", b or "none", is_same=a == b)


def _audio(then: Story, now: Story, tolerances: Tolerances) -> Iterator[Row]:
    if then.content_type != now.content_type:
        yield Row(
            "content type", str(then.content_type), str(now.content_type), is_same=False
        )
        return
    a, b = then.sent_audio, now.sent_audio
    per_s = then.rate_hz * then.content_type.bytes_per_sample
    words = "the same samples" if a == b else "other samples"
    yield Row(
        "audio sent",
        f"{len(a) / per_s:.2f} s",
        f"{len(b) / per_s:.2f} s, {words}",
        is_same=True,
    )
    there, back = _likeness(then, now), _likeness(now, then)
    for what, found in (("heard then and now", there), ("heard now and then", back)):
        yield Row(
            what,
            f"{found.windows} stretches",
            _told(found),
            is_same=found.share >= tolerances.alike,
        )
    if there.found:
        yield Row(
            "heard from its place",
            "0 ms",
            f"{_ms(there.offset_s)}, 9 of 10 within {_ms(there.spread_s)[1:]}",
            is_same=abs(there.offset_s) <= tolerances.timing_s,
        )


def _likeness(wanted: Story, other: Story) -> Likeness:
    # Both from `start` on: what was heard before its time is looked for there.
    begin_s = wanted.start_s
    speech = [(s.begins_s - begin_s, s.ends_s - begin_s) for s in wanted.our_spans]
    return likeness(wanted.heard, other.heard, speech, wanted.rate_hz)


def _told(found: Likeness) -> str:
    return f"{found.found} of them ({found.share:.0%})"


def _answers(then: Story, now: Story, tolerances: Tolerances) -> Iterator[Row]:
    """When we began to be heard, after each stretch of the far end's speech."""
    before, after = list(_latencies(then)), list(_latencies(now))
    differ = [
        index
        for index, (a, b) in enumerate(zip(before, after, strict=False))
        if (a is None) != (b is None)
        or (a is not None and b is not None and abs(a - b) > tolerances.timing_s)
    ]
    for index in differ[:MOST_TOLD]:
        begins_s = then.caller_spans[index].begins_s
        what = f"answer to the speech at {begins_s:.2f} s"
        yield Row(what, _latency(before[index]), _latency(after[index]), is_same=False)
    answered = sum(each is not None for each in before)
    answered_now = sum(each is not None for each in after)
    yield Row(
        "stretches of speech answered",
        f"{answered} of {len(before)}",
        f"{answered_now} of {len(after)}, {len(differ)} at another time",
        is_same=not differ and len(before) == len(after),
    )


def _latencies(story: Story) -> Iterator[float | None]:
    """From the end of each stretch to our next beginning; negative: into it.

    None where we begin nothing before the next one.
    """
    ours, theirs = story.our_spans, story.caller_spans
    for span, following in itertools.zip_longest(theirs, theirs[1:]):
        until_s = following.begins_s if following is not None else story.end_s
        yield _first_within(ours, span, until_s)


def _first_within(ours: list[Span], span: Span, until_s: float) -> float | None:
    for each in ours:
        if span.begins_s < each.begins_s <= until_s:
            return each.begins_s - span.ends_s
    return None


def _interruptions(then: Story, now: Story, tolerances: Tolerances) -> Row:
    a = [t for t, _dropped in then.cleared]
    b = [t for t, _dropped in now.cleared]
    near = all(abs(x - y) <= tolerances.timing_s for x, y in zip(a, b, strict=False))
    return Row("interruptions", _times(a), _times(b), is_same=len(a) == len(b) and near)


def _end(then: Story, now: Story, tolerances: Tolerances) -> Row:
    a, b = then.end, now.end
    if a is None:
        # The capture breaks off before; whatever comes now is no worse.
        words = "the capture breaks off"
        return Row("ended by", words, "" if b is None else b.who, is_same=True)
    if b is None:
        return Row("ended by", a.who, "nobody", is_same=False)
    is_same = a.code == b.code and abs(a.at_s - b.at_s) <= tolerances.timing_s
    return Row(
        "ended by",
        f"{a.who}, at {a.at_s:.2f} s",
        f"{b.who}, at {b.at_s:.2f} s",
        is_same=is_same,
    )


def _times(times: list[float]) -> str:
    if not times:
        return "none"
    told = ", ".join(f"{t:.2f}" for t in times[:MOST_TOLD])
    more = ", ..." if len(times) > MOST_TOLD else ""
    return f"{len(times)}, at {told}{more} s"


def _latency(seconds: float | None) -> str:
    return "none" if seconds is None else f"{_ms(seconds)} after its end"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:+.0f} ms"
