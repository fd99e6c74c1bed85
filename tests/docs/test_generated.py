"""The reference pages say what the code does."""

import json

import pytest
from sphinx.errors import ExtensionError

from bridge import config, errors
from bridge.cli.main import COMMANDS
from bridge.engine.rest.operations import OPERATIONS
from bridge.metrics import Metrics
from docs.generated import rows, written
from docs.generated.commands import all_commands, command_pages
from docs.generated.markdown import code, table
from docs.generated.pages import PARTS
from docs.generated.signatures import bare


def test_every_command_has_its_section() -> None:
    """Subcommands too, with all their options."""
    text = command_pages()
    words = [words for words, _ in all_commands()]

    assert {f"mpc-bridge {name}" for name in COMMANDS} <= set(words)
    assert "mpc-bridge mpc record start" in words
    assert all(f"# {each}\n" in text for each in words)
    for option in ("--ai-agent-stream-service-url", "--max-streams", "--find-capacity"):
        assert option in text


@pytest.mark.parametrize("section", config.SECTIONS)
def test_every_option_has_a_row(section: str) -> None:
    """Flag, variable, line of the file, and words; tokens are not shown."""
    shown = {row.variable: row for row in rows.option_rows(section)}

    assert {each.variable for each in config.options_of(section)} == set(shown)
    assert all(row.text for row in shown.values())
    for row in shown.values():
        if row.flag == "--auth-token":
            assert row.line == 'auth_token = "..."'
            assert row.default == ""


def test_lines_of_the_file_are_toml() -> None:
    """Booleans and paths as TOML has them."""
    lines = {row.line for row in rows.option_rows("engine")}

    assert {
        "ai_agent_hears_coach = true",
        'recordings = "recordings"',
        "port = 8080",
    } <= lines


def test_metrics_are_those_of_a_scrape() -> None:
    """With their labels and types."""
    shown = {row.name: row for row in rows.metric_rows()}
    metrics = Metrics()
    metrics.streams_ended["closed"] = 1
    metrics.fleet_connected = True
    scraped = metrics.exposition().decode()

    assert shown["bridge_streams_total"].labels == ("end",)
    assert shown["bridge_response_seconds"].labels == ("stage",)
    assert shown["bridge_frames_late_seconds"].kind == "histogram"
    for name, row in shown.items():
        family = name.removesuffix("_total")
        assert f"# TYPE {name} {row.kind}" in scraped or family in scraped


def test_every_message_has_an_example_that_shows_its_fields() -> None:
    """Needed is what the codec demands."""
    shown = {(row.event, row.sender): row for row in rows.message_rows()}

    media = {name: needed for name, _, needed in shown["media", "Plivo"].fields}
    assert media["media.payload"]
    assert not media["sequenceNumber"]
    assert ("start.mediaFormat.sampleRate", "number", False) in (
        shown["start", "Plivo"].fields
    )
    assert {"playAudio", "checkpoint", "clearAudio", "sendDTMF", "stop"} == {
        event for event, sender in shown if sender == "the server"
    }


def test_every_operation_has_a_row() -> None:
    """With what it can be given."""
    shown = rows.operation_rows()

    assert len(OPERATIONS) == len(shown)
    add = next(
        row for row in shown if row.method == "POST" and "call_uuid" in row.parameters
    )
    assert add.success == "201"
    assert "ai_agent_stream_service_url" in add.parameters


def test_every_error_has_a_row_and_a_parent() -> None:
    """Parents stand first."""
    shown = [row.name for row in rows.error_rows()]

    assert set(errors.__all__) == set(shown)
    assert shown.index("PeerError") < shown.index("StreamError")


def test_parts_are_put_into_pages() -> None:
    """An unknown name is an error that lists the known."""
    text = written("before\n\n<!-- generated: metrics -->\n\nafter")

    assert "bridge_streams_active" in text
    assert text.startswith("before")
    assert text.endswith("after")
    with pytest.raises(ExtensionError, match="no part 'metrcs'; known: bots, commands"):
        written("<!-- generated: metrcs -->")


@pytest.mark.parametrize("name", PARTS)
def test_tables_have_as_many_cells_as_heads(name: str) -> None:
    """Nothing in a cell breaks its row."""
    width = 0
    for line in PARTS[name]().splitlines():
        cells = line.replace("\\|", "").count("|") if line.startswith("|") else 0
        assert width in (0, cells) or not cells
        width = cells


def test_cells_hold_no_bars_and_no_line_ends() -> None:
    """Markdown's tables would break."""
    assert table(["a"], [["x | y\nz"]]) == "| a |\n| --- |\n| x \\| y z |\n"
    assert code("x") == "`x`"
    assert code("") == ""


def test_types_are_shown_without_conditions() -> None:
    """However deep they stand."""
    assert bare("Annotated[float, Gt(gt=0)] = 1") == "float = 1"
    assert bare("tuple[Annotated[float, A(b=[1])], int]") == "tuple[float, int]"
    assert json.dumps("plain") == bare(json.dumps("plain"))
