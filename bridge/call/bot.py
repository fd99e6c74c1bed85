"""What a bot is: anything that can be awaited with a call."""

import dataclasses
import inspect
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from bridge.errors import ConfigError

if TYPE_CHECKING:
    from bridge.call.call import Call

__all__ = ["DEFAULT_SAMPLE_RATE_HZ", "Answer", "Bot", "InService"]

LOWEST_RATE_HZ, HIGHEST_RATE_HZ = 8000, 48000

DEFAULT_SAMPLE_RATE_HZ = 16000
"""What a bot hears and speaks unless it says otherwise: what speech models expect."""


class Bot(Protocol):
    """Answers calls: an async function, or an object with such a `__call__`.

    One call, one run. Returning ends the call when all that was said has been played;
    an exception ends this call alone. When the call ends first, `call.events()` and
    `call.listen()` end; a bot that goes on regardless is cancelled some seconds later.
    Whoever neither listens nor speaks for a minute (`bot_timeout_s`) has failed: a bot
    that waits for something else reads `call.events()` meanwhile, if only to pass them
    over.

    A bot may also have, and needs none of them:

    * `sample_rate_hz`: the rate it hears and speaks at (16000)
    * `Options`: a pydantic model; its fields are what can be set with `--bot-option`,
      and an instance of it is passed to the class when it is made
    * `async setup()` and `async close()`: once per process, before the first and after
      the last call; `close()` has some seconds
    """

    async def __call__(self, call: "Call") -> None:
        """Hold the conversation."""


async def _nothing() -> None:
    return None


def _is_async(function: object) -> bool:
    call = getattr(function, "__call__", None)  # noqa: B004 - to look at it, too
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)


Answer: TypeAlias = Callable[["Call"], Coroutine[Any, Any, None]]
"""Holds a conversation."""


@dataclasses.dataclass(frozen=True)
class InService:
    """A bot that has been made and named, as a server runs it."""

    name: str
    answer: Answer
    sample_rate_hz: int = DEFAULT_SAMPLE_RATE_HZ
    setup: Callable[[], Awaitable[None]] = _nothing
    close: Callable[[], Awaitable[None]] = _nothing
    fallback: Answer | None = None
    """Takes over a call that the bot has failed in."""

    @classmethod
    def of(cls, name: str, bot: Answer) -> "InService":
        """Take what a bot says of itself, and defaults for the rest.

        Raises:
            ConfigError: If it can't be a bot, as far as can be seen before a call.
        """
        if not _is_async(bot):
            raise ConfigError(
                f"bot {name} is no async function of a call (and no object with an "
                "async __call__); without `yield`"
            )
        rate_hz = getattr(bot, "sample_rate_hz", DEFAULT_SAMPLE_RATE_HZ)
        if type(rate_hz) is not int or not LOWEST_RATE_HZ <= rate_hz <= HIGHEST_RATE_HZ:
            raise ConfigError(
                f"bot {name}: sample_rate_hz is {rate_hz!r}, allowed are whole numbers "
                f"from {LOWEST_RATE_HZ} to {HIGHEST_RATE_HZ}"
            )
        for method in ("setup", "close"):
            if not _is_async(getattr(bot, method, _nothing)):
                raise ConfigError(f"bot {name}: {method} is no async method")
        return cls(
            name,
            bot,
            rate_hz,
            getattr(bot, "setup", _nothing),
            getattr(bot, "close", _nothing),
        )
