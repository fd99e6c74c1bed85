"""Which calls a list of the history shows."""

import datetime

import sqlalchemy as sa

from bridge.engine.tables import MPCS
from bridge.multiparty.requests import ListMpcs

__all__ = ["conditions"]

WINDOW_S = 7 * 86400.0
"""Plivo lists the calls of the last seven days, if it is not asked for others."""

ONE_SIDED_S = 30 * 86400.0
"""With a bound on one side only, it lists so much on the other."""

COMPARISONS = {
    "": sa.Column.__eq__,
    "__gt": sa.Column.__gt__,
    "__gte": sa.Column.__ge__,
    "__lt": sa.Column.__lt__,
    "__lte": sa.Column.__le__,
}


def conditions(wanted: ListMpcs, now_s: float) -> list[sa.ColumnElement[bool]]:
    """What rows have to fulfil to be listed."""
    where = [
        MPCS.c[name] == getattr(wanted, name)
        for name in ("friendly_name", "status", "termination_cause_code")
        if getattr(wanted, name) is not None
    ]
    if wanted.sub_account is not None:
        # There are no sub-accounts here, and so none has calls.
        where.append(sa.false())
    for name in ("creation_time", "end_time"):
        for suffix, compare in COMPARISONS.items():
            text = getattr(wanted, name + suffix)
            if text is not None:
                when_s = _seconds(text)
                if suffix:
                    where.append(compare(MPCS.c[name], when_s))
                else:
                    # Times are shown to the second, and so compared to it.
                    where.append(MPCS.c[name].between(when_s, when_s + 0.999_999))
    after = wanted.end_time__gt or wanted.end_time__gte
    before = wanted.end_time__lt or wanted.end_time__lte
    ended = MPCS.c.end_time
    if after and not before:
        where.append(ended <= _seconds(after) + ONE_SIDED_S)
    elif before and not after:
        where.append(ended >= _seconds(before) - ONE_SIDED_S)
    elif not after and wanted.end_time is None:
        where.append(sa.or_(ended.is_(None), ended >= now_s - WINDOW_S))
    return where


def _seconds(text: str) -> float:
    when = datetime.datetime.fromisoformat(text)
    return when.replace(tzinfo=datetime.UTC).timestamp()
