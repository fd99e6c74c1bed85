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

__all__ = ["Bounds", "Certainty", "HeardLedger"]

ASSUMED_LATENCY_S = 0.15
"""From our socket to the far loudspeaker and back, until an ack has shown it."""

FAR_FRAME_S = 0.02
"""The far end plays in frames of this length, and begins with a whole one."""

REMEMBERED_ACKS = 8

MOST_PENDING = 256
"""Checkpoints that are waited for at a time."""

MOST_UNHEARD = 64
"""Sendings that are remembered before those played for sure are forgotten."""


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
    """A queue that is played at 1x, fed through a line with a fixed latency."""

    __slots__ = ("_floor", "_rate_hz", "ends_at_s", "sent")

    def __init__(self, rate_hz: int) -> None:
        self.ends_at_s = -math.inf
        self._rate_hz = rate_hz
        self.sent = 0
        self._floor = 0

    def send(self, count: int, now_s: float, latency_s: float = 0.0) -> None:
        begins_at_s = now_s + latency_s
        if begins_at_s < self.ends_at_s:
            begins_at_s = self.ends_at_s
        else:
            # A pause lies between: what was played before it stays played.
            self._floor = self.played(now_s)
        self.sent += count
        self.ends_at_s = begins_at_s + count / self._rate_hz

    def played(self, now_s: float) -> int:
        if now_s >= self.ends_at_s:
            return self.sent
        remaining = math.ceil((self.ends_at_s - now_s) * self._rate_hz - 1e-6)
        return max(self._floor, self.sent - remaining)

    def restart(self, played: int, ends_at_s: float) -> None:
        self._floor = max(self._floor, min(played, self.sent))
        self.ends_at_s = min(self.ends_at_s, ends_at_s)


class HeardLedger:
    """Books what is sent, what is acknowledged and what is cleared.

    Positions count samples at the wire's rate since the stream began; time is
    whatever clock the caller passes in, in seconds.
    """

    __slots__ = (
        *("_confirmed", "_pending", "_rate_hz", "_round_trips_s", "_serial"),
        *("_slowest", "_speech_began", "_unheard", "fastest"),
        *("latency_s", "sent_samples"),
    )

    def __init__(self, rate_hz: int) -> None:
        self.sent_samples = 0
        self.latency_s = ASSUMED_LATENCY_S
        """The slowest of the last round trips, or the assumption."""
        self._rate_hz = rate_hz
        self.fastest = Playout(rate_hz)
        """The model in which whatever is sent has arrived."""
        self._slowest = Playout(rate_hz)
        # Position behind each sending that may not have been played, and its time.
        self._unheard: collections.deque[tuple[int, float]] = collections.deque()
        self._pending: dict[str, tuple[int, float]] = {}
        self._round_trips_s: collections.deque[float] = collections.deque(
            maxlen=REMEMBERED_ACKS
        )
        self._confirmed = 0
        self._speech_began = 0
        self._serial = 0

    def ahead_s(self, now_s: float) -> float:
        """How long the far end can play on; negative: for how long it has been dry."""
        return self.fastest.ends_at_s - now_s

    def all_played_by_s(self) -> float:
        """When even the slowest model has played everything."""
        return self._slowest.ends_at_s

    def send(self, count: int, now_s: float) -> None:
        """Book samples that leave now."""
        if self.fastest.ends_at_s <= now_s:
            self._speech_began = self.sent_samples
        self.sent_samples += count
        fastest, slowest = self.fastest, self._slowest
        late_s = self.latency_s + FAR_FRAME_S
        if now_s < fastest.ends_at_s and now_s + late_s < slowest.ends_at_s:
            # In running speech both models just have that much more to play.
            seconds = count / self._rate_hz
            fastest.sent += count
            fastest.ends_at_s += seconds
            slowest.sent += count
            slowest.ends_at_s += seconds
        else:
            fastest.send(count, now_s)
            slowest.send(count, now_s, late_s)
        self._unheard.append((self.sent_samples, now_s))
        if len(self._unheard) > MOST_UNHEARD:
            self._forget_heard(self._slowest.played(now_s))

    def checkpoint(self, label: str, now_s: float) -> str:
        """Book a checkpoint behind all that was sent; return its unique name."""
        self._serial += 1
        name = f"{self._serial}.{label}" if label else str(self._serial)
        self._pending[name] = (self.sent_samples, max(self.fastest.ends_at_s, now_s))
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
        least = max(self._confirmed, self._slowest.played(now_s))
        most = max(least, self.fastest.played(now_s))
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
        most = max(bounds.most, self.fastest.played(now_s + self.latency_s))
        self._pending.clear()
        self._unheard.clear()
        self.fastest.restart(self.sent_samples, now_s)
        self._slowest.restart(self.sent_samples, now_s)
        self._confirmed = self.sent_samples
        self._speech_began = self.sent_samples
        return Bounds(bounds.least, most, bounds.certainty)

    def _pull_up(self, position: int, now_s: float) -> None:
        """Let the slowest model go on from a position that is known to be played."""
        self._forget_heard(position)
        # Between two of its frames the far end has not played what time would allow.
        ends_at_s, start = now_s + FAR_FRAME_S, position
        for end, sent_at_s in self._unheard:
            arrived_s = max(ends_at_s, sent_at_s + self.latency_s + FAR_FRAME_S)
            ends_at_s = arrived_s + (end - start) / self._rate_hz
            start = end
        self._slowest.restart(position, ends_at_s)

    def _forget_heard(self, position: int) -> None:
        while self._unheard and self._unheard[0][0] <= position:
            self._unheard.popleft()
