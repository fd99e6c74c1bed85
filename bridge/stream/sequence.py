"""What is missing, repeated or late in a stream, told by its own numbers."""

import dataclasses
import enum

from bridge.stream.messages import Media, Numbered

__all__ = ["Anomaly", "GapDetector", "Irregularity"]

LARGEST_NUMBER = 2**53
"""No counter and no clock says more."""

LARGEST_GAP_MS = 60_000
"""A longer gap than this is another count, not lost frames."""

LARGEST_STEP_MS = 100
"""Time stamps may jitter by this much before it counts as a jump in time."""


class Anomaly(enum.Enum):
    """What the numbers say happened."""

    MISSING_MESSAGES = "messages missing"
    """`sequenceNumber` jumped ahead; counted in messages of any kind."""
    MISSING_AUDIO = "audio missing"
    """`chunk` jumped ahead; counted in milliseconds."""
    REPEATED_AUDIO = "audio repeated"
    """The same `chunk` came again; counted in milliseconds. Not to be played."""
    RESTARTED = "numbering restarted"
    """`chunk` went back, or a minute ahead: a new connection, or another source."""
    TIME_JUMP = "time jumped"
    """`timestamp` left the audio's own clock; counted in milliseconds."""


@dataclasses.dataclass(frozen=True, slots=True)
class Irregularity:
    """One thing the numbers of a message gave away."""

    anomaly: Anomaly
    count: int
    """Messages or milliseconds, as the anomaly says; negative: back in time."""


class GapDetector:
    """Follows the three counters of one stream, as far as they are sent."""

    __slots__ = ("_chunk", "_duration_ms", "_sequence_number", "_timestamp_ms")

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """The numbering begins anew."""
        self._sequence_number: int | None = None
        self._chunk: int | None = None
        self._timestamp_ms: int | None = None
        self._duration_ms = 0

    def last(self) -> tuple[int, int, int, int]:
        """The last frame's numbers, -1 where there was none, and its length in ms."""
        return (
            -1 if self._sequence_number is None else self._sequence_number,
            -1 if self._chunk is None else self._chunk,
            -1 if self._timestamp_ms is None else self._timestamp_ms,
            self._duration_ms,
        )

    def go_on_from(
        self, sequence_number: int, chunk: int, timestamp_ms: int, duration_ms: int
    ) -> None:
        """Note that somebody else saw frames follow, up to these numbers."""
        self._sequence_number = None if sequence_number < 0 else sequence_number
        self._chunk = None if chunk < 0 else chunk
        self._timestamp_ms = None if timestamp_ms < 0 else timestamp_ms
        self._duration_ms = duration_ms

    def follows(self, message: Media, duration_ms: int) -> bool:
        """Take a frame if it is just the one that was to come.

        Nearly all are: one look at three numbers, instead of `observe` and
        `observe_audio`, which are for a frame that this has not taken.
        """
        media = message.media
        try:
            timestamp_ms = _milliseconds(media.timestamp)
            if (
                media.chunk != self._chunk + 1  # type: ignore[operator]
                or message.sequence_number != self._sequence_number + 1  # type: ignore[operator]
                or abs(timestamp_ms - self._timestamp_ms - self._duration_ms)  # type: ignore[operator]
                > LARGEST_STEP_MS
                or max(media.chunk, message.sequence_number) > LARGEST_NUMBER
            ):
                return False
        except (TypeError, ValueError):  # Some are not sent, or none came before.
            return False
        self._chunk, self._sequence_number = media.chunk, message.sequence_number
        self._timestamp_ms, self._duration_ms = timestamp_ms, duration_ms
        return True

    def observe(self, message: Numbered) -> Irregularity | None:
        """Check a message's sequence number."""
        number, last = message.sequence_number, self._sequence_number
        if number is None or not 0 <= number <= LARGEST_NUMBER:
            return None
        self._sequence_number = number
        if last is None or number <= last + 1:
            return None
        return Irregularity(Anomaly.MISSING_MESSAGES, number - last - 1)

    def observe_audio(self, message: Media, duration_ms: int) -> Irregularity | None:
        """Check a frame's chunk number and, where that is in order, its time stamp.

        Args:
            message: The frame.
            duration_ms: Length of its audio.
        """
        found = self._observe_chunk(message.media.chunk, duration_ms)
        jump = self._observe_time(_milliseconds(message.media.timestamp), duration_ms)
        return found or jump

    def _observe_chunk(
        self, chunk: int | None, duration_ms: int
    ) -> Irregularity | None:
        last = self._chunk
        if chunk is None or not 0 <= chunk <= LARGEST_NUMBER:
            return None
        self._chunk = chunk
        if last is None or chunk == last + 1:
            return None
        if chunk == last:
            return Irregularity(Anomaly.REPEATED_AUDIO, duration_ms)
        if chunk < last or (chunk - last) * duration_ms > LARGEST_GAP_MS:
            return Irregularity(Anomaly.RESTARTED, 0)
        return Irregularity(Anomaly.MISSING_AUDIO, (chunk - last - 1) * duration_ms)

    def _observe_time(
        self, timestamp_ms: int | None, duration_ms: int
    ) -> Irregularity | None:
        last_ms, last_duration_ms = self._timestamp_ms, self._duration_ms
        self._timestamp_ms, self._duration_ms = timestamp_ms, duration_ms
        if timestamp_ms is None or last_ms is None:
            return None
        jump_ms = timestamp_ms - last_ms - last_duration_ms
        if abs(jump_ms) <= LARGEST_STEP_MS:
            return None
        return Irregularity(Anomaly.TIME_JUMP, jump_ms)


def _milliseconds(timestamp: str | int | None) -> int | None:
    if isinstance(timestamp, str):
        # Longer than any clock: no number worth converting.
        digits = timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 20
        return int(timestamp) if digits else None
    return timestamp if timestamp is None or timestamp <= LARGEST_NUMBER else None
