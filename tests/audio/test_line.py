"""Payloads to samples and back, by whichever way is short."""

import numpy as np
import pytest

from bridge.audio.codecs import CODECS, Codec
from bridge.audio.line import FromWire, ToWire
from bridge.audio.resampling import resampler

codecs = pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
rates = pytest.mark.parametrize("bot_hz", [8000, 16000, 24000])

VOICE = np.random.default_rng(1).normal(0, 6000, 1600).astype(np.int16)


@codecs
@rates
def test_what_is_heard_is_decoded_and_resampled(codec: Codec, bot_hz: int) -> None:
    """As the codec and the resampler do one after the other."""
    from_wire, apart = FromWire(codec, 8000, bot_hz), resampler(8000, bot_hz)
    for begin in (0, 160, 320, 400, 560):  # One chunk is half as long.
        payload = codec.encode(VOICE[begin : begin + (80 if begin == 320 else 160)])

        heard = from_wire.samples(payload)

        assert np.array_equal(heard, apart.process(codec.decode(payload)))


@codecs
@rates
def test_what_is_said_is_resampled_and_encoded(codec: Codec, bot_hz: int) -> None:
    """To the last sample, and anew after that."""
    to_wire, apart = ToWire(codec, bot_hz, 8000), resampler(bot_hz, 8000)
    assert to_wire.delay_samples == apart.delay_samples
    for _time in range(2):
        for begin in range(0, 1600, 320):
            chunk = VOICE[begin : begin + 320]

            assert to_wire.payload(chunk) == codec.encode(apart.process(chunk))
        assert to_wire.flush() == codec.encode(apart.flush())


@rates
def test_what_is_heard_may_be_changed(bot_hz: int) -> None:
    """It is the bot's own."""
    codec = CODECS["audio/x-l16"]

    heard = FromWire(codec, 8000, bot_hz).samples(codec.encode(VOICE))
    heard[:] = 0

    assert not heard.any()
