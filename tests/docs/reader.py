"""Somebody who does what a page says, in a folder of their own."""

import contextlib
import itertools
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import soundfile

from tests.docs.pages import ROOT, Block, Page
from tests.ports import free_port

__all__ = ["Reader"]

CAPTURE = Path(__file__).parents[1] / "captures" / "echo.capture"
SPEECH = ROOT / "bridge" / "data" / "speech" / "caller.wav"
"""Recordings that a page takes for granted hold the beginning of this."""

PORTS = {
    "8765": "BRIDGE_PORT",
    "8766": "BRIDGE_CALLBACKS_PORT",
    "8767": "BRIDGE_ADMIN_PORT",
    "8080": "BRIDGE_ENGINE_PORT",
}
"""The ports of the pages, and the variables that move them to free ones."""

SERVERS = ("serve", "engine")
"""Commands that go on until they are stopped."""

NAMES = (*SERVERS, "server")

ASSIGNMENT = re.compile(r"\w+=")

ADDRESS = re.compile(r"\b(" + "|".join(PORTS) + r")\b|\b0\.0\.0\.0\b")

LONGEST_S = 240

WATCHED_S = 3
"""How long a display that goes on is looked at."""

PYTHON = """
import ast, asyncio, inspect, pathlib, sys
name = sys.argv[1]
flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
code = compile(pathlib.Path(name).read_text(), name, "exec", flags=flags)
names = {"__name__": "__docs__", "__file__": name}
if code.co_flags & inspect.CO_COROUTINE:
    asyncio.run(eval(code, names))
else:
    exec(code, names)
"""
"""Runs a file in which `await` may stand outside of functions."""


class Reader:
    """Follows a page; what went wrong is in `complaints`.

    Args:
        folder: An empty one; files go there, commands run there.
    """

    def __init__(self, folder: Path) -> None:
        self.complaints: list[str] = []
        self._typed = ""
        self._folder = folder
        self._servers: dict[str, subprocess.Popen[bytes]] = {}
        self._ports = {port: str(free_port()) for port in PORTS}
        # Nor is it measured what lines of ours these runs pass: it takes time.
        own = ("BRIDGE_", "PLIVO_", "COVERAGE_")
        self._environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(own)
        }
        self._environment |= {PORTS[port]: self._ports[port] for port in PORTS}
        tools = Path(sys.executable).parent
        self._environment["PATH"] = f"{tools}{os.pathsep}{os.environ['PATH']}"
        (folder / "samples").symlink_to(ROOT / "samples")

    def follow(self, page: Page) -> None:
        """Do all that it says, from top to bottom; stop its servers at the end.

        What a page says is not run is written into files, and no more.
        """
        blocks = list(page.blocks())
        self._typed = "\n".join(block.text for block in blocks if block.is_shell)
        try:
            # A page may show a command before the file that it uses.
            for block in reversed(blocks):
                if block.file_name and not block.is_continued:
                    self._write(block)
            for block in blocks:
                self._give(block)
                if page.reason(block) is None:
                    self._do(block)
        finally:
            for name in list(self._servers):
                self._stop(name)

    def _do(self, block: Block) -> None:
        if block.is_shell:
            for command in block.commands():
                self._run(command, block.place)
        elif block.file_name:
            self._write(block)
        try:
            match block.language:
                case "python" if not self._is_used(block):
                    self._run_python(block)
                case "toml":
                    tomllib.loads(block.text)
                case "json":
                    _parse_json(block.text)
        except ValueError as error:
            self.complaints.append(f"{block.place}: {error}")

    def _is_used(self, block: Block) -> bool:
        """Whether a command takes it, and so runs it."""
        return block.file_name is not None and block.file_name in self._typed

    # ------------------------------------------------------------------ files

    def _give(self, block: Block) -> None:
        if before := block.order("before"):
            self._run(before, block.place)
        for name in (block.order("given") or "").replace(",", " ").split():
            if name.endswith(".capture"):
                shutil.copy(CAPTURE, self._folder / name)
                continue
            samples, rate_hz = soundfile.read(SPEECH, dtype="int16")
            soundfile.write(self._folder / name, samples[: 3 * rate_hz], rate_hz)

    def _write(self, block: Block) -> None:
        path = self._folder / str(block.file_name)
        path.parent.mkdir(parents=True, exist_ok=True)
        before = path.read_text() if block.is_continued and path.exists() else ""
        path.write_text(before + self._here(block.text))

    def _run_python(self, block: Block) -> None:
        name = block.file_name
        if name is None:
            name = f"block_{block.line}.py"
            (self._folder / name).write_text(self._here(block.text))
        self._run(f"python -c {shlex.quote(PYTHON)} {name}", block.place)

    def _here(self, text: str) -> str:
        """With the ports that are ours, and on loopback."""
        return ADDRESS.sub(lambda found: self._ports.get(found[0], "127.0.0.1"), text)

    # --------------------------------------------------------------- commands

    def _run(self, command: str, place: str) -> None:
        words = shlex.split(command)
        # `NAME=value mpc-bridge serve` is a command of ours.
        words = list(itertools.dropwhile(ASSIGNMENT.match, words)) or words
        if words[0] == "export":
            self._environment |= dict(word.split("=", 1) for word in words[1:])
        elif words[0] in INSTEAD:
            self.complaints += [f"{place}: {what}" for what in INSTEAD[words[0]](words)]
        elif "--watch" in words:
            self._watch(self._here(command), place)
        elif words[-1] == "&" or (words[0] == "mpc-bridge" and words[1] in SERVERS):
            self._start(self._here(command.rstrip("& ")), place)
        else:
            self._wait_for(self._here(command), place)

    def _wait_for(self, command: str, place: str) -> None:
        running = self._open(command, self._folder / "output")
        try:
            code = running.wait(LONGEST_S)
        except subprocess.TimeoutExpired:
            code = -1
            _end(running, signal.SIGKILL)
        # 3: the load run says that this machine was too busy to believe it.
        if code != 0 and not (code == 3 and "mpc-bridge load" in command):
            said = (self._folder / "output").read_text(errors="replace")
            how = "took too long" if code == -1 else f"exit code {code}"
            self.complaints.append(f"{place}: {command}: {how}\n{said[-3000:]}")

    def _watch(self, command: str, place: str) -> None:
        """Look for a while, and press Ctrl-C."""
        output = self._folder / "output"
        running = self._open(command, output)
        try:
            running.wait(WATCHED_S)
        except subprocess.TimeoutExpired:
            _end(running, signal.SIGINT, signal.SIGKILL)
        else:
            said = output.read_text(errors="replace")
            self.complaints.append(f"{place}: {command}: ended by itself\n{said}")

    def _start(self, command: str, place: str) -> None:
        name = next(word for word in (*shlex.split(command), "server") if word in NAMES)
        if "--port" not in command:
            self._stop(name)
        while name in self._servers:
            name += "+"
        output = self._folder / f"output-{name}"
        running = self._open(command, output)
        self._servers[name] = running
        give_up = time.monotonic() + LONGEST_S
        while running.poll() is None and time.monotonic() < give_up:
            if "127.0.0.1" in output.read_text(errors="replace"):
                return
            time.sleep(0.05)
        del self._servers[name]
        _end(running, signal.SIGKILL)
        said = output.read_text(errors="replace")
        self.complaints.append(f"{place}: {command}: did not start\n{said}")

    def _stop(self, name: str) -> None:
        running = self._servers.pop(name, None)
        if running is None:
            return
        if running.poll() is not None:
            said = (self._folder / f"output-{name}").read_text(errors="replace")
            self.complaints.append(f"{name} ended by itself\n{said[-3000:]}")
            return
        # The second does not wait for calls to end.
        _end(running, signal.SIGTERM, signal.SIGINT, signal.SIGKILL)

    def _open(self, command: str, output: Path) -> subprocess.Popen[bytes]:
        with output.open("wb") as file:
            return subprocess.Popen(
                ["bash", "-c", command],
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )


def _end(running: subprocess.Popen[bytes], *signals: signal.Signals) -> None:
    """Send a process and its children one signal after the other, until it ends."""
    for number in signals:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.pid, number)
        try:
            running.wait(5 if number is signals[-1] else 1.5)
        except subprocess.TimeoutExpired:
            continue
        return


def _parse_json(text: str) -> None:
    """See that a text is JSON, one document after the other.

    Raises:
        ValueError: If it is not.
    """
    while text := text.strip():
        _, end = json.JSONDecoder().raw_decode(text)
        text = text[end:]


def _pip(words: list[str]) -> list[str]:
    """Installing is not run; but the extras must be there."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = re.findall(r"mpc-bridge\[([\w,]+)\]", " ".join(words))
    extras = {extra for each in asked for extra in each.split(",")}
    unknown = extras - set(project["optional-dependencies"])
    return [f"there is no extra {extra}" for extra in sorted(unknown)]


def _make(words: list[str]) -> list[str]:
    """It sets up an environment of its own; but the targets must be there."""
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    asked = [word for word in words[1:] if not ASSIGNMENT.match(word)]
    return [f"make has no {each}" for each in asked if each not in targets]


INSTEAD = {"pip": _pip, "make": _make}
"""Commands that are checked, and not run."""
