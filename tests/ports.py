"""Ports for servers that are told theirs, or that come back to it.

Any other server takes 0, and what the kernel gives it. But that is given to the next
who asks as soon as nobody listens at it: to a server of another test.
"""

import itertools
import os
import random
import socket
from contextlib import closing

__all__ = ["free_port"]

FIRST = 20_000
"""Below what kernels choose from by themselves: 32768 upwards, or 49152."""

EACH = 500
"""So many are for each process of a test run, so that none takes another's."""

MOST = 24

_worker = os.environ.get("PYTEST_XDIST_WORKER", "gw-1").removeprefix("gw")
_first = FIRST + EACH * ((int(_worker) + 1) % MOST)
_numbers = itertools.count(random.randrange(EACH))


def free_port() -> int:
    """One on loopback that nobody has now, nor gets by chance.

    Raises:
        OSError: If there is none.
    """
    for _ in range(EACH):
        port = _first + next(_numbers) % EACH
        with closing(socket.socket()) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise OSError(f"no port is free from {_first} to {_first + EACH - 1}")
