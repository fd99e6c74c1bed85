"""A capture for people to read: what happened when, and the figures of its audio."""

import collections
import dataclasses
import itertools
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from bridge.capture.format import Record, SocketEvent
from bridge.documents import printable
from bridge.replay.story import Ack, Story
from bridge.stream import messages
from bridge.stream.sequence import GapDetector

__all__ = ["Moment", "figures", "moments"]

LONG_SILENCE_S = 0.06
"""Three frames late: from here on a default lead is half gone."""

LATE_ACK_S = 0.5

DRIFT_S = 10.0
"""Lateness counts from the earliest frame in so much time, as clocks drift."""

EVENTS = {
    SocketEvent.ATTACHED: "the call goes on over a new socket",
    SocketEvent.BROKEN: "the socket broke",
    SocketEvent.CLOSED: "the far end closed the socket",
    SocketEvent.PAUSED: "the far end does not read, we hold back",
    SocketEvent.RESUMED: "it reads again",
    SocketEvent.ENDED: "end",
    SocketEvent.DROPPED: "records missing here",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Moment:
    """One line of the timeline."""

    at_s: float
    who: str
    """`caller`, `bot`, or `line`."""
    what: str


def moments(story: Story) -> list[Moment]:
    """All that is worth a line, in order."""
    found = [
        *_start(story),
        *_speech(story),
        *_messages(story),
        *_silences(story),
        *_holes(story),
        *_acks(story.acks),
        *_events(story.capture.records),
    ]
    return sorted(found, key=lambda each: each.at_s)


def figures(story: Story) -> dict[str, float | int]:
    """The figures to look at when audio is choppy, first things first."""
    arrivals = _arrivals(story)
    lateness = _lateness(arrivals)
    steps = np.diff(arrivals[:, 0])
    holes = list(_dry(story))
    trips = np.array([a.late_s for a in story.acks if a.late_s is not None])
    leads = np.array(story.leads_s)
    kinds = collections.Counter(what for what, _t in _anomalies(story))
    return {
        "duration_s": round(story.end_s - story.start_s, 3),
        "frames_received": len(arrivals),
        "audio_received_s": round(float(arrivals[:, 1].sum()), 3),
        "late_p50_ms": _quantile_ms(lateness, 0.5),
        "late_p99_ms": _quantile_ms(lateness, 0.99),
        "late_most_ms": _quantile_ms(lateness, 1.0),
        "interval_p50_ms": _quantile_ms(steps, 0.5),
        "interval_p99_ms": _quantile_ms(steps, 0.99),
        "interval_most_ms": _quantile_ms(steps, 1.0),
        "gaps_in_arrival": int((steps > LONG_SILENCE_S).sum()),
        **{f"numbering_{name.replace(' ', '_')}": n for name, n in kinds.items()},
        "received_errors": story.received_errors,
        "audio_sent_s": round(_sent_s(story), 3),
        "lead_p50_ms": _quantile_ms(leads, 0.5),
        "lead_p1_ms": _quantile_ms(leads, 0.01),
        "underruns": len(holes),
        "underrun_s": round(sum(length for _at, length in holes), 3),
        "overflow_s": round(story.buffer.dropped_samples / story.rate_hz, 3),
        "interruptions": len(story.cleared),
        "checkpoints": len(story.acks),
        "checkpoints_acknowledged": sum(a.came_s is not None for a in story.acks),
        "ack_p50_ms": _quantile_ms(trips, 0.5),
        "ack_p99_ms": _quantile_ms(trips, 0.99),
        "times_held_back": sum(
            each.event is SocketEvent.PAUSED for each in story.capture.records
        ),
    }


# ---------------------------------------------------------------------- moments


def _start(story: Story) -> Iterator[Moment]:
    start = story.start
    tracks = ", ".join(start.start.tracks or [])
    facts = [
        f"stream {start.start.stream_id or start.stream_id or '?'}",
        str(story.content_type),
        f"tracks {tracks}" if tracks else "",
        f"extra headers {start.extra_headers!r}" if start.extra_headers else "",
    ]
    words = printable(", ".join(filter(None, facts)))
    yield Moment(story.start_s, "line", f"start: {words}")


def _speech(story: Story) -> Iterator[Moment]:
    for who, spans in (("caller", story.caller_spans), ("bot", story.our_spans)):
        for span in spans:
            length_s = span.ends_s - span.begins_s
            words = f"speaks for {length_s:.2f} s, until {span.ends_s:.2f}"
            yield Moment(span.begins_s, who, words)


def _messages(story: Story) -> Iterator[Moment]:
    for t, message in story.received:
        match message:
            case messages.Dtmf():
                yield Moment(t, "caller", f"presses {message.dtmf.digit}")
            case messages.Stop():
                yield Moment(t, "line", f"stop: {printable(message.reason or '')}")
            case messages.ClearedAudio():
                yield Moment(t, "line", "says that all is cleared")
    for t, dropped_s in story.cleared:
        yield Moment(t, "bot", f"clears: {dropped_s * 1000:.0f} ms were still queued")
    for t, message in story.sent:
        if isinstance(message, messages.SendDtmf):
            yield Moment(t, "bot", f"presses {printable(message.dtmf)}")


def _silences(story: Story) -> Iterator[Moment]:
    arrivals = _arrivals(story)
    for before, after in itertools.pairwise(arrivals[:, 0]):
        if after - before > LONG_SILENCE_S:
            words = f"no frame came for {(after - before) * 1000:.0f} ms"
            yield Moment(float(before), "line", words)
    for what, t in _anomalies(story):
        yield Moment(t, "line", f"by their numbers: {what}")


def _holes(story: Story) -> Iterator[Moment]:
    for at_s, length_s in _dry(story):
        words = f"the far end ran dry for {length_s * 1000:.0f} ms in our speech"
        yield Moment(at_s, "line", words)


def _acks(acks: Sequence[Ack]) -> Iterator[Moment]:
    for ack in acks:
        name = printable(ack.name)
        late_s = ack.late_s
        if late_s is not None and late_s > LATE_ACK_S:
            words = f"acknowledges {name!r} {late_s * 1000:.0f} ms after it was played"
            yield Moment(ack.due_s or 0.0, "line", words)
        elif ack.came_s is None and ack.due_s is not None:
            yield Moment(ack.due_s, "line", f"never acknowledges {name!r}")


def _events(records: Sequence[Record]) -> Iterator[Moment]:
    for record in records:
        if record.event is None:
            continue
        facts = [
            EVENTS[record.event],
            f"({record.code})" if record.code is not None else "",
            f"({record.count})" if record.count else "",
            f"- {printable(record.text)}" if record.text else "",
        ]
        yield Moment(record.t, "line", " ".join(filter(None, facts)))


# ---------------------------------------------------------------------- figures


def _arrivals(story: Story) -> NDArray[np.float64]:
    """When each frame came, and how long it was, in seconds; shape `(frames, 2)`."""
    per_s = story.rate_hz * story.content_type.bytes_per_sample
    rows = [
        (t, len(message.media.payload) / per_s)
        for t, message in story.received
        if isinstance(message, messages.Media)
        and message.media.track in (None, "inbound")
    ]
    return np.array(rows, dtype=np.float64).reshape(-1, 2)


def _lateness(arrivals: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much later than the earliest around it each frame came, in seconds.

    Where audio was lost, all that follows comes "late" until the window is past it.
    """
    if not len(arrivals):
        return np.zeros(0)
    spoken_s = np.concatenate([[0.0], np.cumsum(arrivals[:-1, 1])])
    behind = arrivals[:, 0] - spoken_s
    late = np.empty(len(behind))
    blocks = (arrivals[:, 0] - arrivals[0, 0]) // DRIFT_S
    for block in np.unique(blocks):
        here = blocks == block
        late[here] = behind[here] - behind[here].min()
    return late


def _anomalies(story: Story) -> Iterator[tuple[str, float]]:
    """What the numbers of the messages give away, and when."""
    detector = GapDetector()
    per_ms = story.rate_hz * story.content_type.bytes_per_sample // 1000
    for t, message in story.received:
        if isinstance(message, messages.Media):
            length_ms = len(message.media.payload) // per_ms
            found = detector.observe_audio(message, length_ms)
            if found is not None:
                yield found.anomaly.value, t
        if isinstance(message, messages.Numbered):
            found = detector.observe(message)
            if found is not None:
                yield found.anomaly.value, t


def _dry(story: Story) -> Iterator[tuple[float, float]]:
    """The far end's underruns: when, and for how long, in seconds."""
    for spell in story.buffer.dry_spells:
        if not spell.was_announced:
            at_s = story.start_s + spell.start_samples / story.rate_hz
            yield at_s, spell.samples / story.rate_hz


def _sent_s(story: Story) -> float:
    per_s = story.rate_hz * story.content_type.bytes_per_sample
    return len(story.sent_audio) / per_s


def _quantile_ms(values: NDArray[np.float64], share: float) -> float:
    if not len(values):
        return 0.0
    return round(float(np.quantile(values, share)) * 1000, 1)
