"""What a PromQL expression asks for, against what the code exposes."""

import dataclasses
from collections.abc import Iterator

import promql_parser
from prometheus_client.parser import text_string_to_metric_families

from bridge.metrics import Metrics

__all__ = ["Selector", "exposed", "grouped_by", "selectors"]

GIVEN = frozenset({"job", "instance"})
"""Labels that Prometheus adds to whatever it scrapes."""

OWN = {"up": GIVEN, "ALERTS": GIVEN | {"alertname", "alertstate", "severity"}}
"""Prometheus' own series."""

PLACES = {"$__rate_interval": "5m", "$__range": "3h", "$instance": ".*"}
"""What Grafana fills in."""


@dataclasses.dataclass(frozen=True, slots=True)
class Selector:
    """A series that an expression asks for."""

    name: str
    matchers: tuple[tuple[str, str], ...]
    """Label and value; of a regular expression, each of its words."""


def exposed() -> dict[str, frozenset[str]]:
    """The labels of each series that a bridge exposes, and of Prometheus' own."""
    metrics = Metrics()
    metrics.response("played", 0.1)
    for labelled in (
        metrics.streams_ended,
        metrics.streams_refused,
        metrics.gaps,
        metrics.bot_errors,
    ):
        labelled["one"] += 1
    there = dict(OWN)
    for family in text_string_to_metric_families(metrics.exposition().decode()):
        for sample in family.samples:
            labels = there.get(sample.name, GIVEN)
            there[sample.name] = labels | frozenset(sample.labels)
    return there


def _parsed(expression: str) -> promql_parser.Expr:
    for place, value in PLACES.items():
        expression = expression.replace(place, value)
    return promql_parser.parse(expression.replace("$stage", "played"))


def _all(expression: str) -> list[promql_parser.Expr]:
    found: list[promql_parser.Expr] = []
    promql_parser.walk(_parsed(expression), found.append)
    return found


def selectors(expression: str) -> Iterator[Selector]:
    """The series that an expression asks for.

    Raises:
        ValueError: If it is no PromQL.
    """
    for each in _all(expression):
        if isinstance(each, promql_parser.VectorSelector):
            yield Selector(
                each.name or "",
                tuple(
                    (matcher.name, word)
                    for matcher in each.matchers.matchers
                    for word in matcher.value.split("|")
                ),
            )


def grouped_by(expression: str) -> set[str]:
    """The labels that it aggregates by."""
    return {
        label
        for each in _all(expression)
        if isinstance(each, promql_parser.AggregateExpr) and each.modifier
        for label in each.modifier.labels
    }
