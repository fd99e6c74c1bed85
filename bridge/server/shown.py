"""Calls as those who run the server see them: plain values, ready for JSON."""

import asyncio
import datetime
import statistics
from typing import Any

import msgspec

from bridge.call.session import Session
from bridge.server.fleet import FleetCall

__all__ = ["detail", "elsewhere", "summary"]


def elsewhere(call: FleetCall) -> dict[str, Any]:
    """One line of a list of calls, as it is known of any instance's."""
    shown = {
        "stream_id": call.stream_id,
        "call_uuid": call.call_uuid,
        "account_id": call.account,
        "mpc_uuid": call.mpc_uuid,
        "bot": call.bot,
        "instance": call.instance,
        "began": _iso(call.since_s),
        "age_s": round(_now_s() - call.since_s, 3),
        "state": "open" if call.lost_s is None else "lost",
    }
    return shown if call.lost_s is None else shown | {"lost": _iso(call.lost_s)}


def summary(session: Session) -> dict[str, Any]:
    """One line of a list of calls."""
    call = session.call
    age_s = asyncio.get_running_loop().time() - call.began_s
    return {
        "stream_id": call.stream_id,
        "call_uuid": call.call_uuid,
        "account_id": call.account_id,
        "mpc_uuid": call.mpc_uuid,
        "mpc_name": call.mpc_name,
        "bot": session.bot_name,
        "state": session.state,
        "content_type": str(call.content_type),
        "began": _iso(_now_s() - age_s),
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
        "underruns": session.figures.underruns,
        "dropped_s": round(session.figures.dropped_s, 3),
        "latencies_ms": {
            stage: {
                "last": round(seconds[-1] * 1000),
                "median": round(statistics.median(seconds) * 1000),
                "highest": round(max(seconds) * 1000),
                "count": len(seconds),
            }
            for stage, seconds in session.figures.latencies_s.items()
        },
        "transcript": [msgspec.to_builtins(turn) for turn in session.transcript.turns],
    }


def _now_s() -> float:
    return datetime.datetime.now(datetime.UTC).timestamp()


def _iso(epoch_s: float) -> str:
    moment = datetime.datetime.fromtimestamp(epoch_s, datetime.UTC)
    return moment.isoformat(timespec="milliseconds")
