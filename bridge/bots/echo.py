"""Repeats the caller."""

from typing import Any, Literal

from pydantic import BaseModel, Field, field_validator

from bridge.call.call import Call

__all__ = ["Echo"]


class Echo:
    """Repeats the caller, 20 ms at a time: the simplest proof that a line is good."""

    class Options(BaseModel):
        """What can be set."""

        sample_rate_hz: Literal[8000, 16000, 24000, 48000] = Field(
            default=16000, description="Rate the audio passes through, in Hz"
        )

        @field_validator("sample_rate_hz", mode="before")
        @classmethod
        def _number(cls, value: Any) -> Any:
            return int(value) if isinstance(value, str) and value.isdigit() else value

    def __init__(self, options: Options) -> None:
        self.sample_rate_hz = options.sample_rate_hz

    async def __call__(self, call: Call) -> None:
        """Say what is heard."""
        async for frame in call.listen():
            await call.speak(frame)
            del frame  # It is said: nobody needs its memory while the next is awaited.
