"""The echo."""

import asyncio
from typing import Literal, TypeAlias

import pytest
from pydantic import ValidationError

from bridge.audio.tones import tone
from bridge.bots.echo import Echo
from bridge.call.bot import InService
from tests.fakes.far_end import FarEnd, calling

Rate: TypeAlias = Literal[8000, 16000, 24000, 48000]


@pytest.mark.parametrize("rate_hz", [8000, 16000, 24000, 48000])
async def test_it_repeats_what_is_said(rate_hz: Rate) -> None:
    """At any rate; every sample of it."""
    echo = Echo(Echo.Options(sample_rate_hz=rate_hz))
    far_end = FarEnd()
    async with calling(echo, far_end):
        await far_end.talk(tone(440, 1.0, 8000))
        await asyncio.sleep(0.5)

    assert InService.of("echo", echo).sample_rate_hz == rate_hz
    assert far_end.buffer.played_samples == pytest.approx(480 + 8000, abs=30)


def test_rates_have_limits() -> None:
    """Said by the model."""
    with pytest.raises(ValidationError):
        Echo.Options.model_validate({"sample_rate_hz": "11025"})
