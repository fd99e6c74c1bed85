"""Flags, variables and ports of the deployment are those of the code."""

import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from bridge import config
from bridge.cli.main import cli
from bridge.server.options import ServerOptions
from tests.docker import dockerfile
from tests.docker.files import DOCKER, KUBERNETES, ROOT, compose, manifest

OF_THE_COMMAND_LINE = frozenset(
    {"BRIDGE_CONFIG", "BRIDGE_LOG_FORMAT", "BRIDGE_LOG_LEVEL", "BRIDGE_LOAD_TOKEN"}
)
"""Those that are no option of a package."""

VARIABLE = re.compile(r"\b(?:BRIDGE|PLIVO)_[A-Z_]*[A-Z]\b")

FILES = sorted(
    path
    for path in [*DOCKER.rglob("*"), ROOT / "docs" / "deploy.md"]
    if path.is_file() and path.suffix not in (".json", ".pyc")
    if "secrets" not in path.parts and path.name != ".env"
)


def known() -> frozenset[str]:
    """The variables that the code reads; a secret may come as a file."""
    options = [
        option for section in config.SECTIONS for option in config.options_of(section)
    ]
    secrets = {
        config.file_of(option.variable) for option in options if option.is_secret
    }
    return OF_THE_COMMAND_LINE | {option.variable for option in options} | secrets


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_variable_is_one_that_is_read(path: Path) -> None:
    """One that is misspelt would be passed over in silence."""
    assert set(VARIABLE.findall(path.read_text())) <= known()


def commands() -> list[list[str]]:
    """What is run of ours: by the image, compose, Kubernetes, readers of the page."""
    _arguments, stages = dockerfile.read(DOCKER / "Dockerfile")
    found = [stages[-1].last("CMD").words]
    for service in compose()["services"].values():
        if "mpc-bridge" in service["image"]:
            found.append(service["command"])
    (container,) = manifest("deployment.yaml")["spec"]["template"]["spec"]["containers"]
    found.append(container["args"])
    job = yaml.safe_load((KUBERNETES / "load-job.yaml").read_text())
    (container,) = job["spec"]["template"]["spec"]["containers"]
    found.append(container["args"][1:])
    page = (ROOT / "docs" / "deploy.md").read_text()
    for line in re.findall(r"(?:^|\s)mpc-bridge ((?:serve|engine|mpc|load) .*)", page):
        found.append(shlex.split(line.partition("#")[0]))
    return found


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_flag_is_one_that_there_is(words: list[str]) -> None:
    """Commands too."""
    command: click.Command = cli
    words = list(words)
    while isinstance(command, click.Group):
        while words[0].startswith("-"):
            assert words.pop(0) in flags(command)
        name = words.pop(0)
        found = command.get_command(click.Context(command), name)
        assert found is not None, f"no command {name}"
        command = found

    given = {word.partition("=")[0] for word in words if word.startswith("--")}
    assert given <= flags(command)


def flags(command: click.Command) -> set[str]:
    return {
        flag
        for parameter in command.params
        for flag in (*parameter.opts, *parameter.secondary_opts)
    }


def test_ports_are_the_defaults_of_the_code() -> None:
    """Where the image exposes them and compose passes them on."""
    options = ServerOptions()
    engine = next(
        option for option in config.options_of("engine") if option.name == "port"
    )
    ports: list[Any] = [options.port, options.callbacks_port, 8767]
    _arguments, stages = dockerfile.read(DOCKER / "Dockerfile")
    services = compose()["services"]
    caddyfile = (DOCKER / "caddy" / "Caddyfile").read_text()

    assert stages[-1].last("EXPOSE").words == [str(port) for port in ports]
    assert services["bridge"]["expose"] == [str(port) for port in ports]
    assert services["engine"]["ports"] == [
        f"127.0.0.1:{engine.default}:{engine.default}"
    ]
    assert f"{{$STREAMS:bridge:{options.port}}}" in caddyfile
    assert f"{{$CALLBACKS:bridge:{options.callbacks_port}}}" in caddyfile
