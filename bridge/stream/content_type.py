"""Which audio a stream carries: `audio/x-l16;rate=8000` and its siblings."""

import dataclasses
import re
from typing import Self

from bridge.errors import StreamError

__all__ = ["CONTENT_TYPES", "DEFAULT_CONTENT_TYPE", "ContentType"]

BYTES_PER_SAMPLE = {"audio/x-l16": 2, "audio/x-mulaw": 1}
RATES_HZ = {"audio/x-l16": (8000, 16000, 24000), "audio/x-mulaw": (8000,)}


@dataclasses.dataclass(frozen=True, slots=True)
class ContentType:
    """An encoding and its sampling rate; always one that Plivo streams."""

    encoding: str
    """`audio/x-l16` (little-endian) or `audio/x-mulaw`."""
    rate_hz: int

    @classmethod
    def parse(cls, text: str, rate_hz: int | None = None) -> Self:
        """Read `audio/x-l16;rate=16000`, or the two parts of it.

        Args:
            text: The media type, with or without `;rate=`; any case.
            rate_hz: The rate when the text names none; 8000 when nobody does.

        Raises:
            StreamError: If it is no type that Plivo streams; says which are.
        """
        encoding, *parameters = (part.strip() for part in text.lower().split(";"))
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            # int() would also take "8_000" and other scripts' digits.
            if name.strip() == "rate":
                digits = re.fullmatch(r"[0-9]{1,6}", value.strip())
                rate_hz = int(digits[0]) if digits else -1
        rate_hz = 8000 if rate_hz is None else rate_hz
        if rate_hz not in RATES_HZ.get(encoding, ()):
            allowed = ", ".join(str(each) for each in CONTENT_TYPES)
            named = text if "rate" in text else f"{text};rate={rate_hz}"
            raise StreamError(f"content type {named[:80]!r} is none of {allowed}")
        return cls(encoding, rate_hz)

    @property
    def bytes_per_ms(self) -> int:
        """Of payload."""
        return self.rate_hz * self.bytes_per_sample // 1000

    @property
    def bytes_per_sample(self) -> int:
        """2 for L16, 1 for mu-law."""
        return BYTES_PER_SAMPLE[self.encoding]

    def whole_samples(self, payload: bytes) -> int:
        """Count a payload's samples.

        Raises:
            StreamError: If its length is no whole number of samples.
        """
        count, rest = divmod(len(payload), self.bytes_per_sample)
        if rest:
            raise StreamError(
                f"payload of {len(payload)} bytes is no whole number of "
                f"{self.bytes_per_sample}-byte samples"
            )
        return count

    def __str__(self) -> str:
        return f"{self.encoding};rate={self.rate_hz}"


CONTENT_TYPES = tuple(
    ContentType(encoding, rate_hz)
    for encoding, rates in RATES_HZ.items()
    for rate_hz in rates
)
"""Every type a stream can have."""

DEFAULT_CONTENT_TYPE = ContentType("audio/x-l16", 8000)
"""What an ai-agent's stream carries unless asked otherwise."""
