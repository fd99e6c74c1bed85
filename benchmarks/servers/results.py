"""What came out, as it is kept: one file with a part for each kind of measurement."""

import dataclasses
import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.servers.contestants import BARE
from benchmarks.servers.measuring import Run

__all__ = ["MOST_RISE", "Part", "headed", "medians", "rise", "save"]

Part = dict[str, Any]

MOST_RISE = 1.15
"""The cost of a stream among many, by the least among fewer."""

FULL_CORES = 0.95
"""A server that uses so much of its core may have wanted more."""


def headed(
    rows: Sequence[Part],
    command: str,
    machine: str,
    versions: Mapping[str, str],
    day: str,
) -> Part:
    """A part: rows, and where they come from."""
    return {
        "date": day,
        "command": command,
        "machine": machine,
        "versions": dict(versions),
        "rows": list(rows),
    }


def medians(runs: Mapping[str, Sequence[Run]]) -> list[Part]:
    """One row for each server: medians of its runs, and the runs themselves.

    What was lost, or torn, is added up: the median of rare things is none.
    """
    floor = _median(runs[BARE], "cpu_ms") if runs.get(BARE) else None
    rows = []
    for name, each in runs.items():
        if not each:
            continue
        row: Part = {"name": name, "rounds": len(each)}
        for field in dataclasses.fields(Run):
            if field.name in ("lost_frames", "underruns"):
                values = [getattr(run, field.name) for run in each]
                row[field.name] = None if None in values else sum(values)
            else:
                row[field.name] = _median(each, field.name)
        row["of_bare"] = row["cpu_ms"] / floor if floor else None
        row["runs"] = [round(run.cpu_ms, 3) for run in each]
        rows.append(row)
    return rows


def _median(runs: Sequence[Run], name: str) -> float | None:
    values = [getattr(run, name) for run in runs]
    return None if None in values else round(statistics.median(values), 3)


def rise(rows: Sequence[Part]) -> float | None:
    """What a stream costs among many, by the least it cost among fewer; at its worst.

    Rows whose server filled its core are left out. None where there is nothing to
    compare.
    """
    within = [row for row in rows if row["server_cores"] < FULL_CORES]
    costs = [row["cpu_ms"] for row in sorted(within, key=lambda row: row["streams"])]
    rises = [cost / min(costs[:place]) for place, cost in enumerate(costs) if place]
    return max(rises, default=None)


def save(file: Path, name: str, part: Part) -> None:
    """Put a part into a file, beside the others."""
    parts: dict[str, Part] = json.loads(file.read_text()) if file.exists() else {}
    parts[name] = part
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(dict(sorted(parts.items())), indent=1) + "\n")
