"""Connections to Redis, made from a URL that is a secret."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from pydantic import SecretStr
from redis import RedisError
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from bridge.errors import ConfigError
from bridge.tasks import Change

__all__ = ["AWAY", "COMMAND_S", "Client", "check", "connected", "is_ours", "reason"]

AWAY = (RedisError, OSError, TimeoutError)
"""What tells that Redis does not do its work."""

COMMAND_S = 2.0
"""Redis answers within that, or is taken as away; longer than a read blocks."""

SCHEMES = ("redis://", "rediss://", "unix://")


def check(url: SecretStr) -> None:
    """See that a URL is one of Redis.

    Raises:
        ConfigError: If it is not; it says nothing of what the URL contains.
    """
    if not url.get_secret_value().startswith(SCHEMES):
        raise ConfigError(f"redis: allowed are URLs with {', '.join(SCHEMES)}")
    try:
        _redis(url)
    # It may quote what it could not read, as the password.
    except (ValueError, RedisError, TypeError):
        text = "redis: the URL cannot be read; as redis://:password@host:6379/0"
        raise ConfigError(text) from None


class Client:
    """Commands to Redis, each of which ends in bounded time.

    What it raises is in `AWAY`; the commands may then have been done.
    """

    def __init__(self, redis: "Redis") -> None:
        self._redis: Any = redis
        self._running = 0
        self._change = Change()
        self._is_closed = False

    async def run(self, *words: Any) -> Any:
        """Run one command."""
        async with self._bounded():
            return await self._redis.execute_command(*words)

    async def run_all(self, *commands: Sequence[Any]) -> None:
        """Run commands, all or none, with nobody else's between them."""
        pipeline = self._redis.pipeline(transaction=True)
        for words in commands:
            pipeline.execute_command(*words)
        async with self._bounded():
            await pipeline.execute()

    async def close(self) -> None:
        """Run nothing more, and close the connections."""
        self._is_closed = True
        # Whoever still waits for an answer fails by this; but who was connecting just
        # then has a connection afterwards, and would leave it open.
        await self._redis.aclose()
        try:
            while self._running:
                await self._change.wait()
        finally:
            await self._redis.aclose()

    @asynccontextmanager
    async def _bounded(self) -> AsyncIterator[None]:
        if self._is_closed:
            raise ConnectionError("closed")
        self._running += 1
        try:
            async with asyncio.timeout(COMMAND_S):
                yield
        finally:
            self._running -= 1
            self._change.announce()


@asynccontextmanager
async def connected(url: SecretStr) -> AsyncIterator[Client]:
    """Have connections for the length of a block; they are made when needed."""
    client = Client(_redis(url))
    try:
        yield client
    finally:
        await client.close()


def is_ours(error: BaseException) -> bool:
    """Whether it was not (only) Redis that failed."""
    if isinstance(error, BaseExceptionGroup):
        return any(is_ours(each) for each in error.exceptions)
    return not isinstance(error, AWAY)


def reason(error: BaseException) -> str:
    """Say what went wrong, in one line."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}".rstrip(": ").partition("\n")[0]


def _redis(url: SecretStr) -> "Redis":
    return Redis.from_url(
        url.get_secret_value(),
        protocol=2,
        # With one of its own, it writes in `asyncio.wait_for`, which before Python 3.12
        # may swallow a cancellation, and so let a task go on for ever.
        socket_timeout=None,
        socket_connect_timeout=COMMAND_S,
        # Who asks decides what is tried again; writing twice is not always harmless.
        retry=Retry(NoBackoff(), 0),
    )
