"""Results as tables in Markdown, which a terminal shows as well."""

from collections.abc import Callable, Sequence

from benchmarks.servers.results import MOST_RISE, Part, rise

__all__ = ["capacity", "head", "memory", "scaling", "servers"]

Cells = Sequence[str]


def servers(part: Part) -> str:
    """Everybody beside each other."""
    heads: tuple[str, ...] = (
        "server",
        "CPU ms",
        "of bare",
        "added p50",
        "p99",
        "mouth to ear",
    )
    heads += ("lost", "underruns", "MB", "callers late", "callers' core")
    rows = [
        (
            *(row["name"], _number(row["cpu_ms"], 2), _number(row["of_bare"], 1, " x")),
            *(_number(row["p50_ms"], 2), _number(row["p99_ms"], 2)),
            *(_number(row["mouth_to_ear_ms"], 0), _number(row["lost_frames"], 0)),
            *(_number(row["underruns"], 0), _number(row["memory_mb"], 0)),
            *(_number(row["late_ms"], 1), _number(row["callers_cores"] * 100, 0, " %")),
        )
        for row in part["rows"]
    ]
    return table(heads, rows)


def scaling(part: Part) -> str:
    """What one stream costs among more and more."""
    heads: tuple[str, ...] = (
        "server",
        "streams",
        "CPU ms",
        "of its core",
        "added p50",
        "p99",
    )
    heads += ("callers late", "callers' core")
    rows = [
        (
            *(row["name"], _number(row["streams"], 0), _number(row["cpu_ms"], 2)),
            _number(row["server_cores"] * 100, 0, " %"),
            *(_number(row["p50_ms"], 2), _number(row["p99_ms"], 2)),
            *(_number(row["late_ms"], 1), _number(row["callers_cores"] * 100, 0, " %")),
        )
        for row in part["rows"]
    ]
    lines = [table(heads, rows), ""]
    for name in dict.fromkeys(row["name"] for row in part["rows"]):
        found = rise([row for row in part["rows"] if row["name"] == name])
        if found is not None:
            verdict = "does not rise" if found <= MOST_RISE else "RISES"
            lines.append(f"- {name}: {verdict}: {found:.2f} of the least among fewer")
    return "\n".join(lines)


def capacity(part: Part) -> str:
    """How many streams one core carries."""
    heads: tuple[str, ...] = ("server", "streams", "95 % within", "what broke beyond")
    heads += ("callers late", "callers' core")
    rows = []
    for row in part["rows"]:
        highest = "more" if row["highest"] is None else str(row["highest"])
        rows.append(
            (
                *(row["name"], str(row["likely"]), f"{row['lowest']} to {highest}"),
                row["broke"],
                *(
                    _number(row["late_ms"], 1),
                    _number(row["callers_cores"] * 100, 0, " %"),
                ),
            )
        )
    return table(heads, rows)


def memory(part: Part) -> str:
    """What a stream holds that says nothing."""
    rows = [(row["name"], _number(row["kib"], 1)) for row in part["rows"]]
    return table(("server", "KiB for each idle stream"), rows)


def head(part: Part) -> str:
    """Where and when, with what."""
    versions = ", ".join(
        f"{name} {version}" for name, version in part["versions"].items()
    )
    return f"{part['machine']}; {part['date']}\n{versions}\n"


def table(heads: Cells, rows: Sequence[Cells]) -> str:
    """Markdown, its columns aligned; the first is text, the others are numbers."""
    widths = [
        max(len(each) for each in column) for column in zip(heads, *rows, strict=True)
    ]

    def line(cells: Cells, justify: Callable[[str, int], str]) -> str:
        first = cells[0].ljust(widths[0])
        rest = [
            justify(cell, width)
            for cell, width in zip(cells[1:], widths[1:], strict=True)
        ]
        return "| " + " | ".join([first, *rest]) + " |"

    rule = "|" + "-" * (widths[0] + 2) + "|"
    rule += "".join("-" * (width + 1) + ":|" for width in widths[1:])
    return "\n".join(
        [line(heads, str.rjust), rule, *(line(row, str.rjust) for row in rows)]
    )


def _number(value: float | None, digits: int, unit: str = "") -> str:
    return "-" if value is None else f"{value:.{digits}f}{unit}"
