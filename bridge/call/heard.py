"""What the far end has heard of us: a ledger in samples.

The far end queues what we send and plays it at 1x. Two models of that queue run side
by side: the *fastest* (whatever is sent arrives at once) bounds from above what can
have been played, the *slowest* (everything takes as long as the slowest
acknowledgement took) from below. Checkpoints that come back pull the lower bound up.
Acknowledgements may be missing, late, or belong to audio that was cleared; the models
need none of them, and their names are never used twice.
"""

import collections
import dataclasses
import enum
import math

from bridge.call.sending import new_sending

__all__ = ["Bounds", "Certainty", "HeardLedger"]

ASSUMED_LATENCY_S = 0.15
"""From our socket to the far loudspeaker and back, until an ack has shown it."""

FAR_FRAME_S = 0.02
"""The far end plays in frames of this length, and begins with a whole one."""

ROUNDING_S = 1e-6
"""So much later is not later."""

REMEMBERED_ACKS = 8

MOST_PENDING = 256
"""Checkpoints that are waited for at a time."""


class Certainty(enum.Enum):
    """How a statement about what was heard is known."""

    CONFIRMED = "confirmed"
    """A checkpoint behind it came back: it was played."""
    BOUNDED = "bounded"
    """At least this much: counted on from an acknowledgement in the same speech."""
    ESTIMATED = "estimated"
    """No acknowledgement since the speech began; sending times alone."""


@dataclasses.dataclass(frozen=True, slots=True)
class Bounds:
    """How far the far end has played, in samples sent since the stream began."""

    least: int
    most: int
    certainty: Certainty


class Playout:
    """A queue that is played at 1x, fed through a line with a fixed latency.

    As long as it does not run dry, it is told by one number, whatever is sent: when its
    first sample would have been played, had it never been dry.
    """

    __slots__ = ("_floor", "_rate_hz", "zero_s")

    def __init__(self, rate_hz: int) -> None:
        self.zero_s = -math.inf
        self._rate_hz = rate_hz
        self._floor = 0

    def ends_at_s(self, sent: int) -> float:
        return self.zero_s + sent / self._rate_hz

    def go_on(self, sent: int, now_s: float, latency_s: float = 0.0) -> None:
        """More is sent now; see whether it comes after a pause."""
        begins_at_s = now_s + latency_s
        if begins_at_s >= self.ends_at_s(sent):
            # What was played before it stays played.
            self._floor = self.played(sent, now_s)
            self.zero_s = begins_at_s - sent / self._rate_hz

    def played(self, sent: int, now_s: float) -> int:
        left_s = self.ends_at_s(sent) - now_s
        if left_s <= 0:
            return sent
        return max(self._floor, sent - math.ceil(left_s * self._rate_hz - 1e-6))

    def restart(self, sent: int, played: int, ends_at_s: float) -> None:
        self._floor = max(self._floor, min(played, sent))
        self.zero_s = min(self.zero_s, ends_at_s - sent / self._rate_hz)


class HeardLedger:
    """Books what is sent, what is acknowledged and what is cleared.

    Positions count samples at the wire's rate since the stream began; time is
    whatever clock the caller passes in, in seconds.
    """

    __slots__ = (
        *("_confirmed", "_fastest", "_pending", "_rate_hz", "_round_trips_s"),
        *("_serial", "_slowest", "_speech_began", "latency_s", "sending"),
    )

    def __init__(self, rate_hz: int) -> None:
        self.sending = new_sending(rate_hz)
        """What was sent, and when; its models' numbers are those of the ones here."""
        self.latency_s = ASSUMED_LATENCY_S
        """The slowest of the last round trips, or the assumption."""
        self._rate_hz = rate_hz
        self._fastest = Playout(rate_hz)
        self._slowest = Playout(rate_hz)
        self._pending: dict[str, tuple[int, float]] = {}
        self._round_trips_s: collections.deque[float] = collections.deque(
            maxlen=REMEMBERED_ACKS
        )
        self._confirmed = 0
        self._speech_began = 0
        self._serial = 0

    @property
    def sent_samples(self) -> int:
        """Since the stream began."""
        return self.sending.samples

    def ahead_s(self, now_s: float) -> float:
        """How long the far end can play on; negative: for how long it has been dry."""
        return self._fastest.ends_at_s(self.sending.samples) - now_s

    def all_played_by_s(self) -> float:
        """When even the slowest model has played everything."""
        return self._slowest.ends_at_s(self.sent_samples)

    def send(self, count: int, now_s: float) -> None:
        """Book samples that leave now."""
        sending = self.sending
        if now_s >= sending.runs_from_s + sending.samples / self._rate_hz:
            self.go_on(now_s)
        # In running speech both models just have that much more to play.
        sending.book(count, now_s)

    def go_on(self, now_s: float) -> None:
        """Something will be sent now; see whether one of the models is dry."""
        sent = self.sending.samples
        if now_s >= self._fastest.ends_at_s(sent):
            self._speech_began = sent
        self._fastest.go_on(sent, now_s)
        self._slowest.go_on(sent, now_s, self.latency_s + FAR_FRAME_S)
        self._note_run()

    def _note_run(self) -> None:
        late_s, fastest_s = self.latency_s + FAR_FRAME_S, self._fastest.zero_s
        self.sending.zero_s = fastest_s
        runs_from_s = min(fastest_s, self._slowest.zero_s - late_s)
        self.sending.runs_from_s = runs_from_s + ROUNDING_S

    def checkpoint(self, label: str, now_s: float) -> str:
        """Book a checkpoint behind all that was sent; return its unique name."""
        self._serial += 1
        name = f"{self._serial}.{label}" if label else str(self._serial)
        due_s = max(self._fastest.ends_at_s(self.sent_samples), now_s)
        self._pending[name] = (self.sent_samples, due_s)
        if len(self._pending) > MOST_PENDING:
            # A platform that acknowledges nothing: the oldest will not come any more.
            del self._pending[next(iter(self._pending))]
        return name

    def forget(self, name: str) -> None:
        """Wait no more for a checkpoint; if it comes still, it is stale."""
        self._pending.pop(name, None)

    def acknowledge(self, name: str, now_s: float) -> bool:
        """Book a checkpoint that came back; False if it was not expected (any more)."""
        if name not in self._pending:
            return False
        position, due_s = self._pending.pop(name)
        self._round_trips_s.append(max(0.0, now_s - due_s))
        self.latency_s = max(self._round_trips_s)
        self._confirmed = max(self._confirmed, position)
        self._pull_up(position, now_s)
        return True

    def bounds(self, now_s: float) -> Bounds:
        """How far the far end has played by now."""
        least = max(self._confirmed, self._slowest.played(self.sent_samples, now_s))
        most = max(least, self._fastest.played(self.sent_samples, now_s))
        if self._confirmed >= most:
            certainty = Certainty.CONFIRMED
        elif self._confirmed > self._speech_began:
            certainty = Certainty.BOUNDED
        else:
            certainty = Certainty.ESTIMATED
        return Bounds(least, most, certainty)

    def clear(self, now_s: float) -> Bounds:
        """Book that the far queue is emptied (or lost); what was heard, is returned.

        Pending checkpoints are forgotten: they will never be acknowledged, or
        belong to what is over.
        """
        bounds = self.bounds(now_s)
        # What we send now arrives after all of this: the far end plays on till then.
        sent = self.sent_samples
        most = max(bounds.most, self._fastest.played(sent, now_s + self.latency_s))
        self._pending.clear()
        self._fastest.restart(sent, sent, now_s)
        self._slowest.restart(sent, sent, now_s)
        self._note_run()
        self._confirmed = self._speech_began = sent
        return Bounds(bounds.least, most, bounds.certainty)

    def _pull_up(self, position: int, now_s: float) -> None:
        """Let the slowest model go on from a position that is known to be played."""
        # Between two of its frames the far end has not played what time would allow.
        ends_at_s, start = now_s + FAR_FRAME_S, position
        for end, sent_at_s in self.sending.behind(position):
            arrived_s = max(ends_at_s, sent_at_s + self.latency_s + FAR_FRAME_S)
            ends_at_s = arrived_s + (end - start) / self._rate_hz
            start = end
        self._slowest.restart(self.sent_samples, position, ends_at_s)
        self._note_run()
