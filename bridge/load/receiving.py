"""What a caller makes of what a server sends."""

import collections
import dataclasses
import re
from collections.abc import Callable
from time import perf_counter

from bridge.audio.codecs import CODECS
from bridge.audio.pcm import FRAME_MS, frame_samples
from bridge.audio.resampling import Resampler, resampler
from bridge.errors import StreamError
from bridge.load.audible import Audible
from bridge.load.ear import Ear, Found, recognize
from bridge.load.order import Order
from bridge.load.plan import Plan
from bridge.load.playout import Playout
from bridge.load.record import Record
from bridge.load.sending import Sending
from bridge.load.sounds import Mark, tone_numbers
from bridge.stream import messages
from bridge.stream.content_type import ContentType
from bridge.stream.messages import Message, Unknown
from bridge.stream.protocol import StreamProtocol

__all__ = ["Receiving"]

FRAME_S = FRAME_MS / 1000
SOON_S = 0.7
"""A mark is first looked for so long after it was sent, then every `AGAIN_S`."""
AGAIN_S = 1.0

LEAST_WAIT_S = 2.0
"""A mark sent so shortly before the end of a call may have been on its way."""

DEAF_AFTER = 5
"""Marks lost in a row."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Sought:
    """A mark that was sent."""

    mark: Mark
    sent_s: float
    look_s: float
    """When to look for it."""
    begin: int
    """The sample from which on it may come."""
    is_again: bool = False


class Receiving:
    """The far end's queue, and all that is measured of what goes through it.

    Args:
        plan: Of the run.
        record: Of the stream.
        sending: Answers checkpoints and clears.
        protocol: Of the stream.
    """

    def __init__(
        self,
        plan: Plan,
        record: Record,
        sending: Sending,
        protocol: StreamProtocol,
    ) -> None:
        content_type = plan.stream_type
        self.playout = Playout(perf_counter())
        self.audible: Audible | None = None
        """Set where a script listens."""
        self.is_tones = False
        """Whether all that is said is `tones`, so that each frame is recognized."""
        self.on_stop: Callable[[], None] = lambda: None
        self._content_type = content_type
        self._record = record
        self._sending = sending
        self._codec = CODECS[content_type.encoding]
        self._bytes_per_s = content_type.rate_hz * content_type.bytes_per_sample
        self._ear = Ear(self._codec, content_type.rate_hz, plan.mark_timeout_s + 2.0)
        self._order = Order(tone_numbers())
        self._next_sample = 0
        self._marks: collections.deque[_Sought] = collections.deque()
        self._lost_in_a_row = 0
        self._delay: int | None = None
        """Of the last mark, in samples."""
        self.horizon_s = plan.mark_timeout_s
        """A mark that is not back after so long is lost."""
        self._resamplers: dict[ContentType, Resampler] = {}
        self._last_s: float | None = None
        self._protocol = protocol
        self._began_s = perf_counter()
        self._hears_marks = False
        self._marks_sent = 0

    def begin(self, tick_s: float) -> None:
        """The stream begins; `tick_s` is a tick of the far end's clock."""
        is_echo = self.audible is None
        self.playout = Playout(tick_s, checkpoints_end_speech=not is_echo)
        self._began_s = perf_counter()

    def complain(self, what: str) -> None:
        """Note what no Plivo server sends."""
        self._record.violated(what)

    def received(self, text: bytes, now_s: float) -> None:
        """Take a message."""
        try:
            message = self._protocol.receive(text)
            self._take(message, now_s)
        except StreamError as error:
            self._record.violated(_kind(error.what))
            self._record.count("malformed")

    def expect(self, mark: Mark, sent_s: float) -> None:
        """Look for a mark from now on."""
        self._hears_marks = True
        self._marks_sent += 1
        # Where none comes back, it is no echo; now and then is often enough to look.
        if self._lost_in_a_row < DEAF_AFTER or self._marks_sent % DEAF_AFTER == 0:
            sought = _Sought(mark, sent_s, sent_s + SOON_S, self._ear.count)
            self._marks.append(sought)
            self._record.count("marks_sent")

    def tick(self, now_s: float) -> None:
        """Acknowledge what has been played; look for a mark that may be back."""
        for name in self.playout.reached(now_s):
            self._sending.played(name)
        if self._marks and self._marks[0].look_s <= now_s:
            self._look_for(self._marks.popleft(), now_s)

    def pause(self) -> None:
        """The caller speaks: a bot that is silent now does not starve."""
        self.playout.pause()

    def finish(self, now_s: float) -> None:
        """The stream is over: note what only its end tells."""
        is_echo = "round_trip_ms" in self._record.times_ms
        gap = self.playout.silent_since(now_s)
        if gap is not None and is_echo and gap.length_s > FRAME_S:
            self._record.underran(gap)
        for sought in self._marks:
            self._look_for(sought, now_s, is_last=True)
        self._recognize(self._ear.count)
        self._note_order()
        if self.playout.dropped_s:
            self._record.violated("buffer_overflow: over 60 s queued")
            self._record.count("dropped_s", self.playout.dropped_s)

    # ------------------------------------------------------------------- messages

    def _take(self, message: Message | Unknown, now_s: float) -> None:
        match message:
            case messages.PlayAudio():
                self._play(message.media, now_s)
            case messages.Checkpoint():
                self._record.count("checkpoints")
                if self.playout.checkpoint(now_s, message.name):
                    self._sending.played(message.name)
            case messages.ClearAudio():
                self._record.count("clears")
                self.playout.clear(now_s)
                if self.audible is not None:
                    self.audible.cut(self.playout.ends_s)
                self._sending.cleared()
            case messages.SendDtmf():
                self._record.count("keys_received", len(message.dtmf))
            case messages.Stop():
                self.on_stop()
            case Unknown():
                raise StreamError(f"unknown event {message.event[:40]}")

    def _play(self, body: messages.PlayAudioBody, now_s: float) -> None:
        payload = self._payload(body)
        if not payload:
            raise StreamError("playAudio without audio")
        self._record.has_answer = True
        if self._last_s is None:
            self._record.time("first_audio_ms", now_s - self._began_s)
        else:
            self._record.inter_arrivals_s.append(now_s - self._last_s)
        self._last_s = now_s
        length_s = len(payload) / self._bytes_per_s
        heard_s, gap = self.playout.play(now_s, length_s)
        self._record.messages_received += 1
        self._record.audio_received_s += length_s
        if gap is not None:
            self._record.underran(gap)
        if self.audible is not None:
            self.audible.hear(self._codec.decode(payload), heard_s)
        if self._hears_marks:
            self._ear.hear(payload, now_s, heard_s)

    def _payload(self, body: messages.PlayAudioBody) -> bytes:
        """The audio in the stream's type; another's is counted, and converted."""
        ours = self._content_type
        if body.content_type == ours.encoding and body.sample_rate == ours.rate_hz:
            ours.whole_samples(body.payload)
            return body.payload
        if body.content_type is None or body.sample_rate is None:
            self._record.violated("playAudio without contentType or sampleRate")
        named = (body.content_type or str(ours)).lower()
        theirs = ContentType.parse(named, body.sample_rate or ours.rate_hz)
        theirs.whole_samples(body.payload)
        if theirs != ours:
            self._record.violated(f"playAudio of {theirs} on a stream of {ours}")
        elif body.content_type != ours.encoding and body.content_type is not None:
            self._record.violated("playAudio with a rate in its contentType")
        if theirs not in self._resamplers:
            self._resamplers[theirs] = resampler(theirs.rate_hz, ours.rate_hz)
        samples = CODECS[theirs.encoding].decode(body.payload)
        return self._codec.encode(self._resamplers[theirs].process(samples))

    # ---------------------------------------------------------------------- marks

    def _look_for(
        self, sought: _Sought, now_s: float, *, is_last: bool = False
    ) -> None:
        """Look for a mark; if it is not there, again, unless this is the last look."""
        likely = None if sought.is_again else self._delay
        found = self._ear.find(sought.mark, sought.begin, likely)
        waited_s = now_s - sought.sent_s
        if found is not None and found.came_s - sought.sent_s <= self.horizon_s:
            self._lost_in_a_row = 0
            if not sought.is_again:
                self._delay = round(found.first) - sought.begin
            self._note(sought, found)
        elif waited_s < self.horizon_s and not is_last:
            # What has been looked through needs not be again, but for its end.
            begin = max(sought.begin, self._ear.count - len(sought.mark.samples))
            self._marks.append(
                dataclasses.replace(
                    sought, look_s=now_s + AGAIN_S, begin=begin, is_again=True
                )
            )
        elif waited_s < min(LEAST_WAIT_S, self.horizon_s):
            self._record.count("marks_pending")
        else:
            self._lost_in_a_row += 1
            self._record.count("marks_lost")
        self._ear.forget()

    def _note(self, sought: _Sought, found: Found) -> None:
        round_trip_s = found.came_s - sought.sent_s
        self._record.delays.append((sought.sent_s, round_trip_s))
        self._record.time("round_trip_ms", round_trip_s)
        # A frame leaves when its last sample has been said.
        self._record.time("mouth_to_ear_ms", found.heard_s - sought.sent_s + FRAME_S)
        if self.is_tones:
            self._recognize(round(found.first))
            self._order.stand_at(sought.mark.frame)
            self._next_sample = round(found.first)
            self._note_order()

    def _recognize(self, until: int) -> None:
        """Recognize the frames before a sample, from where it was left."""
        if not (self.is_tones and self._order.is_following):
            return
        rate_hz = self._content_type.rate_hz
        frame = frame_samples(rate_hz)
        count = (until - self._next_sample + frame // 2) // frame
        if count > 0:
            samples = self._ear.since(self._next_sample)[: count * frame]
            numbers = recognize(samples, rate_hz)
            self._order.follow(numbers)
            self._next_sample += len(numbers) * frame

    def _note_order(self) -> None:
        order = self._order
        now = {
            "lost_frames": order.lost,
            "repeated_frames": order.repeated,
            "out_of_order_frames": order.out_of_order,
            "unclear_frames": order.unclear,
            "followed_frames": order.followed,
        }
        for name, number in now.items():
            if more := number - self._record.counts[name]:
                self._record.count(name, more)


def _kind(what: str) -> str:
    """A mistake without its numbers, so that equal ones count as one."""
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d+", "N", what)[:120]
