"""What was sent, and the next frame of running speech: each is due as it comes.

Speech runs while a bot that answers in time keeps the far end just behind the lead, so
that each of its frames is due at once, and nothing waits. That is the way nearly all
frames go, and `next` is all of it: whether the frame is due, its filter, its
base64 and its message are one step in `_sending.c`, or here where nothing was compiled.
Whatever is out of the ordinary it leaves alone, and says so.
"""

import array
import math
from binascii import b2a_base64

from bridge.audio.line import ToWire
from bridge.audio.pcm import Samples

try:
    from bridge.call import _sending
except ImportError:  # It was installed without a compiler, or C cannot be used here.
    _sending = None  # type: ignore[assignment]

__all__ = ["PlainSending", "new_sending"]

REMEMBERED = 128
"""More than two seconds of frames, with their times. Older ones count as sent with the
oldest of these."""


class PlainSending:
    """The sendings of one stream.

    Args:
        rate_hz: Of the wire.
    """

    __slots__ = (
        *("_around", "_frame", "_latest", "_most_ahead_s", "_rate_hz", "_sendings"),
        *("_speaking", "_wire_frame", "runs_from_s", "samples", "zero_s"),
    )

    def __init__(self, rate_hz: float) -> None:
        self.samples = 0
        """Sent since the stream began, at the wire's rate."""
        self.zero_s = -math.inf
        """When the first of them would have been played, were the far end never dry."""
        self.runs_from_s = -math.inf
        """As `zero_s`, of the model of the far end that is dry first; a bit later."""
        self._rate_hz = rate_hz
        # Position behind each sending, and its time, by turns: numbers in one place.
        self._sendings = array.array("d", bytes(16 * REMEMBERED))
        self._latest = 0
        self._around = (b"", b"")
        self._speaking: ToWire | None = None
        self._frame = self._wire_frame = 0
        self._most_ahead_s = 0.0

    def write_as(  # noqa: PLR0913 - as cheap as it can be had from C
        self,
        begin: bytes,
        end: bytes,
        speaking: ToWire,
        frame: int,
        wire_frame: int,
        most_ahead_s: float,
        /,
    ) -> None:
        """Say how frames are written from now on.

        Args:
            begin: What stands before the base64.
            end: What stands behind it.
            speaking: The way to the wire; a frame must give a frame there.
            frame: Samples of a frame, at the bot's rate.
            wire_frame: The same at the wire's.
            most_ahead_s: A frame is due when the far end has no more than this.
        """
        self._around, self._speaking = (begin, end), speaking
        self._frame, self._wire_frame = frame, wire_frame
        self._most_ahead_s = most_ahead_s

    def next(self, samples: Samples, now_s: float, /) -> bytes | None:
        """The message of a frame that is due now, booked as sent.

        None if it is out of the ordinary, and then nothing has happened.
        """
        sent_s = self.samples / self._rate_hz
        ahead_s = self.zero_s + sent_s - now_s
        if (
            self._speaking is None
            or not 0 <= ahead_s <= self._most_ahead_s
            or now_s >= self.runs_from_s + sent_s
            or len(samples) != self._frame
        ):
            return None
        payload, (begin, end) = self._speaking.payload(samples), self._around
        self.book(self._wire_frame, now_s)
        return begin + b2a_base64(payload, newline=False) + end

    def book(self, count: int, now_s: float, /) -> None:
        """Samples leave, however written."""
        self.samples = sent = self.samples + count
        self._latest = latest = (self._latest + 2) % (2 * REMEMBERED)
        self._sendings[latest] = sent
        self._sendings[latest + 1] = now_s

    def behind(self, position: float, /) -> list[tuple[int, float]]:
        """Sendings that go beyond a position: where each ends, and when; oldest first.

        As far as they are remembered.
        """
        sendings, behind = self._sendings, []
        for back in range(0, len(sendings), 2):
            place = self._latest - back  # Less than 0 is from the array's end.
            if sendings[place] <= position:
                break
            behind.append((int(sendings[place]), sendings[place + 1]))
        return behind[::-1]


def new_sending(rate_hz: float) -> "PlainSending | _sending.Sending":
    """Make one, of whichever kind there is."""
    if _sending is not None:
        return _sending.Sending(rate_hz)
    return PlainSending(rate_hz)
