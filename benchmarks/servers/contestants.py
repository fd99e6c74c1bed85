"""Who is measured, and how each is started."""

import dataclasses
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

__all__ = [
    "BARE",
    "BARE_IN_C",
    "FLOOR",
    "ROOT",
    "Contestant",
    "all_of_them",
    "transports",
]

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
VENVS = ROOT / ".venv-peers"

L16 = "audio/x-l16;rate=8000"
MULAW = "audio/x-mulaw;rate=8000"

BARE = "bare loopback echo"
BARE_IN_C = f"{BARE}, in C"
FLOOR = "floor, in C: decodes, filters to 16 kHz and back, encodes"

TRANSPORTS = ("websockets", "picows")


@dataclasses.dataclass(frozen=True)
class Contestant:
    """A server that repeats its callers."""

    name: str
    command: tuple[str, ...]
    """Prints JSON with its `port` when it is ready."""
    content_type: str = L16
    is_bare: bool = False
    """Whether it sends back bytes, and knows no WebSocket."""
    is_compiled: bool = False
    """Whether it needs a C compiler."""

    @property
    def is_installed(self) -> bool:
        """Whether there is what runs it."""
        has_compiler = shutil.which("cc") is not None
        return Path(self.command[0]).exists() and (has_compiler or not self.is_compiled)

    @property
    def is_ours(self) -> bool:
        """Whether it is this project's."""
        return self.name.startswith("mpc-bridge")


def all_of_them(transports: tuple[str, ...]) -> Iterator[Contestant]:
    """Everybody, the floor first; whether they are installed or not.

    Args:
        transports: Of ours; none where `serve` has no such choice.
    """
    yield Contestant(
        BARE, (sys.executable, "-m", "benchmarks.servers.bare"), is_bare=True
    )
    floor = (sys.executable, "-m", "benchmarks.servers.floor")
    yield Contestant(BARE_IN_C, (*floor, "--bare"), is_bare=True, is_compiled=True)
    yield Contestant(FLOOR, floor, is_compiled=True)
    for transport in transports or ("",):
        yield from _ours(transport)
    yield _peer("websockets + json", sys.executable, "bare_echo.py")
    sdk = VENVS / "sdk/bin/python"
    yield _peer("plivo-stream-sdk", sdk, "plivo_sdk_echo.py")
    yield _peer("plivo-stream-sdk, 16 kHz", sdk, "plivo_sdk_echo.py", "--rate=16000")
    pipecat = VENVS / "pipecat/bin/python"
    yield _peer("pipecat, 8 kHz", pipecat, "pipecat_echo.py", "--rate=8000")
    yield _peer("pipecat, 16 kHz", pipecat, "pipecat_echo.py", "--rate=16000")
    yield _peer("pipecat, its default rates", pipecat, "pipecat_echo.py", "--rate=0")


def _ours(transport: str) -> Iterator[Contestant]:
    shown = f" ({transport})" if transport else ""
    serve = ["--port", "0", "--json", "--log-level", "error", "--max-streams", "2000"]
    serve += ["--bot", "echo", *(("--transport", transport) if transport else ())]
    for rate_hz, content_type in (
        *((8000, L16), (16000, L16), (24000, L16)),
        *((8000, MULAW), (16000, MULAW)),
    ):
        rate = f"sample_rate_hz={rate_hz}"
        line = "mu-law, " if content_type == MULAW else ""
        yield Contestant(
            f"mpc-bridge{shown}, {line}{rate_hz // 1000} kHz bot",
            (sys.executable, "-m", "bridge", "serve", *serve, "--bot-option", rate),
            content_type,
        )


def _peer(name: str, python: Path | str, program: str, *flags: str) -> Contestant:
    # mu-law, since pipecat's serializer takes whatever comes for that.
    command = (str(python), str(HERE / "peers" / program), *flags)
    return Contestant(f"{name}, mu-law", command, MULAW)


def transports() -> tuple[str, ...]:
    """What `serve` can be run on here; none where it has no such choice."""
    serve = [sys.executable, "-m", "bridge", "serve"]
    told = subprocess.run(
        [*serve, "--help"], capture_output=True, text=True, check=True
    )
    if "--transport" not in told.stdout:
        return ()
    return tuple(name for name in TRANSPORTS if name in told.stdout and _has(name))


def _has(module: str) -> bool:
    found = subprocess.run(
        [sys.executable, "-c", f"import {module}"],
        stderr=subprocess.DEVNULL,
        check=False,
    )
    return found.returncode == 0
