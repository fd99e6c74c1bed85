"""Workers on a Ray cluster, where one machine is not enough.

Ray is found as it always is: `RAY_ADDRESS`, or a local one that is started here. Each
worker asks for one core; the package has to be installed on every node.
"""

import asyncio
import importlib
import logging
import os
from collections.abc import Callable, Sequence
from typing import Any, Self

import msgspec

from bridge.errors import ConfigError
from bridge.load.seconds import Second
from bridge.load.worker import Share, Worker

try:
    # Its types are only partly there.
    ray: Any = importlib.import_module("ray")
except ImportError as error:
    text = "engine: ray is not installed: pip install 'mpc-bridge[ray]'"
    raise ConfigError(text) from error

__all__ = ["OnRay"]

READY_TIMEOUT_S = 120.0
POLL_S = 0.5

QUIET: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
LOCAL: dict[str, Any] = {"_node_ip_address": "127.0.0.1", "include_dashboard": False}


class _Seat:
    """A worker inside an actor; what it has to say is asked for."""

    def __init__(self, share: bytes) -> None:
        self._seconds: list[Second] = []
        self._worker = Worker(
            msgspec.json.decode(share, type=Share), self._seconds.append
        )

    async def ready(self) -> None:
        """Answer, when there is a place for it."""

    async def run(self) -> dict[str, Any]:
        """Run the share; returns its outcome."""
        return await self._worker.run()

    async def seconds(self, already: int) -> bytes:
        """The seconds from a number on."""
        return msgspec.json.encode(self._seconds[already:])

    async def stop(self) -> None:
        """End the run now."""
        self._worker.stop()


class OnRay:
    """One actor a share.

    Args:
        shares: Of the plan.
        on_second: Told of each second of each worker, with the worker's place.
    """

    def __init__(
        self, shares: Sequence[Share], on_second: Callable[[int, Second], None]
    ) -> None:
        self._shares = shares
        self._on_second = on_second
        self._seats: list[Any] = []
        self._told = [0] * len(shares)
        self._is_ours = False

    async def __aenter__(self) -> Self:
        """Find Ray, and wait until every worker has its core."""
        if not ray.is_initialized():
            # A local one listens on loopback alone.
            where = {} if "RAY_ADDRESS" in os.environ else LOCAL
            await asyncio.to_thread(ray.init, **QUIET, **where)
            self._is_ours = True
        seat = ray.remote(num_cpus=1)(_Seat)
        self._seats = [seat.remote(msgspec.json.encode(each)) for each in self._shares]
        try:
            async with asyncio.timeout(READY_TIMEOUT_S):
                await asyncio.gather(*(each.ready.remote() for each in self._seats))
        except TimeoutError as error:
            cores = ray.cluster_resources().get("CPU", 0)
            await self.__aexit__()
            raise ConfigError(
                f"processes: {len(self._shares)} want a core each, Ray has {cores:g}"
            ) from error
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """End the workers, and Ray where it was started here."""
        for seat in self._seats:
            ray.kill(seat)
        if self._is_ours:
            await asyncio.to_thread(ray.shutdown)

    async def run(self) -> list[dict[str, Any]]:
        """Run all shares at once; returns their outcomes."""
        running = [
            asyncio.ensure_future(_wait(seat.run.remote())) for seat in self._seats
        ]
        while not all(each.done() for each in running):
            await asyncio.wait(running, timeout=POLL_S)
            await self._poll()
        return [each.result() for each in running]

    def stop(self) -> None:
        """Ask all to end now."""
        for seat in self._seats:
            seat.stop.remote()

    async def _poll(self) -> None:
        for place, seat in enumerate(self._seats):
            encoded = await seat.seconds.remote(self._told[place])
            for second in msgspec.json.decode(encoded, type=list[Second]):
                self._told[place] += 1
                self._on_second(place, second)


async def _wait(reference: Any) -> Any:
    return await reference
