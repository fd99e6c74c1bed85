"""`mpc-bridge load`: many callers at a stream server, and a report."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from bridge.cli import load_plan, load_search, load_show, setup
from bridge.errors import ConfigError
from bridge.load.capacity import Capacity
from bridge.load.compare import compare, doubts
from bridge.load.junit import junit
from bridge.load.plan import Plan
from bridge.load.report import Report, read
from bridge.load.runner import run

__all__ = ["command"]

FAILED, UNRELIABLE, INTERRUPTED = 1, 3, 130

MOST_STREAMS = 2000

Sink = Callable[[Report], str]


@click.command("load")
@click.argument("url", required=False, metavar="[ws://HOST:PORT/PATH]")
@click.option(
    "--plan",
    "plan_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A plan in TOML; flags go before what it says.",
)
@click.option(
    "--streams", type=click.IntRange(1), help="Streams at once.  [default: 1]"
)
@click.option(
    "--ramp", metavar="N/s", help="New streams a second, at first.  [default: 50/s]"
)
@click.option("--duration", type=float, metavar="S", help="Seconds.  [default: 30]")
@click.option(
    "--audio",
    metavar="tones|silence|FILE",
    help="What callers say, over and over.  [default: tones]",
)
@click.option("--call", "call_s", type=float, metavar="S", help="Length of each call.")
@click.option(
    "--content-type", help="Of the streams.  [default: audio/x-l16;rate=8000]"
)
@click.option(
    "--header",
    "headers",
    multiple=True,
    metavar="NAME:VALUE",
    help="An HTTP header of the upgrade.",
)
@click.option("--extra-headers", help="Plivo's, in the streams' messages.")
@click.option(
    "--token",
    envvar="BRIDGE_LOAD_TOKEN",
    help="Added to the URL as its token parameter.  [BRIDGE_LOAD_TOKEN]",
)
@click.option("--signed", is_flag=True, help="Sign upgrades with PLIVO_AUTH_TOKEN.")
@click.option("--seed", type=int, help="Of everything left to chance.  [default: 0]")
@click.option(
    "--fail-if",
    multiple=True,
    metavar="'FIGURE > N'",
    help="A threshold, such as 'round_trip_p99_ms > 60'. May be given several times.",
)
@click.option(
    "--processes",
    type=click.IntRange(1, 256),
    default=1,
    show_default=True,
    help="How many share the calls.",
)
@click.option(
    "--engine",
    type=click.Choice(["processes", "ray"]),
    default="processes",
    show_default=True,
    help="Where they run; ray is found by RAY_ADDRESS, or started here.",
)
@click.option("--server-pid", type=int, help="Measure that process's CPU and memory.")
@click.option("--server-metrics", metavar="URL", help="Or read them there.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    multiple=True,
    help="Write the report: .json, .html, or .xml (JUnit). May be given several times.",
)
@click.option(
    "--compare",
    "compared",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A report (.json) to compare with; worse is a failure.",
)
@click.option(
    "--tolerance",
    type=click.FloatRange(0),
    default=0.1,
    show_default=True,
    help="The share that compared figures may differ by.",
)
@click.option(
    "--find-capacity",
    is_flag=True,
    help="Look for the most streams the server carries, at most --streams (2000).",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option("--quiet", is_flag=True, help="Show nothing while it runs.")
def command(
    url: str | None,
    plan_file: Path | None,
    processes: int,
    engine: str,
    server_pid: int | None,
    server_metrics: str | None,
    out: tuple[Path, ...],
    compared: Path | None,
    tolerance: float,
    *,
    find_capacity: bool,
    as_json: bool,
    quiet: bool,
    **flags: Any,
) -> None:
    """Drive many Plivo streams at any stream server, and say what it did.

    The callers are Plivo's side of the stream: 50 frames a second each at absolute
    deadlines, a playback queue that is heard to run dry, checkpoints and clears
    answered. The exit code is 0, 1 if a threshold was broken or a comparison came out
    worse, 2 for a mistake in options or plan, 3 if the run itself is not reliable
    (whatever else it showed), 130 if it was ended early and showed nothing bad.

    \b
    mpc-bridge load ws://127.0.0.1:8765/stream --streams 200 --ramp 20/s --duration 60
    mpc-bridge load ws://127.0.0.1:8765/stream --audio speech.wav --out report.html
    mpc-bridge load ws://127.0.0.1:8765/stream --find-capacity --server-pid 4711
    mpc-bridge load --plan busy.toml --fail-if 'underruns_per_minute > 0.1'
    """
    plan = load_plan.plan_of(url, plan_file, flags, find_capacity=find_capacity)
    for path in out:
        _writer(path)
        setup.writable(path, "--out")
    old = None if compared is None else read(compared)
    setting = {
        "processes": processes,
        "engine": engine,
        "server_pid": server_pid,
        "server_metrics": server_metrics,
    }
    if find_capacity:
        if out or compared:
            raise ConfigError("--find-capacity makes no report: no --out or --compare")
        most = flags["streams"] or MOST_STREAMS
        _find(plan, most, setting, quiet=quiet, as_json=as_json)
        return
    report = setup.run(_run(plan, setting, quiet=quiet or as_json))
    for path in out:
        setup.write(path, "--out", _writer(path)(report))
    differences = [] if old is None else compare(old, report, tolerance)
    if as_json:
        click.echo(report.encoded())
    else:
        load_show.show(report)
        load_show.show_differences(differences, doubts(old, report) if old else [])
    sys.exit(_code(report, any(each.verdict in WORSE for each in differences)))


WORSE = ("worse", "gone")


def _code(report: Report, is_worse: bool) -> int:  # noqa: FBT001 - one of two verdicts
    if not report.is_reliable:
        return UNRELIABLE
    if report.has_failed or is_worse:
        return FAILED
    return INTERRUPTED if report.is_cut_short else 0


# --------------------------------------------------------------------------- the run


async def _run(plan: Plan, setting: dict[str, Any], *, quiet: bool) -> Report:
    """Run; the first signal ends it early, with a report."""
    with _ended_by_signals() as until, load_show.live(plan, quiet=quiet) as on_second:
        return await run(plan, **setting, on_second=on_second, until=until)


def _find(
    plan: Plan, most: int, setting: dict[str, Any], *, quiet: bool, as_json: bool
) -> None:
    """Look for the capacity, and print it."""

    async def search() -> tuple[Capacity, bool]:
        with _ended_by_signals() as until:
            is_quiet = quiet or as_json
            return await load_search.search(plan, most, setting, until, quiet=is_quiet)

    capacity, measured = setup.run(search())
    load_show.show_capacity(capacity, measured=measured, as_json=as_json)
    if not any(trial.is_reliable for trial in capacity.trials):
        sys.exit(UNRELIABLE)
    sys.exit(0 if capacity.likely else FAILED)


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[asyncio.Event]:
    """Set an event at the first signal to end; the second ends everything at once."""
    until = asyncio.Event()
    loop, task = asyncio.get_running_loop(), asyncio.current_task()

    def signalled() -> None:
        if until.is_set() and task is not None:
            task.cancel()
        until.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, signalled)
    try:
        yield until
    except asyncio.CancelledError:
        raise click.Abort from None
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


# ----------------------------------------------------------------------- the report


def _writer(path: Path) -> Sink:
    writers: dict[str, Sink] = {
        ".json": lambda report: report.encoded().decode(),
        ".html": _page,
        ".xml": junit,
    }
    if path.suffix not in writers:
        allowed = ", ".join(writers)
        raise ConfigError(f"--out: {path}, allowed endings are {allowed}")
    return writers[path.suffix]


def _page(report: Report) -> str:
    # Drawing takes a second to import, and few runs are drawn.
    from bridge.load.page import page  # noqa: PLC0415

    return page(report)
