"""An HTTP client that connects only to addresses that were checked.

The seam is where httpcore opens a connection: above it the URL, the Host header and
the name that TLS asks for stay those of the request.
"""

from collections.abc import Iterable

import httpcore
import httpx

from bridge.engine.resolver import Resolver

__all__ = ["client"]

MOST_CONNECTIONS = 500
MOST_IDLE = 50


class _Backend(httpcore.AsyncNetworkBackend):
    """Opens connections to what a resolver allows."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address that answers.

        Raises:
            OutOfReachError: If one of the host's addresses is not allowed.
            httpcore.ConnectError: If none answers.
        """
        try:
            addresses = await self._resolver.addresses(host, port)
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in addresses:
            try:
                return await self._inner.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def sleep(self, seconds: float) -> None:
        """Wait between attempts."""
        await self._inner.sleep(seconds)


class _Transport(httpx.AsyncHTTPTransport):
    """httpx's own, with connections of our making."""

    def __init__(self, resolver: Resolver) -> None:
        super().__init__(trust_env=False)
        # httpx has no argument for it; its pool is made anew, before it is used.
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=httpx.create_ssl_context(trust_env=False),
            max_connections=MOST_CONNECTIONS,
            max_keepalive_connections=MOST_IDLE,
            keepalive_expiry=5.0,
            network_backend=_Backend(resolver),
        )


def client(resolver: Resolver) -> httpx.AsyncClient:
    """For callbacks and sounds; a proxy of the environment is not for them.

    Redirects are answers like any other: nobody is sent elsewhere.
    """
    return httpx.AsyncClient(
        transport=_Transport(resolver), follow_redirects=False, trust_env=False
    )
