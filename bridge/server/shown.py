"""Calls as those who run the server see them: plain values, ready for JSON."""

import asyncio
import datetime
import statistics
from typing import Any

import msgspec

from bridge.call.session import Session

__all__ = ["detail", "summary"]


def summary(session: Session) -> dict[str, Any]:
    """One line of a list of calls."""
    call = session.call
    age_s = asyncio.get_running_loop().time() - call.began_s
    began = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=age_s)
    return {
        "stream_id": call.stream_id,
        "call_uuid": call.call_uuid,
        "account_id": call.account_id,
        "mpc_uuid": call.mpc_uuid,
        "mpc_name": call.mpc_name,
        "bot": session.answered_by,
        "state": session.state,
        "content_type": str(call.content_type),
        "began": began.isoformat(timespec="milliseconds"),
        "age_s": round(age_s, 3),
    }


def detail(session: Session) -> dict[str, Any]:
    """All that is known of a call."""
    call = session.call
    return summary(session) | {
        "sample_rate_hz": call.sample_rate_hz,
        "headers": dict(call.headers),
        "members": [msgspec.to_builtins(each) for each in call.members.values()],
        "received_s": round(session.received_s, 3),
        "underruns": session.underruns,
        "dropped_s": round(session.dropped_s, 3),
        "latencies_ms": {
            stage: {
                "last": round(seconds[-1] * 1000),
                "median": round(statistics.median(seconds) * 1000),
                "highest": round(max(seconds) * 1000),
                "count": len(seconds),
            }
            for stage, seconds in session.latencies_s.items()
        },
        "transcript": [msgspec.to_builtins(turn) for turn in session.transcript.turns],
    }
