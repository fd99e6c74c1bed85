"""Where figures were measured, and with what."""

import datetime
import json
import os
import platform
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.servers.contestants import VENVS

__all__ = ["command_line", "described", "today", "versions"]

OURS = ("mpc-bridge", "uvloop", "websockets", "picows", "numpy", "msgspec")

PEERS: Mapping[str, tuple[str, ...]] = {
    "sdk": ("plivo-stream-sdk",),
    "pipecat": ("pipecat-ai",),
}
"""By their venv."""

ASK = """
import importlib.metadata, json, sys
print(json.dumps({name: importlib.metadata.version(name) for name in sys.argv[1:]}))
"""


def described() -> str:
    """The machine, in a line."""
    return (
        f"{_model()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}"
    )


def _model() -> str:
    file = Path("/proc/cpuinfo")
    lines = file.read_text().splitlines() if file.exists() else []
    named = [line.partition(":")[2].strip() for line in lines if "model name" in line]
    return named[0] if named else platform.processor() or platform.machine()


def versions() -> dict[str, str]:
    """Of all that takes part, as far as it is installed."""
    found = {"Python": platform.python_version()}
    for name in OURS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    for venv, names in PEERS.items():
        python = VENVS / venv / "bin/python"
        if python.exists():
            asked = subprocess.run(
                [python, "-c", ASK, *names], capture_output=True, text=True, check=False
            )
            if asked.returncode == 0:
                found |= json.loads(asked.stdout.splitlines()[-1])
    return found


def today() -> str:
    """The date, as it stands beside figures."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d")


def command_line(arguments: Sequence[str]) -> str:
    """What was typed; where it was saved to is nobody's matter."""
    words = list(arguments)
    if "--save" in words:
        place = words.index("--save")
        del words[place : place + 2]
    return shlex.join(["python", "-m", "benchmarks.servers", *words])
