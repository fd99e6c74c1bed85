"""A load report as one page that needs nothing else."""

import json
from collections.abc import Mapping, Sequence
from html import escape
from itertools import chain

import msgspec

from bridge.load.catalogue import FIGURES
from bridge.load.page.charts import draw_delays, draw_histories
from bridge.load.page.drawing import Chart
from bridge.load.page.reading import Fields, mapping, number, rows, shown
from bridge.load.page.tables import MOST_WORST, counts, histograms, table, worst_streams
from bridge.load.page.template import EXPLANATIONS, PAGE
from bridge.load.page.verdicts import reliability, thresholds
from bridge.load.report import Report

__all__ = ["page"]

TILES: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "Load": {
        "streams_peak": ("streams at once", ""),
        "calls": ("calls", ""),
        "calls_failed": ("calls failed", ""),
        "streams_carried": ("streams carried", ""),
    },
    "Delay": {
        "round_trip_p50_ms": ("round trip p50", "ms"),
        "round_trip_p99_ms": ("round trip p99", "ms"),
        "mouth_to_ear_p99_ms": ("mouth to ear p99", "ms"),
        "response_p99_ms": ("response p99", "ms"),
        "barge_in_p99_ms": ("barge-in p99", "ms"),
    },
    "Starvation": {
        "underruns": ("underruns", ""),
        "underruns_per_minute": ("a stream and minute", ""),
        "underrun_s": ("starved", "s"),
        "underrun_max_ms": ("longest", "ms"),
    },
    "Integrity": {
        "lost_frames": ("lost", "frames"),
        "repeated_frames": ("repeated", "frames"),
        "out_of_order_frames": ("out of order", "frames"),
        "malformed": ("malformed", "messages"),
        "violations": ("protocol violations", ""),
    },
    "Machines": {
        "own_late_p99_ms": ("own lateness p99", "ms"),
        "own_cpu_cores": ("own CPU", "cores"),
        "own_memory_mb": ("own memory", "MB"),
        "server_cpu_cores": ("server CPU", "cores"),
        "server_memory_mb": ("server memory", "MB"),
        "server_cpu_ms_per_stream_s": ("server CPU a stream", "ms/s"),
    },
}
"""The key figures by their group: what they are called, and their unit."""

WANTED_ZERO = frozenset(
    {
        "calls_failed",
        "underruns",
        "underruns_per_minute",
        "underrun_s",
        "underrun_max_ms",
        "lost_frames",
        "repeated_frames",
        "out_of_order_frames",
        "malformed",
        "violations",
    }
)
"""Figures of which anything above nothing is bad."""


def page(report: Report) -> str:
    """Write a report as a page; what it does not say is left out."""
    return _page(msgspec.json.decode(report.encoded()))


def _page(report: Fields) -> str:
    parts = (
        _headline(report),
        f'<div class="verdicts">{reliability(report)}{thresholds(report)}</div>',
        _notes(report),
        _plan(report),
        _key_figures(mapping(report, "figures")),
        _section(
            "How late",
            _drawings("pairs", draw_delays(report)),
            histograms(report),
        ),
        _section("What happened when", _drawings("histories", draw_histories(report))),
        _ends(report),
        _section(_worst_title(report), worst_streams(report)),
        _explanations(),
    )
    title = escape(f"Load test of {_server(report)}")
    return PAGE.substitute(title=title, body="\n".join(filter(None, parts)))


def _headline(report: Fields) -> str:
    lasted_s, machine = number(report, "lasted_s"), mapping(report, "machine")
    facts = (
        report.get("began_at"),
        lasted_s and f"{shown(lasted_s)} s",
        report.get("tool"),
        machine.get("python") and f"Python {machine['python']}",
        machine.get("system"),
        machine.get("cores") and f"{machine['cores']} cores",
    )
    words = " · ".join(escape(str(fact)) for fact in facts if fact)
    title = escape(f"Load test of {_server(report)}")
    return f'<header><h1>{title}</h1><p class="facts">{words}</p></header>'


def _server(report: Fields) -> str:
    return str(report.get("url") or "an unknown server")


def _notes(report: Fields) -> str:
    listed = "".join(f"<li>{escape(str(each))}</li>" for each in report["notes"])
    return listed and f"<ul>{listed}</ul>"


def _plan(report: Fields) -> str:
    if not report.get("plan"):
        return ""
    words = escape(json.dumps(report["plan"], indent=2, ensure_ascii=False))
    return _details("Plan", f"<pre>{words}</pre>")


def _key_figures(figures: Fields) -> str:
    groups = {
        group: "".join(
            _tile(*words, number(figures, key), wanted_zero=key in WANTED_ZERO)
            for key, words in keys.items()
        )
        for group, keys in TILES.items()
    }
    lines = "".join(
        f'<h3>{group}</h3><div class="tiles">{tiles}</div>'
        for group, tiles in groups.items()
        if tiles
    )
    known = set(chain.from_iterable(TILES.values()))
    others = [
        {"name": name, "value": figures[name], "text": FIGURES.get(name)}
        for name in sorted(figures.keys() - known)
    ]
    rest = table({"name": "figure", "value": "value", "text": "meaning"}, others)
    return _section(
        "Key figures",
        lines and f'<div class="groups">{lines}</div>',
        rest and _details("Other figures", rest),
    )


def _tile(label: str, unit: str, value: float | None, *, wanted_zero: bool) -> str:
    if value is None:
        return ""
    kind = "tile bad" if wanted_zero and value > 0 else "tile"
    words = f"<b>{shown(value)} <small>{unit}</small></b>"
    return f'<div class="{kind}"><span>{label}</span>{words}</div>'


def _drawings(kind: str, charts: Sequence[Chart]) -> str:
    drawn = "".join(
        f"<figure><figcaption><h3>{escape(chart.title)} "
        f"<small>{escape(chart.note)}</small></h3></figcaption>{chart.svg}</figure>"
        for chart in charts
    )
    return drawn and f'<div class="{kind}">{drawn}</div>'


def _ends(report: Fields) -> str:
    tables = (
        ("How streams ended", counts("close", mapping(report, "closes"))),
        ("Protocol violations", counts("violation", mapping(report, "violations"))),
    )
    columns = "".join(
        f"<div><h3>{title}</h3>{text}</div>" for title, text in tables if text
    )
    return _section("Endings", columns and f'<div class="pairs">{columns}</div>')


def _worst_title(report: Fields) -> str:
    number_of_streams = len(rows(report, "streams"))
    if number_of_streams > MOST_WORST:
        return f"The {MOST_WORST} worst of {number_of_streams} streams"
    return "Streams, the worst first"


def _explanations() -> str:
    words = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(meaning)}</dd>"
        for name, meaning in EXPLANATIONS.items()
    )
    return f"<footer>{_section('What the figures mean', f'<dl>{words}</dl>')}</footer>"


def _section(title: str, *contents: str) -> str:
    """A part of the page, of HTML; nothing if it has no content."""
    words = "".join(contents)
    return words and f"<section><h2>{escape(title)}</h2>{words}</section>"


def _details(summary: str, words: str) -> str:
    return f"<details><summary>{escape(summary)}</summary>{words}</details>"
