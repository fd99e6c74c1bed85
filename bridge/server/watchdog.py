"""Says what a bridge has too little of: time, or file descriptors."""

import asyncio
import errno
import logging
import os

from bridge.metrics import Metrics

__all__ = ["descriptors", "stalls"]

_LOG = logging.getLogger(__name__)

STALL_CHECK_S = 0.05
"""A stall is seen if it is at least this longer than what is looked for."""

LONG_STALL_S = 0.15
"""Longer than this and callers hear it: the usual lead is hardly longer."""

STALL_WARNING_S = 10.0
"""From one warning of stalls to the next: one tells enough."""

DESCRIPTORS_CHECK_S = 1.0
DESCRIPTORS_WARNING_S = 30.0


async def stalls(metrics: Metrics) -> None:
    """Say when something blocks the event loop, and with it every call."""
    now = asyncio.get_running_loop().time
    silent_until_s = now()
    while True:
        due_s = now() + STALL_CHECK_S
        await asyncio.sleep(STALL_CHECK_S)
        stall_s = now() - due_s
        if stall_s <= LONG_STALL_S:
            continue
        metrics.stalls += 1
        if now() >= silent_until_s:
            silent_until_s = now() + STALL_WARNING_S
            _LOG.warning(
                "everything stood still for %.1f s (%d times by now): a bot blocks "
                "the event loop; await, or use asyncio.to_thread",
                stall_s,
                metrics.stalls,
            )


async def descriptors() -> None:
    """Say when no file descriptor is left, and when there are some again.

    The event loop drops new connections then without a word, and nobody can ask for
    the metrics that would tell.
    """
    now = asyncio.get_running_loop().time
    silent_until_s = now()
    was_out = False
    while True:
        await asyncio.sleep(DESCRIPTORS_CHECK_S)
        is_out = _are_out()
        if is_out and now() >= silent_until_s:
            silent_until_s = now() + DESCRIPTORS_WARNING_S
            _LOG.error(
                "no more file descriptors: new connections are dropped; "
                "raise the limit (ulimit -n), or lower max_streams"
            )
        elif was_out and not is_out:
            silent_until_s = now()
            _LOG.info("there are file descriptors again")
        was_out = is_out


def _are_out() -> bool:
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        return error.errno in (errno.EMFILE, errno.ENFILE)
    return False
