"""Which call a line of the log is about, wherever in its task it is written."""

import logging
from collections.abc import Mapping
from contextvars import ContextVar

__all__ = ["CALL_IDS", "NAMES", "stamp"]

NAMES = ("stream_id", "call_uuid", "mpc_uuid", "trace_id")
"""What a call is known by; those that are not known are left out."""

CALL_IDS: ContextVar[Mapping[str, str]] = ContextVar("call_ids")
"""Of the call that this task, or thread of `asyncio.to_thread`, works for."""


def stamp(record: logging.LogRecord) -> bool:
    """Write the ids into a record that has none; a filter for handlers."""
    # Whoever names the stream himself speaks of that one, not of the task's own.
    if not hasattr(record, "stream_id"):
        record.__dict__.update(CALL_IDS.get({}))
    return True
