"""Every figure has a name and a meaning, in the code and in the docs.

Run as a program, it writes the table of the docs.
"""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

from bridge.errors import ConfigError
from bridge.load import catalogue
from bridge.load.catalogue import FIGURES, check_name, name_of
from bridge.load.figures import HISTOGRAMS
from bridge.load.plan import Plan
from tests.load.made import a_report

DOCS = Path(__file__).parents[2] / "docs" / "load.md"
MARKS = re.compile(r"(<!-- figures[^\n]*-->\n).*?(<!-- /figures -->)", re.DOTALL)

GROUPS: Mapping[str, Mapping[str, str]] = {
    "every run": catalogue.ALWAYS,
    "where marks are sent: unless callers follow scripts": catalogue.OF_MARKS,
    "where `tones` come back": catalogue.OF_FRAMES,
    "where callers follow scripts": catalogue.OF_TURNS,
    "computed of several": catalogue.DERIVED,
}


def table() -> str:
    rows = ["| figure | what |", "|---|---|"]
    rows.append("| **times**, each with `_p50_ms _p90_ms _p99_ms _p999_ms _max_ms` | |")
    for name, text in HISTOGRAMS.items():
        rows.append(f"| `{name.removesuffix('_ms')}` | {text} |")
    for group, figures in GROUPS.items():
        rows.append(f"| **{group}** | |")
        rows += [f"| `{name}` | {text} |" for name, text in figures.items()]
    return "\n".join(rows) + "\n"


def written(text: str) -> str:
    return MARKS.sub(lambda found: found[1] + table() + found[2], text)


def test_the_docs_have_all_figures() -> None:
    """`python -m tests.load.test_catalogue` writes them."""
    text = DOCS.read_text()
    assert text == written(text)


def test_the_plans_in_the_docs_are_plans() -> None:
    whole, steps = re.findall(r"```toml\n(.*?)```", DOCS.read_text(), re.DOTALL)
    plan = Plan.model_validate(tomllib.loads(whole))
    assert plan.sounds == {"question.wav", "no.wav", "tones"}
    arrivals = tomllib.loads(steps)
    assert Plan.model_validate({"url": plan.url, **arrivals}).lasts_s == 200


def test_all_figures_of_a_report_are_explained() -> None:
    assert set(a_report().figures) <= set(FIGURES)


def test_a_wrong_name_says_which_is_meant() -> None:
    check_name("round_trip_p99_ms")
    with pytest.raises(ConfigError, match="did you mean round_trip_p99_ms"):
        check_name("roundtrip_p99_ms")
    with pytest.raises(ConfigError, match="see the docs"):
        check_name("zzzzzz")


def test_a_percentile_belongs_to_its_histogram() -> None:
    for name in HISTOGRAMS:
        stem = name.removesuffix("_ms")
        assert name_of(f"{stem}_p99_ms") == name_of(f"{stem}_max_ms") == name


if __name__ == "__main__":
    DOCS.write_text(written(DOCS.read_text()))
