"""docs/observe.md tells the truth: its table of metrics.

Run as a program, it writes the table.
"""

import re
from collections import Counter
from pathlib import Path

from prometheus_client.core import Metric

from bridge.metrics import Metrics

PAGE = Path(__file__).parents[1] / "docs" / "observe.md"
MARKS = re.compile(r"(<!-- metrics[^\n]*-->\n).*?(<!-- /metrics -->)", re.DOTALL)


def table() -> str:
    rows = ["| metric | kind | labels | what |", "|---|---|---|---|"]
    metrics = Metrics()
    metrics.response("turn", 0.1)
    for each in vars(metrics).values():
        if isinstance(each, Counter):
            each["x"] += 1
    for family in sorted(metrics.registry.collect(), key=lambda each: each.name):
        labels = ", ".join(f"`{name}`" for name in labels_of(family))
        text = family.documentation.rstrip(".")
        rows.append(f"| `{name_of(family)}` | {family.type} | {labels} | {text} |")
    return "\n".join(rows) + "\n"


def name_of(family: Metric) -> str:
    return f"{family.name}_total" if family.type == "counter" else family.name


def labels_of(family: Metric) -> list[str]:
    names = {name for sample in family.samples for name in sample.labels}
    return sorted(names - {"le"})


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
