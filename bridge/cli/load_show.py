"""A load run as a person sees it, while it goes on and afterwards."""

import collections
import contextlib
import dataclasses
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import click
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from bridge.load.capacity import Capacity, Trial
from bridge.load.compare import COUNTED, Difference
from bridge.load.plan import Plan
from bridge.load.report import Report

__all__ = ["live", "show", "show_capacity", "show_differences", "show_trial"]

SECONDS_SHOWN = 12
MOST_LINES = 10

BUSY_CORES = 0.5
"""A server that used less says little of what it would with more."""

PIPED_COLUMNS = 200
"""Where there is no terminal, lines are for other programs to cut."""

LIVE_COLUMNS = {
    "at_s": "at s",
    "streams": "streams",
    "round_trip_p50_ms": "round trip p50 ms",
    "round_trip_p99_ms": "p99 ms",
    "response_p50_ms": "response p50 ms",
    "underruns": "underruns",
    "calls_failed": "failed calls",
    "violations": "violations",
    "own_late_p99_ms": "own lateness p99 ms",
    "own_cpu_cores": "own cores",
    "server_cpu_cores": "server cores",
}

GROUPS = {
    "connect": "connect",
    "first audio": "first_audio",
    "round trip": "round_trip",
    "mouth to ear": "mouth_to_ear",
    "response": "response",
    "barge-in to silence": "barge_in",
    "between messages": "inter_arrival",
    "underruns": "underrun",
    "own lateness": "own_late",
}
"""The histograms' names in tables."""


SENTENCES = {
    "streams_carried": "steps: carried {streams_carried:.0f} streams",
    "calls": "calls: {calls:.0f}, {calls_failed:.0f} failed, {unanswered_calls:.0f} "
    "without an answer; {streams_peak:.0f} streams at most",
    "underruns_per_minute": "underruns: {underruns:.0f}, {underrun_s:.2f} s in all; "
    "{underruns_per_minute:.3f} in a minute of a stream",
    "marks_sent": "marks: {marks_sent:.0f} sent, {marks_lost:.0f} lost, "
    "{marks_pending:.0f} on their way at the end",
    "followed_frames": "frames: {followed_frames:.0f} followed, {lost_frames:.0f} "
    "lost, {repeated_frames:.0f} repeated, {out_of_order_frames:.0f} out of order",
    "turns": "turns: {turns:.0f}, {unanswered:.0f} unanswered, {spoken_over:.0f} "
    "spoken over, {never_quiet:.0f} never quiet",
    "barge_in_p50_ms": "interruptions: {not_interrupted:.0f} not heeded, "
    "{nothing_to_interrupt:.0f} found nobody speaking; {clears:.0f} clears",
    "drift_percent": "drift: answers come {drift_percent:.2f} % slower than time",
    "violations": "violations: {violations:.0f}, {malformed:.0f} of them malformed",
    "own_cpu_cores": "callers: {own_cpu_cores:.2f} cores, {own_memory_mb:.0f} MB",
    "server_cpu_cores": "server: {server_cpu_cores:.2f} cores, "
    "{server_memory_mb:.0f} MB; a second of a stream takes "
    "{server_cpu_ms_per_stream_s:.2f} ms of CPU",
}
"""What is said of the figures, where the first of them is known."""


@contextlib.contextmanager
def live(plan: Plan, *, quiet: bool) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Show each second: on a terminal as a table, elsewhere as a line each."""
    console = Console(stderr=True)
    seconds: list[dict[str, Any]] = []
    if quiet:
        yield lambda _second: None
    elif not console.is_terminal:
        yield lambda second: print(_line(plan, second), file=sys.stderr, flush=True)
    else:
        with Live(console=console, auto_refresh=False, transient=True) as display:

            def told(second: dict[str, Any]) -> None:
                seconds.append(second)
                display.update(_seconds(plan, seconds), refresh=True)

            yield told


def show(report: Report) -> None:
    """Print what came out."""
    console = _console()
    figures = report.figures
    table = Table(box=None, pad_edge=False)
    table.add_column("ms")
    for name in ("p50", "p90", "p99", "p99.9", "max", "count"):
        table.add_column(name, justify="right")
    for text, stem in GROUPS.items():
        summary = report.histograms.get(f"{stem}_ms")
        if summary is None or not summary["count"]:
            continue
        values = [summary[name] for name in ("p50", "p90", "p99", "p999", "max")]
        cells = [f"{value:.1f}" for value in values]
        table.add_row(text, *cells, str(summary["count"]))
    console.print(table)
    console.print()
    lines = list(_sentences(figures))
    violations = list(report.violations.items())[:MOST_LINES]
    lines += [("violation", f"{count} x {what}") for what, count in violations]
    closes = list(report.closes.items())[:MOST_LINES]
    lines += [("ended", f"{count} x {how}") for how, count in closes]
    lines += [("note", note) for note in report.notes]
    for name, text in lines:
        console.print(f"{name:18} {text}", highlight=False, markup=False)
    _verdict(console, report)


def show_differences(differences: Sequence[Difference], doubts: Sequence[str]) -> None:
    """Print a comparison, and why it may say little."""
    if not differences:
        return
    table = Table(box=None, pad_edge=False)
    for name in ("compared", "before", "now", "verdict"):
        table.add_column(name, justify="left" if name == "compared" else "right")
    colours = {"better": "green", "worse": "red", "gone": "red"}
    for each in differences:
        values = (each.old, each.new)
        cells = ["-" if value is None else f"{value:.3g}" for value in values]
        colour = colours.get(each.verdict)
        name = f"{each.figure} in 100 min" if each.figure in COUNTED else each.figure
        table.add_row(name, *cells, each.verdict, style=colour)
    console = _console()
    console.print()
    console.print(table)
    for doubt in doubts:
        console.print(f"{'note':18} {doubt}", highlight=False)


def _console() -> Console:
    console = Console()
    return console if console.is_terminal else Console(width=PIPED_COLUMNS)


def show_trial(trial: Trial, report: Report | None, *, quiet: bool) -> None:
    """Print one trial of a search, on standard error."""
    if quiet:
        return
    verdict = "broke " + ", ".join(trial.broken) if trial.broken else "carried"
    if not trial.is_reliable:
        reasons = [] if report is None else report.unreliable_because
        verdict = "not reliable: " + ("; ".join(reasons) or "cut short")
    p99_ms = None if report is None else report.figures.get("round_trip_p99_ms")
    p99 = "-" if p99_ms is None else f"{p99_ms:.1f} ms"
    cores = "-" if trial.cores is None else f"{trial.cores:.2f}"
    click.echo(
        f"{trial.streams:6} streams  round trip p99 {p99:>9}  server cores {cores}  "
        f"{verdict}",
        err=True,
    )


def show_capacity(capacity: Capacity, *, measured: bool, as_json: bool) -> None:
    """Print what a search found."""
    per_core = capacity.calls_per_core
    if as_json:
        document = dataclasses.asdict(capacity) | {"calls_per_core": per_core}
        click.echo(json.dumps(document))
        return
    if capacity.highest is None:
        text = f"at least {capacity.lowest} streams; more were not tried"
    elif capacity.likely == 0:
        text = "not even 1 stream"
    else:
        text = (
            f"{capacity.likely} streams (95 % interval {capacity.lowest} to "
            f"{capacity.highest}, {len(capacity.trials)} trials)"
        )
    click.echo(f"carries {text}")
    if per_core is not None:
        click.echo(f"        {per_core:.0f} streams for each core the server used")
        cores = max(trial.cores or 0.0 for trial in capacity.trials)
        if cores < BUSY_CORES:
            click.echo(f"        (it used {cores:.2f} cores at most: that is a guess)")
    if not measured:
        click.echo(
            "        no delay was measured: it is no echo, and there is no script"
        )


def _sentences(figures: dict[str, float]) -> Iterator[tuple[str, str]]:
    """The figures in words, those that were measured."""
    known = collections.defaultdict(float, figures)
    for needed, form in SENTENCES.items():
        if needed in figures:
            name, _, text = form.format_map(known).partition(": ")
            yield name, text


def _verdict(console: Console, report: Report) -> None:
    for checked in report.thresholds:
        value = "not measured" if checked.value is None else f"{checked.value:.4g}"
        word = "[red]failed[/red]" if checked.failed else "[green]passed[/green]"
        console.print(f"{word}             {checked.text}: {value}", highlight=False)
    if report.is_reliable:
        console.print("[green]reliable[/green]           the callers kept their time")
    for reason in report.unreliable_because:
        console.print(f"[red]not reliable[/red]       {reason}", highlight=False)


def _line(plan: Plan, second: dict[str, Any]) -> str:
    parts = [
        f"{text} {_cell(second[name])}"
        for name, text in LIVE_COLUMNS.items()
        if second.get(name) is not None
    ]
    return ", ".join(parts) + f" (of {plan.lasts_s:g} s)"


def _seconds(plan: Plan, seconds: Sequence[dict[str, Any]]) -> Table:
    title = Text(f"{plan.shown_url}, {plan.lasts_s:g} s")
    table = Table(title=title, box=None, pad_edge=False)
    shown = {
        name: text
        for name, text in LIVE_COLUMNS.items()
        if any(name in second for second in seconds)
    }
    for text in shown.values():
        table.add_column(text, justify="right")
    for second in seconds[-SECONDS_SHOWN:]:
        table.add_row(*(_cell(second.get(name)) for name in shown))
    return table


def _cell(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.2f}"
