"""The server put together: bots, listeners, callbacks, certificate."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from pydantic import SecretStr

from bridge.call.bot import InService
from bridge.call.fallback import with_fallback
from bridge.call.options import CallOptions
from bridge.control.callbacks import Callbacks
from bridge.control.options import PlivoOptions
from bridge.errors import ConfigError
from bridge.hosts import is_loopback
from bridge.listening import http_server, listen
from bridge.server import membership
from bridge.server.admin import admin_app
from bridge.server.bridge_server import BridgeServer
from bridge.server.capturing import recording
from bridge.server.descriptors import watch_descriptors
from bridge.server.options import ServerOptions
from bridge.server.stalls import watch_stalls
from bridge.server.tls import Certificate
from bridge.server.tracing import tracing
from bridge.server.workers.joining import taking_part
from bridge.server.workers.spoke import Spoke
from bridge.tasks import background

__all__ = ["BridgeServer", "serving"]

_LOG = logging.getLogger(__name__)

TLS_HANDSHAKE_S = 4.0
"""Meanwhile a connection is nobody's yet, and cannot be dropped for another."""


@asynccontextmanager
async def serving(
    bots: Mapping[str, InService],
    options: ServerOptions | None = None,
    call_options: CallOptions | None = None,
    plivo: PlivoOptions | None = None,
    spoke: Spoke | None = None,
) -> AsyncIterator[BridgeServer]:
    """Serve while the block runs; leaving it drains.

    Args:
        bots: Who answers, by name.
        options: Of the listener.
        call_options: Of the calls.
        plivo: The account: for what bots do to their calls, and for the signatures of
            streams and callbacks; without it, bots only talk, and what comes is taken
            unsigned.
        spoke: To the other processes that share the ports, where this is a worker.

    Raises:
        ConfigError: If there is no bot, an address cannot be listened on, or something
            is asked of streams that there is no secret for.
    """
    if not bots:
        raise ConfigError("no bot to answer with")
    options = options or ServerOptions()
    call_options = call_options or CallOptions()
    has_account = plivo is not None and bool(plivo.auth_id)
    bots = with_fallback(bots, call_options, has_account=has_account)
    async with AsyncExitStack() as stack:
        around = await stack.enter_async_context(tracing(options))
        await _set_up(bots, stack)
        recorder = await stack.enter_async_context(recording(call_options.capture))
        # Before the calls: the last of them may still take somebody off hold.
        client = None
        if plivo is not None and plivo.auth_id:
            client = await stack.enter_async_context(plivo.client())
        spawn = await stack.enter_async_context(background())
        auth_token = _auth_token(plivo)
        server = BridgeServer(bots, options, call_options, auth_token, spawn)
        server.client = client
        server.recorder = recorder
        server.tracing = around
        spawn("stalls", watch_stalls(server.metrics))
        spawn("descriptors", watch_descriptors())
        certificate = _certificate(options)
        server.callbacks = Callbacks(auth_token, public_url=options.callbacks_url)
        server.callbacks.listen(server.roster.take)
        server.fleet = await stack.enter_async_context(
            membership.joined(options, server.carrier, server.metrics, spoke)
        )
        if spoke is not None:
            await stack.enter_async_context(taking_part(server, spoke))
        server.callbacks.on_received = server.fleet.publish_callback
        if certificate is not None:
            spawn("certificate", certificate.follow())
            server.reload_certificate = certificate.reload
        shares_port = spoke is not None
        listener = await _listener(server, certificate, shares_port=shares_port)
        server.port = listener.sockets[0].getsockname()[1]
        stack.callback(listener.close)
        server.closers.append(listener.close)
        if options.callbacks:
            await stack.enter_async_context(
                _taking_callbacks(
                    server, auth_token, certificate, shares_port=shares_port
                )
            )
        if options.admin.admin:
            await stack.enter_async_context(
                _administered(server, certificate, shares_port=shares_port)
            )
        server.admission.is_ready = True
        needed = server.admission.authentication.needed
        _LOG.info(
            "serving %s on %s; a stream needs %s", ", ".join(bots), server.url, needed
        )
        if needed == "nothing" and not is_loopback(options.host):
            _LOG.warning(
                "ANYBODY WHO REACHES %s CAN OPEN STREAMS: set PLIVO_AUTH_TOKEN, so "
                "that Plivo's signature is asked for, or BRIDGE_STREAM_SECRET",
                server.url,
            )
        try:
            yield server
        finally:
            await server.drain()
            server.on_drained()


async def _set_up(bots: Mapping[str, InService], stack: AsyncExitStack) -> None:
    for bot in bots.values():
        try:
            await bot.setup()
        # The edge of a bot: what its setup raises is for its author.
        except Exception as error:
            _LOG.exception("bot %s: setup failed", bot.name)
            raise ConfigError(f"bot {bot.name}: setup failed: {error}") from error
        stack.push_async_callback(bot.close)


async def _listener(
    server: BridgeServer, certificate: Certificate | None, *, shares_port: bool
) -> asyncio.Server:
    options = server.options
    handshake_s = min(options.handshake_timeout_s, TLS_HANDSHAKE_S)
    try:
        return await asyncio.get_running_loop().create_server(
            server.connection,
            options.host,
            options.port,
            backlog=1024,
            ssl=certificate.context if certificate else None,
            ssl_handshake_timeout=handshake_s if certificate else None,
            reuse_port=shares_port or None,
        )
    except OSError as error:
        raise ConfigError(
            f"cannot listen on {options.host}:{options.port}: {error.strerror}"
        ) from error


@asynccontextmanager
async def _taking_callbacks(
    server: BridgeServer,
    auth_token: SecretStr | None,
    certificate: Certificate | None,
    *,
    shares_port: bool,
) -> AsyncIterator[None]:
    """Take callbacks while the block runs, and tell the calls."""
    options = server.options
    if auth_token is None:
        _LOG.warning("callbacks are taken unsigned: anybody may send some")
    listener = listen(options.host, options.callbacks_port, shares_port=shares_port)
    server.callbacks_port = listener.getsockname()[1]
    tls = certificate.context if certificate is not None else None
    async with http_server(server.callbacks.app(), listener, tls) as close:
        server.closers.append(close)
        yield


@asynccontextmanager
async def _administered(
    server: BridgeServer, certificate: Certificate | None, *, shares_port: bool
) -> AsyncIterator[None]:
    """Answer those who run the server, while the block runs."""
    options = server.options.admin
    listener = listen(options.admin_host, options.admin_port, shares_port=shares_port)
    server.admin_port = listener.getsockname()[1]
    tls = certificate.context if certificate is not None else None
    async with http_server(
        admin_app(server, options.admin_token), listener, tls
    ) as close:
        server.closers.append(close)
        yield


def _certificate(options: ServerOptions) -> Certificate | None:
    access = options.access
    if not access.tls_certificate:
        return None
    key = Path(access.tls_key) if access.tls_key else None
    return Certificate(Path(access.tls_certificate), key)


def _auth_token(plivo: PlivoOptions | None) -> SecretStr | None:
    if plivo is None or not plivo.auth_token.get_secret_value():
        return None
    return plivo.auth_token
