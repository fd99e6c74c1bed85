"""The Dockerfile: its lint, what it is given, and what it starts.

`make image-check` carries out its steps; here is what takes seconds.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.docker import dockerfile
from tests.docker.files import DOCKER, ROOT
from tests.docker.serving import serving
from tests.ports import free_port

DOCKERFILE = DOCKER / "Dockerfile"
HEALTHCHECK = DOCKER / "healthcheck.py"
ARGUMENTS, STAGES = dockerfile.read(DOCKERFILE)
FINAL = STAGES[-1]


def test_hadolint_has_nothing_to_say() -> None:
    """The linter of Dockerfiles, and shellcheck within it."""
    folders = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    hadolint = shutil.which("hadolint", path=folders)
    assert hadolint, "pip install --group test"
    said = subprocess.run([hadolint, DOCKERFILE], capture_output=True, text=True)

    assert said.returncode == 0, said.stdout


def test_both_stages_have_one_base() -> None:
    """The venv that is copied finds the same Python."""
    first, second = STAGES

    assert first.base == second.base == "python:3.13-slim-trixie"
    assert (
        f":: Python :: {ARGUMENTS['PYTHON']}" in (ROOT / "pyproject.toml").read_text()
    )


def test_it_runs_as_nobody_under_tini() -> None:
    """Who reaps, passes signals on, and has no rights."""
    assert FINAL.last("USER").text == "10001:10001"
    assert FINAL.last("ENTRYPOINT").words == ["tini", "--", "mpc-bridge"]
    assert FINAL.last("STOPSIGNAL").text == "SIGTERM"


def test_what_it_copies_is_there_and_is_sent() -> None:
    """.dockerignore leaves nothing out that it needs."""
    for stage in STAGES:
        for each in stage.instructions:
            if each.name == "COPY" and not each.words[0].startswith("--from"):
                for name in each.words[:-1]:
                    assert (ROOT / name).exists()
                    assert is_sent(name), name


@pytest.mark.parametrize(
    "name",
    [
        ".git",
        ".venv",
        "tests",
        "docker/.env",
        "docker/secrets",
        "docker/secrets/admin_token",
        "bridge/__pycache__",
        "bridge/call/__pycache__/call.pyc",
    ],
)
def test_nothing_else_is_sent(name: str) -> None:
    """No secrets, and nothing that would spoil the cache."""
    assert not is_sent(name)


def is_sent(name: str) -> bool:
    """As .dockerignore is read: the last line that fits a path or its folder counts."""
    sent = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        pattern = line.removeprefix("!")
        if any(fits(part, pattern) for part in (name, *map(str, Path(name).parents))):
            sent = line.startswith("!")
    return sent


def fits(name: str, pattern: str) -> bool:
    if pattern.startswith("**/"):
        return fnmatch(Path(name).name, pattern[3:])
    return name.count("/") == pattern.count("/") and fnmatch(name, pattern)


@pytest.mark.slow
def test_what_it_starts_serves_is_healthy_and_drains(tmp_path: Path) -> None:
    """ENTRYPOINT, CMD, ENV and HEALTHCHECK, as they stand, on this machine."""
    folders = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    start = {"PATH": folders, "PYTHONPATH": str(ROOT), "BRIDGE_DRAIN_S": "5"}
    # The rest of ENV; here it is loopback, and a port that is free.
    environment = {
        **FINAL.environment(start),
        "BRIDGE_HOST": "127.0.0.1",
        "BRIDGE_PORT": str(free_port()),
    }
    command = FINAL.last("ENTRYPOINT").words + FINAL.last("CMD").words
    if shutil.which("tini") is None:
        command = command[2:]
    process = subprocess.Popen(
        command,
        # Here it is not process 1, and would say so.
        env={**environment, "TINI_SUBREAPER": ""},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        check = checked(FINAL.health_command(), environment)
        for _ in range(600):
            if check.returncode == 0 or process.poll() is not None:
                break
            time.sleep(0.2)
            check = checked(FINAL.health_command(), environment)
        assert check.returncode == 0, check.stderr

        process.send_signal(signal.Signals[FINAL.last("STOPSIGNAL").text])
        log, _ = process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()

    assert process.returncode == 0
    # Whatever reads the log reads all of it.
    assert len([json.loads(line) for line in log.splitlines()]) >= 3
    assert checked(FINAL.health_command(), environment).returncode == 1
    # It kept to its folder for writing.
    assert not list(tmp_path.iterdir())


def checked(
    command: Sequence[str], environment: dict[str, str]
) -> "subprocess.CompletedProcess[str]":
    """Run HEALTHCHECK's command, with our Python and the script where it is here."""
    there = {
        "python": sys.executable,
        "/opt/mpc-bridge/healthcheck.py": str(HEALTHCHECK),
    }
    words = [there.get(word, word) for word in command]
    return subprocess.run(words, env=environment, capture_output=True, text=True)


class Ill(BaseHTTPRequestHandler):
    """Answers that it is not well."""

    def do_GET(self) -> None:
        self.send_error(503)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def ill() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), Ill) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield int(server.server_address[1])
        server.shutdown()
        thread.join()


def test_the_check_tells_why(ill: int) -> None:
    """Not well, nobody there, or no address: 1, and a line to read."""
    nobody = free_port()
    for url, why in (
        (f"http://127.0.0.1:{ill}/healthz", "503"),
        (f"http://127.0.0.1:{nobody}/healthz", "refused"),
        ("nonsense", "nonsense"),
    ):
        check = subprocess.run(
            [sys.executable, "-I", HEALTHCHECK, url], capture_output=True, text=True
        )

        assert check.returncode == 1
        assert why in check.stderr
        assert len(check.stderr.splitlines()) == 1


@pytest.mark.slow
def test_the_check_needs_no_proxy() -> None:
    """One that the environment names is for the way out."""
    with serving() as bridge:
        environment = {
            "BRIDGE_PORT": str(bridge.port),
            "http_proxy": f"http://127.0.0.1:{free_port()}",
        }

        assert checked(FINAL.health_command(), environment).returncode == 0


def test_an_instruction_nobody_reads_is_an_error(tmp_path: Path) -> None:
    """`make image-check` never leaves a step out in silence."""
    (tmp_path / "Dockerfile").write_text("FROM scratch\nADD a b\n")

    with pytest.raises(ValueError, match="ADD, allowed are"):
        dockerfile.read(tmp_path / "Dockerfile")


def test_what_is_read_is_what_stands_there() -> None:
    """Lines that go on, JSON and words, variables."""
    assert FINAL.health_command()[0] == "python"
    assert FINAL.environment({"PATH": "/bin"})["PATH"] == "/opt/mpc-bridge/bin:/bin"
    assert re.fullmatch(r"apt-get update && +apt-get install .*", runs(FINAL)[0][:60])
    assert len(runs(STAGES[0])) == 3


def runs(stage: dockerfile.Stage) -> list[str]:
    return [each.text for each in stage.instructions if each.name == "RUN"]
