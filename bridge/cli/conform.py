"""`mpc-bridge conform`: does a stream server keep to Plivo's protocol?"""

import dataclasses
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bridge.cli import setup
from bridge.conformance import SCENARIO_NAMES, Finding, Outcome, conform
from bridge.documents import printable
from bridge.errors import ConfigError, StreamError
from bridge.stream.content_type import DEFAULT_CONTENT_TYPE, ContentType

__all__ = ["command"]

FAILED = 1

PIPED_COLUMNS = 240

COLOURS = {
    Outcome.PASS: "green",
    Outcome.FAIL: "red",
    Outcome.UNDOCUMENTED: "yellow",
    Outcome.SKIPPED: "dim",
}


@click.command("conform")
@click.argument("url", required=False, metavar="ws://HOST:PORT/PATH")
@click.option(
    "--only",
    type=click.Choice(SCENARIO_NAMES),
    multiple=True,
    metavar="SCENARIO",
    help="Try this one only. May be given several times.",
)
@click.option("--list", "lists", is_flag=True, help="List the scenarios.")
@click.option(
    "--header",
    "headers",
    multiple=True,
    metavar="NAME:VALUE",
    help="An HTTP header of every upgrade.",
)
@click.option(
    "--content-type",
    default=str(DEFAULT_CONTENT_TYPE),
    show_default=True,
    help="Of the streams.",
)
@click.option(
    "--patience",
    type=click.FloatRange(0.1, 60),
    default=3.0,
    show_default=True,
    metavar="S",
    help="How long the server may take to answer what it hears.",
)
@click.option(
    "--junit",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the findings as JUnit's XML.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    url: str | None,
    only: tuple[str, ...],
    headers: tuple[str, ...],
    content_type: str,
    patience: float,
    junit: Path | None,
    *,
    lists: bool,
    as_json: bool,
) -> None:
    """Run named scenarios against any server of Plivo's audio streams.

    Each comes to pass, fail, undocumented (nothing says what is right; it tells what
    the server did) or skipped. An echo server is tried most strictly: each probe has
    to come back. The exit code is 1 if anything failed.

    \b
    mpc-bridge conform ws://127.0.0.1:8765/stream
    mpc-bridge conform ws://127.0.0.1:8765/stream --only bad-base64 --only slow-reader
    """
    if lists:
        click.echo("\n".join(SCENARIO_NAMES))
        return
    if url is None or not url.startswith(("ws://", "wss://")):
        raise ConfigError("no server: give a URL that begins with ws:// or wss://")
    try:
        stream_type = ContentType.parse(content_type)
    except StreamError as error:
        raise ConfigError(f"--content-type: {error}") from error
    if junit is not None:
        setup.writable(junit, "--junit")
    findings = setup.run(
        conform(
            url,
            headers=dict(setup.header(text) for text in headers),
            only=only,
            timeout_s=patience,
            content_type=stream_type,
        )
    )
    if junit is not None:
        _write_junit(junit, url, findings)
    if as_json:
        click.echo(json.dumps([_plain(finding) for finding in findings], indent=2))
    else:
        _show(findings)
    sys.exit(FAILED if any(each.outcome is Outcome.FAIL for each in findings) else 0)


def _show(findings: Sequence[Finding]) -> None:
    console = Console()
    if not console.is_terminal:
        console = Console(width=PIPED_COLUMNS)
    table = Table(box=None, pad_edge=False)
    table.add_column("outcome")
    table.add_column("scenario", no_wrap=True)
    table.add_column("seen", overflow="fold")
    for finding in findings:
        seen = printable(finding.seen)
        if finding.outcome is Outcome.FAIL:
            seen += f"\nexpected ({finding.basis.value}): it {finding.expected}"
        style = COLOURS[finding.outcome]
        outcome = Text(finding.outcome.value, style=style)
        table.add_row(outcome, finding.scenario, Text(seen))
    console.print(table, highlight=False)
    counts = Counter(finding.outcome for finding in findings)
    console.print(
        "\n" + ", ".join(f"{counts[each]} {each.value}" for each in Outcome),
        highlight=False,
    )


def _plain(finding: Finding) -> dict[str, str]:
    return dataclasses.asdict(finding) | {
        "outcome": finding.outcome.value,
        "basis": finding.basis.value,
    }


def _write_junit(path: Path, url: str, findings: Sequence[Finding]) -> None:
    counts = Counter(finding.outcome for finding in findings)
    suite = ET.Element(
        "testsuite",
        name=f"mpc-bridge conform {url}",
        tests=str(len(findings)),
        failures=str(counts[Outcome.FAIL]),
        skipped=str(counts[Outcome.SKIPPED]),
    )
    for finding in findings:
        seen = printable(finding.seen)
        case = ET.SubElement(
            suite, "testcase", classname="conform", name=finding.scenario
        )
        if finding.outcome is Outcome.FAIL:
            text = f"{seen}; expected: it {finding.expected}"
            ET.SubElement(case, "failure", message=text)
        elif finding.outcome is Outcome.SKIPPED:
            ET.SubElement(case, "skipped", message=seen)
        else:
            ET.SubElement(case, "system-out").text = seen
    ET.indent(suite)
    text = ET.tostring(suite, encoding="unicode", xml_declaration=True)
    setup.write(path, "--junit", f"{text}\n")
