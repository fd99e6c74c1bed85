"""Models that run here: their files, their sessions, and the threads they run in.

Weights come from installed packages, are found without importing those, and are
checked against the hash they were tried with. A model never runs on the event loop.
"""

import asyncio
import contextvars
import dataclasses
import functools
import hashlib
import importlib
import importlib.util
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from bridge.errors import ConfigError

__all__ = [
    "EXTRA",
    "Asset",
    "Loader",
    "asset",
    "at_once",
    "in_thread",
    "is_installed",
    "session",
]

Result = TypeVar("Result")

EXTRA = "pip install 'mpc-bridge[local]'"


def is_installed(module: str) -> bool:
    """Whether a module is there; importing some takes half a second."""
    try:
        return importlib.util.find_spec(module) is not None
    except ValueError:
        return False


@dataclasses.dataclass(frozen=True, slots=True)
class Asset:
    """A file that a package carries."""

    path: Path
    sha256: str

    def content(self) -> bytes:
        """Read it.

        Raises:
            ConfigError: If it is another one than this was tried with.
        """
        try:
            content = self.path.read_bytes()
        except OSError as error:
            raise ConfigError(f"{self.path}: {error.strerror}") from error
        if hashlib.sha256(content).hexdigest() != self.sha256:
            raise ConfigError(f"{self.path} is another file than expected")
        return content


def asset(package: str, *path: str, sha256: str) -> Asset:
    """Find a file that a package carries, without importing the package.

    Raises:
        ConfigError: If the package is not installed.
    """
    found = importlib.util.find_spec(package) if is_installed(package) else None
    if found is None or found.origin is None:
        raise ConfigError(f"no {package} is installed: {EXTRA}")
    return Asset(Path(found.origin).parent.joinpath(*path), sha256)


def session(model: bytes) -> Any:
    """Open an ONNX model for one thread at a time of the caller's choice.

    Raises:
        ConfigError: If onnxruntime is not installed.
    """
    try:
        runtime = importlib.import_module("onnxruntime")
    except ImportError as error:
        raise ConfigError(f"no onnxruntime is installed: {EXTRA}") from error
    options = runtime.SessionOptions()
    # Calls are what is parallel here. A thread that spins takes from the others.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return runtime.InferenceSession(model, options, ["CPUExecutionProvider"])


@functools.cache
def _threads(kind: str, count: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(count, kind)


async def in_thread(work: Callable[..., Result], *arguments: Any) -> Result:
    """Run a model; what is cancelled before its turn has come, is not run.

    There are as many threads as cores: more would only make all of them late.
    """
    threads = _threads("speech", os.cpu_count() or 1)
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(threads, _in_context(work, arguments))


async def at_once(work: Callable[..., Result], *arguments: Any) -> Result:
    """Run a model that is small and must not wait for the large ones."""
    threads = _threads("voices", 1)
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(threads, _in_context(work, arguments))


def _in_context(
    work: Callable[..., Result], arguments: Sequence[Any]
) -> Callable[[], Result]:
    """As `asyncio.to_thread` does: what a model logs is about the same call."""
    return functools.partial(contextvars.copy_context().run, work, *arguments)


class Loader:
    """Loads a model once, on first use, in a thread.

    Args:
        load: Makes it.
    """

    def __init__(self, load: Callable[[], Any]) -> None:
        self._load = load
        self._lock = asyncio.Lock()
        self._loaded: Any = None

    async def __call__(self) -> Any:
        """The model."""
        if self._loaded is None:
            async with self._lock:
                if self._loaded is None:
                    self._loaded = await in_thread(self._load)
        return self._loaded
