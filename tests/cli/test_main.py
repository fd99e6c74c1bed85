"""What the command line shows, and how it ends."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from bridge.cli.main import COMMANDS, cli
from bridge.errors import ConfigError

HELP = """\
Usage: cli [OPTIONS] COMMAND [ARGS]...

  Put an AI agent into a Plivo Multiparty Call, or try one without Plivo.
"""


def test_help_shows_the_way() -> None:
    """Every command, in the order a newcomer wants them."""
    shown = CliRunner().invoke(cli, ["--help"]).output

    assert shown.startswith(HELP)
    places = [shown.index(f"\n  {name} ") for name in COMMANDS]
    assert places == sorted(places)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_explains_itself(name: str) -> None:
    """With its options."""
    result = CliRunner().invoke(cli, [name, "--help"])

    assert result.exit_code == 0
    assert result.output.startswith(f"Usage: cli {name}")


def test_the_version_is_said() -> None:
    """For people and programs."""
    plain = CliRunner().invoke(cli, ["version"]).output.split()[-1]
    assert json.loads(CliRunner().invoke(cli, ["version", "--json"]).output) == {
        "version": plain
    }


HEAVY = (
    *("httpx", "matplotlib", "moonshine_voice", "onnxruntime", "opentelemetry"),
    *("redis", "rich", "sqlalchemy"),
)
"""What no server needs that only answers streams."""

NOT_FOR_HELP = (*HEAVY, "numpy", "pydantic", "starlette", "uvicorn", "websockets")


def imported_by(code: str) -> set[str]:
    """The modules that a process has when it has run some code."""
    code += "; import sys; print('modules:', *sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return set(ran.stdout.rpartition("modules:")[2].split())


@pytest.mark.slow
def test_help_comes_without_the_heavy_imports() -> None:
    """Numpy and its like are loaded by the commands that need them."""
    code = (
        "from click.testing import CliRunner; from bridge.cli.main import cli; "
        "assert CliRunner().invoke(cli, ['--help']).exit_code == 0"
    )
    assert imported_by(code).isdisjoint(NOT_FOR_HELP)


@pytest.mark.slow
def test_a_server_serves_without_what_it_does_not_use() -> None:
    """No callbacks, no API, no database: they are why some servers start slowly."""
    code = (
        "from bridge.cli import setup; setup.until_signalled = lambda *_: wait(0); "
        "from asyncio import sleep as wait; from click.testing import CliRunner; "
        "from bridge.cli.main import cli; "
        "ran = CliRunner().invoke(cli, ['serve', '--port', '0', '--bot', 'echo']); "
        "assert ran.exit_code == 0 and 'ws://' in ran.output, ran"
    )
    assert imported_by(code).isdisjoint(HEAVY)


@pytest.mark.slow
def test_an_engine_runs_without_what_it_does_not_use(tmp_path: Path) -> None:
    """PostgreSQL's drivers are for those who have one."""
    code = (
        "from bridge.cli import setup; setup.until_signalled = lambda *_: wait(0); "
        "from asyncio import sleep as wait; from click.testing import CliRunner; "
        "from bridge.cli.main import cli; ran = CliRunner().invoke(cli, ['engine', "
        f"'--port', '0', '--database', ':memory:', '--recordings', {str(tmp_path)!r}]);"
        "assert ran.exit_code == 0 and 'API' in ran.output, ran"
    )
    unused = {"matplotlib", "moonshine_voice", "onnxruntime", "opentelemetry", "redis"}
    assert imported_by(code).isdisjoint({*unused, "pg8000", "asyncpg"})


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete(shell: str) -> None:
    """The script calls back into the command."""
    result = CliRunner().invoke(cli, ["completion", shell])

    assert "_MPC_BRIDGE_COMPLETE" in result.output


@pytest.mark.parametrize(
    ("arguments", "code", "what"),
    [
        (
            ["serve", "--bot", "ecko"],
            2,
            "mpc-bridge: no bot named 'ecko', did you mean",
        ),
        (["serve", "--config", "/none.toml"], 2, "mpc-bridge: /none.toml: "),
        (["serve", "--port", "x"], 2, "Invalid value for '--port'"),
        (["serve", "--port", "99999"], 2, "mpc-bridge: port: 99999, allowed are 0 to"),
        (["serve", "--drain-s", "-1"], 2, "mpc-bridge: drain_s: -1.0, allowed is 0"),
        (["serve", "--ping-interval-s", "0"], 2, "ping_interval_s: 0, allowed is more"),
        (["serve", "--idle-timeout-s", "nan"], 2, "idle_timeout_s: nan, allowed is 0"),
        (["serve", "--max-streams", "0"], 2, "mpc-bridge: max_streams: 0, allowed"),
        (["serve", "--listen-s", "0"], 2, "mpc-bridge: listen_s: 0.0, allowed"),
        (["serve", "--farewell-s", "-1"], 2, "mpc-bridge: farewell_s: -1.0, allowed"),
        (["engine", "--port", "99999"], 2, "mpc-bridge: port: 99999, allowed"),
        (["demo", "--out", "/proc/x"], 2, "mpc-bridge: --out /proc/x: "),
        (["serve", "--lead-s", "9"], 2, "mpc-bridge: lead_s: 9.0, allowed are"),
        (["demo", "--press", "x"], 2, "mpc-bridge: --press x: expected KEYS@SECONDS"),
        (["engine", "--phonebook", "/none.toml"], 2, "mpc-bridge: /none.toml: "),
        (["engine", "--host", "256.0.0.1"], 2, "mpc-bridge: cannot listen on"),
        (["sing"], 2, "No such command 'sing'"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_mistakes_are_one_line_and_a_code(
    arguments: list[str], code: int, what: str
) -> None:
    """No traceback."""
    ran = subprocess.run(
        [sys.executable, "-m", "bridge", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ran.returncode == code
    assert what in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_command_says_which_extra_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has to guess it from a module's name."""

    def missing(_name: str) -> None:
        raise ModuleNotFoundError("No module named 'hdrh'", name="hdrh")

    monkeypatch.setattr("bridge.cli.main.importlib.import_module", missing)
    result = CliRunner().invoke(cli, ["load", "ws://x"])
    assert isinstance(result.exception, ConfigError)
    assert "pip install 'mpc-bridge[load]'" in str(result.exception)
