"""docs/observe.md tells the truth: its table of metrics.

Run as a program, it writes the table.
"""

import re
from pathlib import Path

from docs.generated.rows import metric_rows

PAGE = Path(__file__).parents[1] / "docs" / "observe.md"
MARKS = re.compile(r"(<!-- metrics[^\n]*-->\n).*?(<!-- /metrics -->)", re.DOTALL)


def table() -> str:
    rows = ["| metric | kind | labels | what |", "|---|---|---|---|"]
    for each in metric_rows():
        labels = ", ".join(f"`{name}`" for name in each.labels)
        rows.append(f"| `{each.name}` | {each.kind} | {labels} | {each.text} |")
    return "\n".join(rows) + "\n"


def written(text: str) -> str:
    return MARKS.sub(lambda found: found[1] + table() + found[2], text)


def test_the_metrics_are_those_of_the_code() -> None:
    """Names, kinds, labels, words; `python tests/test_observe.py` writes them."""
    text = PAGE.read_text()

    assert text == written(text)


def test_what_to_alert_on_is_there() -> None:
    """No alert waits for a metric that nobody counts."""
    known = set(re.findall(r"^\| `(\w+)`", table(), re.MULTILINE))
    used = set(re.findall(r"\b((?:bridge|process)_[a-z_]+)", alerts()))

    assert {re.sub(r"_(bucket|sum|count)$", "", name) for name in used} <= known


def alerts() -> str:
    return PAGE.read_text().partition("### What to alert on")[2].partition("## Logs")[0]


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
