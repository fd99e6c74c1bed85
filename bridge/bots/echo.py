"""Repeats the caller."""

from pydantic import BaseModel, Field

from bridge.call.bot import DEFAULT_SAMPLE_RATE_HZ
from bridge.call.call import Call

__all__ = ["Echo"]


class Echo:
    """Repeats the caller, 20 ms at a time: the simplest proof that a line is good."""

    class Options(BaseModel):
        """What can be set."""

        sample_rate_hz: int = Field(
            default=DEFAULT_SAMPLE_RATE_HZ,
            ge=8000,
            le=48000,
            description="Rate the audio passes through, in Hz",
        )

    def __init__(self, options: Options) -> None:
        self.sample_rate_hz = options.sample_rate_hz

    async def __call__(self, call: Call) -> None:
        """Say what is heard."""
        async for frame in call.listen():
            await call.speak(frame)
