"""Careful reading of a report in which any field may be missing or null."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = [
    "Fields",
    "end_s",
    "mapping",
    "number",
    "pairs",
    "rows",
    "shown",
    "timed_rows",
]

Fields = Mapping[str, Any]


def mapping(fields: Fields, key: str) -> Fields:
    """The object at `key`; empty if there is none."""
    value = fields.get(key)
    return value if isinstance(value, Mapping) else {}


def rows(fields: Fields, key: str) -> list[Fields]:
    """The objects listed at `key`; empty if there are none."""
    value = fields.get(key)
    if not isinstance(value, Sequence) or isinstance(value, str):
        return []
    return [row for row in value if isinstance(row, Mapping)]


def pairs(fields: Fields, key: str) -> list[tuple[float, float]]:
    """The whole pairs of numbers listed at `key`."""
    value = fields.get(key)
    if not isinstance(value, list):
        return []
    return [
        (pair[0], pair[1])
        for pair in value
        if isinstance(pair, list) and len(pair) == 2 and None not in pair
    ]


def number(fields: Fields, key: str) -> float | None:
    """The finite number at `key`; None if there is none."""
    value = fields.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if math.isfinite(value) else None


def shown(value: object) -> str:
    """A value as a person reads it: three digits that matter, a dash for none."""
    match value:
        case None:
            return "\N{EN DASH}"
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float() if not math.isfinite(value):
            return str(value)
        case float() if value.is_integer() or abs(value) >= 100:
            return f"{value:,.0f}"
        case float() if abs(value) >= 10:
            return f"{value:.1f}"
        case float() if abs(value) >= 1:
            return f"{value:.2f}"
        case float():
            return f"{value:.3g}"
        case _:
            return str(value)


def timed_rows(report: Fields) -> list[Fields]:
    """The rows of the timeline that say when they were."""
    return [row for row in rows(report, "timeline") if number(row, "at_s") is not None]


def end_s(report: Fields) -> float:
    """When the last thing happened, for all charts to end there."""
    times = [number(row, "at_s") for row in rows(report, "timeline")]
    times += [number(row, "ended_s") for row in rows(report, "streams")]
    return max((s for s in (number(report, "lasted_s"), *times) if s), default=1.0)
