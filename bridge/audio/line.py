"""A line between the wire and a bot: decoding and resampling in one step, each way.

L16 through the compiled filter is the usual case, and skips the arrays between: the
bytes of a payload go in, or come out, as they are.
"""

import sys

import numpy as np

from bridge.audio.codecs import L16, Codec
from bridge.audio.pcm import INT16, Samples
from bridge.audio.resampling import Filter, Identity, Polyphase, resampler

__all__ = ["FromWire", "ToWire"]


def _is_host_l16(codec: Codec) -> bool:
    """Whether a payload's bytes are those of int16 in memory."""
    return codec is L16 and sys.byteorder == "little"


class FromWire:
    """Payloads become samples at the bot's rate.

    Args:
        codec: Of the payloads.
        wire_hz: Their rate.
        bot_hz: The bot's.
    """

    __slots__ = ("_decode", "_resampler", "filter")

    def __init__(self, codec: Codec, wire_hz: int, bot_hz: int) -> None:
        self._decode = codec.decode
        self._resampler = resampler(wire_hz, bot_hz)
        self.filter: Filter | None = None
        """What payloads go through as they are, to become samples; else None."""
        if _is_host_l16(codec) and isinstance(self._resampler, Polyphase):
            self.filter = self._resampler.filter_of_any

    def samples(self, payload: bytes) -> Samples:
        """Take the next payload, of whole samples; what comes is the caller's own."""
        short_way = self.filter
        if short_way is not None:
            return np.frombuffer(short_way.process(payload), INT16)
        return self._resampler.process(self._decode(payload))


class ToWire:
    """Samples at the bot's rate become payloads.

    Args:
        codec: Of the payloads.
        bot_hz: Rate of the samples.
        wire_hz: Rate of the payloads.
    """

    __slots__ = ("_encode", "_polyphase", "_resampler", "codes")

    def __init__(self, codec: Codec, bot_hz: int, wire_hz: int) -> None:
        self._encode = codec.encode
        self.codes = codec.codes
        """Of each int16, by its bit pattern; None: samples are written as they are."""
        self._resampler = resampler(bot_hz, wire_hz)
        self._polyphase: Polyphase | None = None
        if _is_host_l16(codec) and isinstance(self._resampler, Polyphase):
            self._polyphase = self._resampler

    @property
    def is_steady(self) -> bool:
        """Whether any 20 ms of samples give 20 ms of payload, of nothing but them."""
        way = self._resampler
        return isinstance(way, Identity) or (
            isinstance(way, Polyphase) and not way.keeps_a_rest
        )

    @property
    def filter(self) -> Filter | None:
        """What whole frames pass through; None: nothing."""
        way = self._resampler
        return way.filter if isinstance(way, Polyphase) else None

    @property
    def delay_samples(self) -> int:
        """How far payloads lag behind samples, in samples of the wire."""
        return self._resampler.delay_samples

    def payload(self, samples: Samples) -> bytes | bytearray:
        """Take the next samples; what comes may be less, or nothing."""
        short_way = self._polyphase
        if short_way is not None:
            return short_way.process_bytes(samples.tobytes())
        return self._encode(self._resampler.process(samples))

    def flush(self) -> bytes:
        """The lagging rest; then a new stream begins."""
        return self._encode(self._resampler.flush())

    def reset(self) -> None:
        """Forget what was said, as before a new stream."""
        self._resampler.reset()
