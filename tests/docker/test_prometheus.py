"""The alerts: PromQL, of series that there are, and each fires when it should."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

import bridge
from bridge.speech.stages import STAGES
from tests.docker import promql
from tests.docker.files import DOCKER, dashboard, manifest, rules
from tests.needs import needs

PROMTOOL = shutil.which("promtool") or ""
ALERTS_TEST = Path(__file__).parent / "alerts_test.yml"

EXPOSED = promql.exposed()
RULES = rules()


def expressions() -> list[str]:
    """Of alerts, dashboard and the autoscaler's adapter."""
    found = [str(rule["expr"]) for rule in RULES]
    board = dashboard()
    for panel in board["panels"]:
        found += [target["expr"] for target in panel.get("targets", [])]
    found += [each["expr"] for each in board["annotations"]["list"]]
    for variable in board["templating"]["list"]:
        query = variable["query"]
        if isinstance(query, dict):
            asked = re.fullmatch(r"label_values\((.+), (\w+)\)", query["query"])
            assert asked
            found.append(f"count by ({asked[2]}) ({asked[1]})")
    return found


@pytest.mark.parametrize("expression", expressions())
def test_it_asks_for_what_a_bridge_exposes(expression: str) -> None:
    """Series and labels by the names in `bridge.metrics`, values that the code sets."""
    asked = list(promql.selectors(expression))
    labels: set[str] = set()
    for selector in asked:
        assert selector.name in EXPOSED
        assert {label for label, _ in selector.matchers} <= EXPOSED[selector.name]
        assert ("job", "mpc-bridge") in selector.matchers
        labels |= EXPOSED[selector.name]
        for label, value in selector.matchers:
            assert is_set(label, value), f"nothing has {label}={value!r}"

    assert asked
    assert promql.grouped_by(expression) <= labels


def is_set(label: str, value: str) -> bool:
    """Whether the code gives a label that value."""
    match label:
        case "end" | "why" | "kind":
            return any(f'"{value}"' in text for text in SOURCES)
        case "stage":
            return value in STAGES
    return True


SOURCES = [
    path.read_text()
    for folder in ("call", "server", "stream")
    for path in (Path(bridge.__file__).parent / folder).rglob("*.py")
]


def test_a_series_that_is_not_there_is_found() -> None:
    """The check can fail."""
    (selector,) = promql.selectors("rate(bridge_stream_total[5m])")

    assert selector.name not in EXPOSED


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_an_alert_says_what_to_do(rule: dict[str, Any]) -> None:
    """To a person, who is woken or not."""
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert rule["annotations"]["summary"]
    assert rule["annotations"]["description"].endswith(".")


def test_each_alert_is_tried() -> None:
    """With series that make it fire."""
    tried = ALERTS_TEST.read_text()

    assert all(rule["alert"] in tried for rule in RULES)


@needs(PROMTOOL, "promtool: apt-get install --no-install-recommends prometheus")
@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "config", DOCKER / "prometheus" / "prometheus.yml"],
        ["check", "rules", DOCKER / "prometheus" / "alerts.yml"],
        ["test", "rules", ALERTS_TEST],
    ],
    ids=["config", "rules", "firing"],
)
def test_prometheus_says_so_too(arguments: list[str]) -> None:
    """Its own checks, and its own evaluation of the rules."""
    said = subprocess.run([PROMTOOL, *arguments], capture_output=True, text=True)

    assert said.returncode == 0, said.stdout + said.stderr


def test_the_adapter_brings_what_the_autoscaler_asks_for() -> None:
    """Under the same name, and it is one that is exposed."""
    values = yaml.safe_load(
        (DOCKER / "kubernetes/monitoring/prometheus-adapter-values.yaml").read_text()
    )
    (rule,) = values["rules"]["custom"]
    (metric,) = manifest("autoscaler.yaml")["spec"]["metrics"]

    assert rule["name"]["as"] == metric["pods"]["metric"]["name"]
    assert rule["seriesQuery"].partition("{")[0] in EXPOSED
