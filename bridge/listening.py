"""An ASGI application on a port, for the length of a block."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from bridge.errors import ConfigError
from bridge.tasks import background

__all__ = ["http_server", "listen", "reserve"]

CLOSE_TIMEOUT_S = 2.0

HEAD_TIMEOUT_S = 10.0
"""From a connection to its first request; uvicorn itself would wait for ever."""

MOST_CONNECTIONS = 500


class _Bounded(H11Protocol):
    """Waits for no request for ever, and keeps so many connections and no more."""

    def connection_made(  # type: ignore[override]
        self, transport: asyncio.Transport
    ) -> None:
        """Begin with the deadline of the first request's head."""
        super().connection_made(transport)
        self._head_by = self.loop.call_later(HEAD_TIMEOUT_S, self._give_up)
        if len(self.connections) > MOST_CONNECTIONS:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """It needs no deadline any more."""
        self._head_by.cancel()
        super().connection_lost(exc)

    def _give_up(self) -> None:
        # Later requests of a connection are minded by the time it is kept alive.
        if self.cycle is None and not self.transport.is_closing():
            self.transport.abort()


class _QuietServer(uvicorn.Server):
    """Leaves the process's signals to the process, and says when it is up."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve."""
        await super().startup(sockets)
        self.ready.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield

    def stop_listening(self) -> None:
        """Take no new connections; those that there are go on."""
        for each in self.servers:
            each.close()


@contextlib.asynccontextmanager
async def http_server(
    app: ASGIApp, listener: socket.socket, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Callable[[], None]]:
    """Serve an application while the block runs; it is up when the block begins.

    The block gets a function that stops taking connections before it ends.
    """
    config = uvicorn.Config(
        app, http=_Bounded, log_config=None, access_log=False, lifespan="off"
    )
    config.load()
    config.ssl = tls
    server = _QuietServer(config)
    async with background() as spawn:
        serving = spawn("http", server.serve(sockets=[listener]))
        await server.ready.wait()
        try:
            yield server.stop_listening
        finally:
            server.should_exit = True
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait({serving}, timeout=CLOSE_TIMEOUT_S)


def listen(host: str, port: int, *, shares_port: bool = False) -> socket.socket:
    """Take a port; 0 takes a free one.

    Args:
        host: Where.
        port: Which.
        shares_port: With others that do so too: each gets some of the connections.

    Raises:
        ConfigError: If it cannot be had.
    """
    listener = _bound(host, port, shares_port=shares_port)
    listener.listen(1024)
    return listener


def reserve(host: str, port: int) -> socket.socket:
    """Keep a port, without taking connections, for processes that will share it.

    Raises:
        ConfigError: If it cannot be had, or the platform has no ports to share.
    """
    if not hasattr(socket, "SO_REUSEPORT"):
        raise ConfigError("workers: this platform has no SO_REUSEPORT, allowed is 1")
    if port:
        # Somebody else who would share it: then it is not ours to give.
        listen(host, port).close()
    return _bound(host, port, shares_port=True)


def _bound(host: str, port: int, *, shares_port: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's delays off only where the protocol is named.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shares_port:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind((host, port))
    except OverflowError as error:
        listener.close()
        raise ConfigError(f"port: {port}, allowed are 0 to 65535") from error
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"cannot listen on {host}:{port}: {error.strerror}"
        ) from error
    return listener
