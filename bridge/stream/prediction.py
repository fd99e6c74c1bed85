"""The next frame, foreseen: what nearly all of a stream's messages are.

A sender writes every frame in the same way. All that changes from one to the next is
the sound, and three numbers, which go on by one, one and 20. So one frame that was
parsed and checked tells how to read the others: what stands between those fields must
be the same bytes, the numbers those that were to come, and the payload base64. A frame
of which that is true means what the parser and the checks would say it means, and is
read by `_prediction.c` in a third of a microsecond. Any other is parsed, as without.

It is Van Jacobson's header prediction, applied to JSON ("4BSD TCP header prediction",
ACM SIGCOMM Computer Communication Review 20(2), 1990). Where nothing was compiled,
nothing is foreseen.
"""

import array
import re
from binascii import b2a_base64

from bridge.stream.codec import MAX_MESSAGE_BYTES
from bridge.stream.content_type import ContentType
from bridge.stream.messages import Media
from bridge.stream.sequence import LARGEST_STEP_MS, GapDetector

try:
    from bridge.stream import _prediction
except ImportError:  # It was installed without a compiler.
    _prediction = None  # type: ignore[assignment]

__all__ = ["LONGEST_FRAMED_BYTES", "Prediction"]

FIELDS = re.compile(
    rb'"(?:(sequenceNumber)|(chunk)|(timestamp)|(payload))": ?"?([\w+/=]*)'
)
"""A field's key and its value. Within a string of JSON no key can begin: its quotes
would be escaped."""

KINDS = 4
PAYLOAD = 3

MOST_BYTES = 800
"""Beside the fields. A frame that says more is parsed."""

LONGEST_FRAMED_BYTES = 4000
"""A longer message is not taken out of its WebSocket frame here."""

MOST_LESSONS = 16
"""Who writes each frame in another way is not worth foreseeing."""


class Prediction:
    """What the next frame of one stream looks like.

    Args:
        content_type: Of the stream.
        gaps: Knows the numbers of what was parsed, and is told of what was foreseen.
    """

    __slots__ = ("_form", "_gaps", "_lessons", "predictor")

    def __init__(self, content_type: ContentType, gaps: GapDetector) -> None:
        self.predictor: _prediction.Predictor | Clueless = Clueless()
        """Its `take` gives the payload of a frame that is as foreseen, else None."""
        self._gaps = gaps
        self._lessons = 0
        self._form: tuple[bytes, bytes, bytes] | None = None
        if _prediction is not None:
            self._lessons = MOST_LESSONS
            self.predictor = _prediction.Predictor(
                content_type.bytes_per_sample,
                content_type.bytes_per_ms,
                LARGEST_STEP_MS,
                MAX_MESSAGE_BYTES,
            )

    def tell(self) -> None:
        """Tell the detector of all that was foreseen: it is the one that goes on."""
        if self._form is not None:
            self._gaps.go_on_from(*self.predictor.last())

    def go_on(self) -> None:
        """Foresee from where the detector is by now."""
        if self._form is not None:
            self.predictor.foresee(*self._form, *self._gaps.last())

    def forget(self) -> None:
        """Foresee nothing, until there was a frame to learn from."""
        self._form = None
        self.predictor.forget()

    def learn(self, text: bytes, message: Media) -> None:
        """See how a frame is written that was just parsed."""
        if self._lessons:
            self._lessons -= 1
            self.forget()
            self._form = _form_of(text, message)


class Clueless:
    """In a predictor's place where nothing was compiled."""

    def take(self, _text: bytes) -> None:
        """Foresee nothing."""

    def take_framed(self, _data: bytes) -> None:
        """Foresee nothing."""

    def forget(self) -> None:
        """Know nothing."""

    def last(self) -> tuple[int, int, int, int]:
        """Tell of no frame."""
        return -1, -1, -1, 0

    def foresee(self, *_form: object) -> None:
        """Be told in vain."""


def _form_of(text: bytes, message: Media) -> tuple[bytes, bytes, bytes] | None:
    """What a frame says beside its fields, the fields' kinds, and where each stands."""
    known, kinds, ends, at = b"", [], array.array("H"), 0
    media = message.media
    meant = (
        *map(_digits, (message.sequence_number, media.chunk, media.timestamp)),
        b2a_base64(media.payload, newline=False),
    )
    for field in FIELDS.finditer(text):
        kind = next(kind for kind in range(KINDS) if field[kind + 1])
        # What the parser took for it may be somewhere else, or written otherwise.
        if kind in kinds or field[5] != meant[kind]:
            return None
        known += text[at : field.start(5)]
        kinds.append(kind)
        ends.append(len(known))
        at = field.end(5)
    known += text[at:]
    if PAYLOAD not in kinds or len(known) > MOST_BYTES:
        return None
    ends.append(len(known))
    return known, bytes(kinds), ends.tobytes()


def _digits(number: str | int | None) -> bytes:
    return str(number).encode(errors="replace")
