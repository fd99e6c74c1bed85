"""What a caller makes of what a server sends."""

import math
import re
from array import array
from collections.abc import Callable, MutableSequence, Sequence
from operator import sub
from time import perf_counter

from bridge.audio.codecs import CODECS
from bridge.audio.pcm import FRAME_MS
from bridge.audio.resampling import Resampler, resampler
from bridge.errors import StreamError
from bridge.load.audible import Audible
from bridge.load.ear import Ear
from bridge.load.form import Form
from bridge.load.incoming import Incoming
from bridge.load.marks import Marks
from bridge.load.plan import Plan
from bridge.load.playout import Playout
from bridge.load.record import Record
from bridge.load.sending import Sending
from bridge.load.sounds import Mark
from bridge.stream import messages
from bridge.stream.content_type import ContentType
from bridge.stream.messages import Message, Unknown
from bridge.stream.protocol import StreamProtocol

__all__ = ["Receiving"]

FRAME_S = FRAME_MS / 1000

AT_ONCE = 8
"""Messages of audio that are looked into together, where nothing asks for it sooner:
all that is known of a stream has then to come out of the memory once for so many."""


class Receiving:
    """The far end's queue, and all that is measured of what goes through it.

    Args:
        plan: Of the run.
        record: Of the stream.
        sending: Answers checkpoints and clears.
        protocol: Of the stream.
    """

    __slots__ = (
        *("_line", "form", "incoming", "_payloads", "_came_s", "_record", "_last_s"),
        *("_bytes_per_s", "playout", "audible", "_hears_marks", "_ear", "_codec"),
        *("marks", "_sending", "_protocol", "on_stop", "_content_type"),
        *("_resamplers", "_began_s"),
    )

    def __init__(
        self,
        plan: Plan,
        record: Record,
        sending: Sending,
        protocol: StreamProtocol,
    ) -> None:
        content_type = plan.stream_type
        self._line = sending.line
        self._line.due_s = math.inf
        self.incoming: Incoming | None = None
        """Set where others read for this stream, too."""
        self.playout = Playout(perf_counter())
        self.audible: Audible | None = None
        """Set where a script listens."""
        self.on_stop: Callable[[], None] = lambda: None
        self._content_type = content_type
        self._record = record
        self._sending = sending
        self._codec = CODECS[content_type.encoding]
        self._bytes_per_s = content_type.rate_hz * content_type.bytes_per_sample
        self.form = Form(content_type.bytes_per_sample)
        self._ear = Ear(self._codec, content_type.rate_hz, plan.mark_timeout_s + 2.0)
        self._hears_marks = False
        self.marks = Marks(
            self._ear, content_type.rate_hz, record, horizon_s=plan.mark_timeout_s
        )
        self._resamplers: dict[ContentType, Resampler] = {}
        self._payloads: list[bytes] = []
        """What has come and is not yet in the queue."""
        self._came_s = array("d")
        self._last_s: float | None = None
        self._protocol = protocol
        self._began_s = perf_counter()

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
        payload = self.form.payload_of(text)
        if payload is not None:
            self._arrived(payload, now_s)
            return
        self.catch_up()
        try:
            message = self._protocol.receive(text)
            self._take(message, text, now_s)
        except StreamError as error:
            self._record.violated(_kind(error.what))
            self._record.count("malformed")

    def expect(self, mark: Mark, sent_s: float) -> None:
        """Look for a mark from now on."""
        self.catch_up()
        self._hears_marks = True
        self.marks.expect(mark, sent_s)
        self._note_due()

    def tick(self, now_s: float) -> None:
        """Acknowledge what has been played; look for a mark that may be back."""
        self.catch_up()
        for name in self.playout.reached(now_s):
            self._sending.played(name)
        self.marks.look(now_s)
        self._note_due()

    def pause(self) -> None:
        """The caller speaks: a bot that is silent now does not starve."""
        self.catch_up()
        self.playout.pause()

    def finish(self, now_s: float) -> None:
        """The stream is over: note what only its end tells."""
        self.catch_up()
        is_echo = "round_trip_ms" in self._record.times_ms
        gap = self.playout.silent_since(now_s)
        if gap is not None and is_echo and gap.length_s > FRAME_S:
            self._record.underran(gap)
        self.marks.finish(now_s)
        if self.playout.dropped_s:
            self._record.violated("buffer_overflow: over 60 s queued")
            self._record.count("dropped_s", self.playout.dropped_s)

    def _note_due(self) -> None:
        self._line.due_s = min(self.playout.next_checkpoint_s, self.marks.next_look_s)

    # ------------------------------------------------------------------- messages

    def _take(self, message: Message | Unknown, text: bytes, now_s: float) -> None:
        match message:
            case messages.PlayAudio():
                payload = self._payload(message.media, text)
                if not payload:
                    raise StreamError("playAudio without audio")
                self._arrived(payload, now_s)
            case messages.Checkpoint():
                self._record.count("checkpoints")
                if self.playout.checkpoint(now_s, message.name):
                    self._sending.played(message.name)
                self._note_due()
            case messages.ClearAudio():
                self._record.count("clears")
                self.playout.clear(now_s)
                if self.audible is not None:
                    self.audible.cut(self.playout.ends_s)
                self._sending.cleared()
            case messages.SendDtmf():
                self._record.count("keys_received", len(message.dtmf))
            case messages.Stop():
                self.form.forget()
                self.on_stop()
            case Unknown():
                raise StreamError(f"unknown event {message.event[:40]}")

    def _arrived(self, payload: bytes, now_s: float) -> None:
        """Note audio that came, and when; what it means is found out by `catch_up`."""
        self._payloads.append(payload)
        self._came_s.append(now_s)
        if len(self._payloads) >= AT_ONCE or self.audible is not None:
            self.catch_up()

    def catch_up(self) -> None:
        """Queue what has come, as of when it came."""
        payloads: list[bytes] = self._payloads
        came_s: MutableSequence[float] = self._came_s
        if not payloads and self.incoming is not None:
            payloads, came_s = self.incoming.take()
        if not payloads:
            return
        record, bytes_per_s = self._record, self._bytes_per_s
        lengths_s = [len(payload) / bytes_per_s for payload in payloads]
        heard_s, gaps = self.playout.play_all(came_s, lengths_s)
        for gap in gaps:
            record.underran(gap)
        self._note_times(came_s)
        record.messages_received += len(payloads)
        record.audio_received_s += sum(lengths_s)
        if self.audible is not None:
            for payload, begins_s in zip(payloads, heard_s, strict=True):
                self.audible.hear(self._codec.decode(payload), begins_s)
        if self._hears_marks:
            self._ear.hear(payloads, came_s, heard_s)
        payloads.clear()
        del came_s[:]

    def _note_times(self, came_s: Sequence[float]) -> None:
        earlier_s = came_s[:-1]
        if self._last_s is None:
            self._record.has_answer = True
            self._record.time("first_audio_ms", came_s[0] - self._began_s)
            apart_s = map(sub, came_s[1:], earlier_s)
        else:
            apart_s = map(sub, came_s, [self._last_s, *earlier_s])
        self._record.inter_arrivals_s.extend(apart_s)
        self._last_s = came_s[-1]

    def _payload(self, body: messages.PlayAudioBody, text: bytes) -> bytes:
        """The audio in the stream's type; another's is counted, and converted."""
        ours = self._content_type
        if body.content_type == ours.encoding and body.sample_rate == ours.rate_hz:
            ours.whole_samples(body.payload)
            self.form.learn(text)
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


def _kind(what: str) -> str:
    """A mistake without its numbers, so that equal ones count as one."""
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d+", "N", what)[:120]
