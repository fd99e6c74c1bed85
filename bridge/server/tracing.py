"""Whether calls are traced; what traces them is imported only then."""

import importlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from typing import TypeAlias

from bridge.call.session import Session
from bridge.errors import ConfigError
from bridge.server.options import ServerOptions

__all__ = ["Around", "tracing", "untraced"]

Around: TypeAlias = Callable[[Session], AbstractContextManager[None]]
"""Makes the block that a call is run in."""


def untraced(_session: Session) -> AbstractContextManager[None]:
    """Nothing around a call."""
    return nullcontext()


@asynccontextmanager
async def tracing(options: ServerOptions) -> AsyncIterator[Around]:
    """Trace calls while the block runs, if the options say so.

    Raises:
        ConfigError: If the extra is not installed, or an OTEL_* variable is wrong.
    """
    if not options.traces:
        yield untraced
        return
    try:
        spans = importlib.import_module("bridge.server.spans")
    except ModuleNotFoundError as error:
        if str(error.name).startswith("bridge"):
            raise
        raise ConfigError(
            f"--traces needs {error.name}: pip install 'mpc-bridge[otel]'"
        ) from error
    async with spans.exporting(with_text=options.traces_text) as traces:
        yield traces.of
