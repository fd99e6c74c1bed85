"""Calls and participants as the API shows them, made of the history's rows."""

import datetime
from typing import Any
from urllib.parse import quote, urlencode

from bridge.engine.history import Row
from bridge.engine.rest.asking import Ask
from bridge.multiparty.callbacks import timestamp
from bridge.multiparty.requests import ListMpcs

__all__ = ["meta", "mpc", "participant"]


def mpc(row: Row, account: str, identifier: str) -> dict[str, Any]:
    """A Multiparty Call; its links have the form that was asked with."""
    uri = _uri(account, identifier)
    return {
        "billed_amount": row["billed_amount"],
        "billed_duration": row["billed_duration"],
        "creation_time": _time(row["creation_time"]),
        "duration": _whole(row["start_time"] or row["creation_time"], row["end_time"]),
        "end_time": _time(row["end_time"]),
        "friendly_name": row["friendly_name"],
        "max_duration": row["max_duration"],
        "max_participants": row["max_participants"],
        "mpc_uuid": row["mpc_uuid"],
        "participants": f"{uri}Participant/",
        "recording": row["recording"],
        "resource_uri": uri,
        "start_time": _time(row["start_time"]),
        "status": row["status"],
        "stay_alone": row["stay_alone"],
        "sub_account": None,
        "termination_cause": row["termination_cause"],
        "termination_cause_code": row["termination_cause_code"],
    }


def participant(row: Row, account: str, identifier: str) -> dict[str, Any]:
    """A participant; what can be switched is null once they have left."""
    is_in = row["exit_time"] is None
    return {
        "billed_amount": row["billed_amount"],
        "billed_duration": row["billed_duration"],
        "call_uuid": row["call_uuid"],
        "coach_mode": row["coach_mode"] if is_in else None,
        "duration": _whole(row["join_time"], row["exit_time"]),
        "end_mpc_on_exit": row["end_mpc_on_exit"],
        "exit_cause": row["exit_cause"],
        "exit_time": _time(row["exit_time"]),
        "hold": row["hold"] if is_in else None,
        "join_time": _time(row["join_time"]),
        "member_address": row["member_address"],
        "member_id": str(row["member_id"]),
        "mpc_uuid": row["mpc_uuid"],
        "mute": row["mute"] if is_in else None,
        "resource_uri": f"{_uri(account, identifier)}Participant/{row['member_id']}/",
        "role": row["role"],
        "start_mpc_on_enter": row["start_mpc_on_enter"],
    }


def meta(ask: Ask, wanted: ListMpcs, count: int) -> dict[str, Any]:
    """Where a page stands in its list."""

    def page(start: int) -> str:
        others = {**ask.query, "limit": wanted.limit, "offset": start}
        return f"{ask.path.rstrip('/')}/?{urlencode(others)}"

    after, before = wanted.offset + wanted.limit, wanted.offset - wanted.limit
    return {
        "count": count,
        "limit": wanted.limit,
        "offset": wanted.offset,
        "next": page(after) if after < count else None,
        "previous": page(max(0, before)) if wanted.offset else None,
    }


def _uri(account: str, identifier: str) -> str:
    return f"/v1/Account/{account}/MultiPartyCall/{quote(identifier, safe='')}/"


def _time(epoch_s: float | None) -> str | None:
    if epoch_s is None:
        return None
    return timestamp(datetime.datetime.fromtimestamp(epoch_s, datetime.UTC))


def _whole(begin_s: float, end_s: float | None) -> int | None:
    return None if end_s is None else round(end_s - begin_s)
