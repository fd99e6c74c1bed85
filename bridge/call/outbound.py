"""Speech on its way out: queued, paced with a bounded lead, interruptible.

The far end plays at 1x. It is kept `lead_s` ahead, so that jitter doesn't starve it,
and never more, so that an interruption is heard at once. The next frame is due when
the far end's queue, as booked in samples, has run down to the lead less one frame:
an absolute deadline that cannot drift. After a stall, at most the lead is caught up.
"""

import asyncio
import collections
from collections.abc import Callable

from bridge.audio.codecs import CODECS
from bridge.audio.line import ToWire
from bridge.audio.pcm import FRAME_MS, Samples, silence
from bridge.call.events import Heard, Played
from bridge.call.heard import Bounds, Certainty, HeardLedger
from bridge.call.link import NOBODY, Framer
from bridge.call.options import PlaybackOptions
from bridge.call.pacing import Wheel
from bridge.call.playback import Playback
from bridge.call.sender import Writing
from bridge.metrics import Metrics
from bridge.stream.content_type import ContentType
from bridge.stream.messages import Checkpoint, ClearAudio, Message

__all__ = ["Outbound"]

FRAME_S = FRAME_MS / 1000

PAUSE_S = 0.5
"""Speech that goes on within this after the far end ran dry was torn, not paused."""

CHECKPOINT_EVERY_S = 1.0
"""How often running speech is checkpointed, so that its ledger stays bounded."""

ACK_GRACE_S = 0.3
"""How long after the latest moment an acknowledgement is still waited for."""


class Outbound:
    """The playbacks of one call, sent in order and in time.

    Args:
        content_type: Of the stream.
        sample_rate_hz: Of what the bot gives.
        options: Lead, cushion, queue.
        wheel: Wakes us when a frame is due.
        metrics: Counts underruns and lateness.
    """

    __slots__ = (
        *("_awaiting", "_checkpoint_due_s", "_content_type", "_frame", "_is_blocked"),
        *("_ledger", "_metrics", "_most_ahead_s", "_now", "_options", "_queue"),
        *("_rate_hz", "_room", "_run", "_run_began", "_sample_bytes", "_framer"),
        *("_sending", "_silence", "_speaking", "_wake_at_s", "_wheel", "on_audio"),
        *("on_message", "on_played", "on_run", "underruns"),
    )

    def __init__(
        self,
        content_type: ContentType,
        sample_rate_hz: int,
        options: PlaybackOptions,
        wheel: Wheel,
        metrics: Metrics,
    ) -> None:
        self.on_audio: Callable[[bytes | bytearray], None] = lambda _payload: None
        """Sends a payload."""
        self.on_message: Callable[[Message], None] = lambda _message: None
        """Sends anything else."""
        self.on_played: Callable[[Played], None] = lambda _played: None
        self.on_run: Callable[[], Writing | None] = lambda: None
        """Asked how the frames of a run are to be written; None: as any other."""
        self._is_blocked = False
        self._content_type = content_type
        self._sample_bytes = content_type.bytes_per_sample
        self._rate_hz = sample_rate_hz
        self._options = options
        self._wheel = wheel
        self._metrics = metrics
        self.underruns = 0
        codec = CODECS[content_type.encoding]
        self._silence = codec.encode(
            silence(round(options.cushion_s * content_type.rate_hz))
        )
        self._speaking = ToWire(codec, sample_rate_hz, content_type.rate_hz)
        self._ledger = HeardLedger(content_type.rate_hz)
        self._sending = self._ledger.sending
        self._run: Playback | None = None
        """Running speech whose frames go out as they come, each when it is due. What it
        has sent since it became so is booked with it only when that ends."""
        self._framer: Framer = NOBODY
        """Sends what a run has written."""
        self._run_began = 0
        self._most_ahead_s = options.lead_s - FRAME_S + 1e-6
        """A frame is due when the far end has no more than this."""
        self._queue: collections.deque[Playback] = collections.deque()
        self._awaiting: dict[str, Playback] = {}
        self._frame = sample_rate_hz * FRAME_MS // 1000
        self._room: asyncio.Future[None] | None = None
        self._wake_at_s: float | None = None
        self._checkpoint_due_s = 0.0
        self._now = wheel.now

    def let_go(self) -> None:
        """Forget who sends: the call is over."""
        self._end_run()
        self.on_run = lambda: None
        self._framer = NOBODY

    # --------------------------------------------------------------- queueing

    def new(self, name: str = "", *, is_live: bool = False) -> Playback:
        """Put an empty playback at the end of the queue."""
        playback = Playback(
            self._rate_hz,
            self._content_type.rate_hz,
            name,
            is_live=is_live,
            bounds=self._bounds,
        )
        self._end_run()
        if self._queue and self._queue[-1].is_live:
            self._queue[-1].is_complete = True
        self._queue.append(playback)
        return playback

    def speak(self, samples: Samples) -> Playback:
        """Add to the running speech, or begin one; return it."""
        if not self._queue or not self._queue[-1].is_live:
            self.new(is_live=True)
        playback = self._queue[-1]
        playback.add(samples)
        self.pump()
        is_alone = len(self._queue) == 1 and not playback.queued_samples
        if is_alone and playback.has_begun and not self._is_blocked:
            self._begin_run(playback)
        return playback

    def speak_on(self, samples: Samples) -> bool:
        """Say a frame of running speech; False, and nothing said, if it is not that."""
        if self._run is None:
            return False
        now = self._now
        now_s = now()
        message = self._sending.next(samples, now_s)
        if message is None and self._is_due(samples, now_s):
            # So late that one of the ledger's models of the far end may be dry.
            self._ledger.go_on(now_s)
            message = self._sending.next(samples, now_s)
        if message is None:
            return False
        self._metrics.frames_sent += 1
        self._framer.send_framed(message)
        if now_s >= self._checkpoint_due_s:
            self._checkpoint_now(now_s)
        return True

    def _is_due(self, samples: Samples, now_s: float) -> bool:
        ahead_s = self._ledger.ahead_s(now_s)
        return len(samples) == self._frame and 0 <= ahead_s <= self._most_ahead_s

    def _begin_run(self, playback: Playback) -> None:
        """From now on frames may be due as they come."""
        writing = self.on_run() if self._speaking.is_steady else None
        if writing is not None:
            begin, end, self._framer = writing
            wire_frame = self._content_type.rate_hz * FRAME_MS // 1000
            frames = (self._frame, wire_frame, self._most_ahead_s)
            self._sending.write_as(begin, end, self._speaking, *frames)
            self._run, self._run_began = playback, self._ledger.sent_samples

    def _end_run(self) -> None:
        """What comes next is out of the ordinary, or somebody asks what was said."""
        run, self._run = self._run, None
        count = self._ledger.sent_samples - self._run_began
        if run is not None and count:
            run.pass_by(count * self._rate_hz // self._content_type.rate_hz)
            run.book(self._run_began, count, self._speaking.delay_samples)

    @property
    def is_blocked(self) -> bool:
        """Whether the link takes nothing; audio waits here meanwhile."""
        return self._is_blocked

    @is_blocked.setter
    def is_blocked(self, is_blocked: bool) -> None:
        self._is_blocked = is_blocked
        self._end_run()

    def _bounds(self) -> Bounds:
        self._end_run()
        return self._ledger.bounds(self._now())

    @property
    def is_silent(self) -> bool:
        """Whether nothing is being said, here or at the far end."""
        return not self.queued_s and self._ledger.all_played_by_s() <= self._now()

    @property
    def queued_s(self) -> float:
        """How much speech has not been sent yet."""
        queued = 0
        for playback in self._queue:
            queued += playback.queued_samples
        return queued / self._rate_hz

    def is_full(self, playback: Playback) -> bool:
        """Whether more than `queue_s` of a playback waits.

        Counted for each by itself: one that is still being made must not wait for
        those behind it, which wait for it.
        """
        return playback.queued_samples > self._options.queue_s * self._rate_hz

    async def room(self, playback: Playback) -> None:
        """Wait until a playback is not full."""
        while self.is_full(playback):
            if self._room is None or self._room.done():
                self._room = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._room)

    def _make_room(self) -> None:
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

    # ---------------------------------------------------------------- sending

    def pump(self) -> None:
        """Send what is due, and see to being woken for the rest."""
        self._end_run()
        now_s = self._now()
        ahead_s = self._ledger.ahead_s(now_s)
        while self._queue and not self._is_blocked:
            playback = self._queue[0]
            if not playback.queued_samples:
                if not playback.is_complete:
                    break
                self._finish(self._queue.popleft(), now_s)
                ahead_s = self._ledger.ahead_s(now_s)
                continue
            if ahead_s > self._most_ahead_s:
                self._wake(now_s + ahead_s + FRAME_S - self._options.lead_s)
                break
            if playback.queued_samples < self._frame and not playback.is_complete:
                # A part of a frame waits for the rest, while there is time.
                left_s = ahead_s - FRAME_S / 2
                if left_s > 0:
                    self._wake(now_s + left_s)
                    break
            if ahead_s < 0:
                self._resume_dry(playback, -ahead_s, now_s)
            self._send_frame(playback.take(self._frame), playback, now_s)
            ahead_s = self._ledger.ahead_s(now_s)
        self._make_room()

    def _send_frame(self, samples: Samples, playback: Playback, now_s: float) -> None:
        self._send_for(playback, self._speaking.payload(samples), now_s)
        if now_s >= self._checkpoint_due_s:
            self._checkpoint_now(now_s)

    def _checkpoint_now(self, now_s: float) -> None:
        self._checkpoint_due_s = now_s + CHECKPOINT_EVERY_S
        self._checkpoint("", now_s)

    def _resume_dry(self, playback: Playback, dry_s: float, now_s: float) -> None:
        """Begin to fill an empty queue at the far end."""
        if playback.has_begun and (playback.is_complete or dry_s < PAUSE_S):
            self.underruns += 1
            self._metrics.underruns += 1
        self._checkpoint_due_s = now_s
        playback.fold(self._ledger.bounds(now_s).least)
        if playback.is_live and self.queued_s < self._options.cushion_s:
            self._send(self._silence, now_s)

    def _send_for(
        self, playback: Playback, payload: bytes | bytearray, now_s: float
    ) -> None:
        """Send audio, and book it with the playback that it is of."""
        count = len(payload) // self._sample_bytes
        if not count:
            return
        if playback.audible_from_s is None:
            playback.audible_from_s = now_s + max(0.0, self._ledger.ahead_s(now_s))
        place, delay_samples = self._ledger.sent_samples, self._speaking.delay_samples
        playback.book(place, count, delay_samples)
        self._send(payload, now_s)

    def _send(self, payload: bytes | bytearray, now_s: float) -> None:
        """Send audio as it is on the wire."""
        self._ledger.send(len(payload) // self._sample_bytes, now_s)
        self._metrics.frames_sent += 1
        self.on_audio(payload)

    def _finish(self, playback: Playback, now_s: float) -> None:
        """All of a playback is sent: push its tail out, and ask when it is played."""
        if not playback.is_empty:
            self._send_for(playback, self._speaking.flush(), now_s)
        playback.sent(self._ledger.sent_samples)
        name = self._checkpoint(playback.name, now_s)
        self._awaiting[name] = playback
        self._wheel.at(
            max(now_s, self._ledger.all_played_by_s()) + ACK_GRACE_S,
            lambda: self._give_up_ack(name),
        )

    def _checkpoint(self, label: str, now_s: float) -> str:
        name = self._ledger.checkpoint(label, now_s)
        self.on_message(Checkpoint(name=name))
        return name

    def _wake(self, when_s: float) -> None:
        """Be woken, once, at the earliest of all wishes."""
        if self._wake_at_s is None or when_s < self._wake_at_s - 1e-4:
            self._wake_at_s = when_s
            self._wheel.at(when_s, lambda: self._woken(when_s))

    def _woken(self, due_s: float) -> None:
        # A wake that an earlier one has replaced is past.
        if due_s != self._wake_at_s:
            return
        self._wake_at_s = None
        if self._queue:
            self._metrics.frame_late(self._now() - due_s)
        self.pump()

    # ---------------------------------------------------------- what was heard

    def acknowledge(self, name: str) -> None:
        """A checkpoint came back; stale ones are counted and change nothing."""
        if not self._ledger.acknowledge(name, self._now()):
            self._metrics.stale_acks += 1
        elif name in self._awaiting:
            self._settle(self._awaiting.pop(name), Certainty.CONFIRMED)

    def _give_up_ack(self, name: str) -> None:
        """The acknowledgement of a playback's end is overdue: go by the models."""
        if name in self._awaiting:
            certainty = self._ledger.bounds(self._now()).certainty
            self._ledger.forget(name)
            if certainty is Certainty.CONFIRMED:
                certainty = Certainty.BOUNDED
            self._settle(self._awaiting.pop(name), certainty)

    def _settle(self, playback: Playback, certainty: Certainty) -> None:
        self._report(playback, playback.played_out(certainty))

    def _report(self, playback: Playback, heard: Heard) -> None:
        playback.settle(heard)
        if not playback.is_live:
            self.on_played(Played(playback.name, heard))

    def interrupt(self) -> Heard:
        """Stop at once: what is queued here and there is dropped.

        Returns:
            What was heard of the playback that was audible, or that would have
            been next.
        """
        now_s = self._now()
        if self._queue or self._ledger.all_played_by_s() > now_s:
            self.on_message(ClearAudio())
        return self._drop_all(self._ledger.clear(now_s))

    def lost(self) -> Heard:
        """The call is over, and all that was not played with it."""
        return self._drop_all(self._ledger.clear(self._now()))

    def far_queue_lost(self) -> None:
        """The far end is gone, perhaps to come back; what waits here waits on."""
        self._end_run()
        bounds = self._ledger.clear(self._now())
        sent = list(self._awaiting.values())
        self._awaiting.clear()
        for playback in sent:
            self._report(playback, playback.heard(bounds))
        for playback in self._queue:
            playback.cut(bounds.least)

    def _drop_all(self, bounds: Bounds) -> Heard:
        self._end_run()
        self._speaking.reset()
        dropped = [*self._awaiting.values(), *self._queue]
        self._awaiting.clear()
        self._queue.clear()
        self._checkpoint_due_s = 0.0
        audible = None
        for playback in dropped:
            heard = playback.heard(bounds)
            if audible is None or playback.spans(bounds.least):
                audible = heard
            self._report(playback, heard)
        self._make_room()
        if audible is None:
            return Heard(
                0, 0, Certainty.CONFIRMED, complete=True, sample_rate_hz=self._rate_hz
            )
        return audible
