"""A bridge as a process, for what stands before it."""

import contextlib
import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import urlsplit

__all__ = ["Serving", "serving"]


@dataclasses.dataclass(frozen=True, slots=True)
class Serving:
    """A bridge that runs."""

    port: int
    callbacks_port: int


@contextlib.contextmanager
def serving(**variables: str) -> Iterator[Serving]:
    """Have a bridge with an echo and callbacks while the block runs.

    Args:
        variables: Of its environment; addresses are loopback's, and ports free ones.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "bridge", "serve", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={
            **os.environ,
            "BRIDGE_CALLBACKS": "true",
            **variables,
            "BRIDGE_HOST": "127.0.0.1",
            "BRIDGE_PORT": "0",
            "BRIDGE_CALLBACKS_PORT": "0",
            "BRIDGE_ADMIN_PORT": "0",
        },
    )
    try:
        assert process.stdout is not None
        assert process.stderr is not None
        said = process.stdout.readline()
        assert said, process.stderr.read()
        facts = json.loads(said)
        yield Serving(facts["port"], urlsplit(facts["callbacks"]).port or 0)
    finally:
        process.terminate()
        process.communicate(timeout=60)
