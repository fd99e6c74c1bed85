"""Says when file descriptors run out, and when there are some again."""

import asyncio
import errno
import logging
import os

__all__ = ["watch_descriptors"]

_LOG = logging.getLogger(__name__)

CHECK_S = 1.0
WARNING_S = 30.0
"""From one warning to the next: one tells enough."""


async def watch_descriptors() -> None:
    """Say when no file descriptor is left, and when there are some again.

    The event loop drops new connections then without a word, and nobody can ask for
    the metrics that would tell.
    """
    now = asyncio.get_running_loop().time
    silent_until_s = now()
    was_out = False
    while True:
        await asyncio.sleep(CHECK_S)
        is_out = _are_out()
        if is_out and now() >= silent_until_s:
            silent_until_s = now() + WARNING_S
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
