"""The marks of a stream: sent, looked for, found; and the frames between them."""

import collections
import dataclasses
import math

from bridge.audio.pcm import FRAME_MS, frame_samples
from bridge.load.ear import Ear, Found, are_tones, recognize
from bridge.load.order import Order
from bridge.load.record import Record
from bridge.load.sounds import Mark, tone_numbers

__all__ = ["Marks"]

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


class Marks:
    """Looks for what was said in what comes back.

    Args:
        ear: Hears all that comes, once a mark was sent.
        rate_hz: Of the stream.
        record: Of the stream.
        horizon_s: A mark that is not back after so long is lost.
    """

    def __init__(
        self, ear: Ear, rate_hz: int, record: Record, horizon_s: float
    ) -> None:
        self.horizon_s = horizon_s
        self.is_tones = False
        """Whether all that is said is `tones`, so that each frame is recognized."""
        self._ear = ear
        self._rate_hz = rate_hz
        self._record = record
        self._order = Order(tone_numbers())
        self._next_sample = 0
        self._sought: collections.deque[_Sought] = collections.deque()
        self._sent = 0
        self._lost_in_a_row = 0
        self._delay: int | None = None
        """Of the last mark, in samples."""

    @property
    def next_look_s(self) -> float:
        """When the next one is looked for; infinity where none is."""
        return self._sought[0].look_s if self._sought else math.inf

    def expect(self, mark: Mark, sent_s: float) -> None:
        """Look for a mark from now on."""
        self._sent += 1
        # Where none comes back, it is no echo; now and then is often enough to look.
        if self._lost_in_a_row < DEAF_AFTER or self._sent % DEAF_AFTER == 0:
            sought = _Sought(mark, sent_s, sent_s + SOON_S, self._ear.count)
            self._sought.append(sought)
            self._record.count("marks_sent")

    def look(self, now_s: float) -> None:
        """Look for a mark that may be back."""
        if self._sought and self._sought[0].look_s <= now_s:
            self._look_for(self._sought.popleft(), now_s)

    def finish(self, now_s: float) -> None:
        """Look for all of them, a last time, and at the frames behind them."""
        for sought in self._sought:
            self._look_for(sought, now_s, is_last=True)
        self._recognize(self._ear.count)
        self._note_order()

    # ------------------------------------------------------------------- inside

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
            self._sought.append(
                dataclasses.replace(
                    sought, look_s=now_s + AGAIN_S, begin=begin, is_again=True
                )
            )
        elif waited_s < min(LEAST_WAIT_S, self.horizon_s):
            self._record.count("marks_pending")
        else:
            self._lost_in_a_row += 1
            self._record.count("marks_lost")
        # Where marks are far apart, it may come to frames that none has led to yet.
        self._recognize(self._ear.forgets_until + frame_samples(self._rate_hz))
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
        frame = frame_samples(self._rate_hz)
        count = (until - self._next_sample + frame // 2) // frame
        if count <= 0:
            return
        samples = self._ear.since(self._next_sample, self._next_sample + count * frame)
        numbers = self._order.expected(len(samples) // frame)
        samples = samples[: len(numbers) * frame]
        if not are_tones(samples, self._rate_hz, numbers):
            numbers = recognize(samples, self._rate_hz)
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
