"""Names turned into addresses that may be asked.

A name is looked up once, every address it has is checked, and the connection is made
to one of those: what the name says a moment later makes no difference.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias

from bridge.engine.addresses import OutOfReachError, Reach

__all__ = ["Resolver"]

LookUp: TypeAlias = Callable[[str, int], list[str]]

MOST_LOOKUPS = 16
"""At the same time. The loop's own threads write the history; a name server that
hangs must not keep them."""


class Resolver:
    """Looks up names.

    Args:
        reach: Which addresses are allowed.
        look_up: Asks the system; called in a thread.
    """

    def __init__(self, reach: Reach, look_up: LookUp | None = None) -> None:
        self._reach = reach
        self._look_up = look_up or _look_up
        self._threads = ThreadPoolExecutor(MOST_LOOKUPS, "name lookup")

    async def addresses(self, host: str, port: int) -> list[str]:
        """The addresses of a host, in the order they are to be tried.

        Raises:
            OutOfReachError: If one of them is not allowed.
            OSError: If the name is not known.
        """
        try:
            found = [str(ipaddress.ip_address(host))]
        except ValueError:
            found = await self._looked_up(host, port)
        for address in found:
            try:
                self._reach.check(address)
            except OutOfReachError as error:
                if address == host:
                    raise
                raise OutOfReachError(f"{host}: {error}") from None
        return found

    def close(self) -> None:
        """Look up nothing more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _looked_up(self, host: str, port: int) -> list[str]:
        loop = asyncio.get_running_loop()
        try:
            # `2130706433` and `0177.1` become here what the system takes them for.
            found = await loop.run_in_executor(self._threads, self._look_up, host, port)
        except UnicodeError as error:
            raise OSError(f"{host[:80]!r} is no host name") from error
        return list(dict.fromkeys(found))


def _look_up(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]
