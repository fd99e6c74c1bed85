"""How a server takes part in a fleet."""

import datetime
import importlib
import secrets
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from bridge.call.session import Session
from bridge.errors import ConfigError
from bridge.metrics import Metrics
from bridge.multiparty.callbacks import Callback
from bridge.server import shown
from bridge.server.fleet import Alone, Carrier, Fleet, FleetCall
from bridge.server.options import ServerOptions
from bridge.server.workers.fleet import WorkersFleet
from bridge.server.workers.spoke import Spoke

__all__ = ["carrier", "fleet_call", "joined", "name_of_this"]


@asynccontextmanager
async def joined(
    options: ServerOptions,
    carrier: Carrier,
    metrics: Metrics,
    spoke: Spoke | None = None,
) -> AsyncIterator[Fleet]:
    """Be one of the fleet that the options name, while the block runs.

    Args:
        options: With the URL of a Redis, where there is one.
        carrier: What this one can do with its calls.
        metrics: The process's counts.
        spoke: To the other workers of the same server; without a Redis they are the
            fleet, with one each of them is an instance there.

    Raises:
        ConfigError: If the URL is none of Redis, or its extra is not installed.
    """
    name = options.instance or name_of_this()
    if spoke is not None:
        name = f"{name}-{spoke.number}"
    if spoke is not None and not options.redis.get_secret_value():
        yield WorkersFleet(name, carrier, spoke)
        return
    if not options.redis.get_secret_value():
        yield Alone(name, carrier)
        return
    try:
        module = importlib.import_module("bridge.server.redis_fleet")
    except ImportError as error:
        raise ConfigError(
            f"redis: {error.name} is missing: pip install 'mpc-bridge[redis]'"
        ) from error
    fleet = module.RedisFleet(
        options.redis, options.redis_prefix, name, carrier, metrics
    )
    async with fleet.running():
        yield fleet


def name_of_this() -> str:
    """Make a name for an instance that was given none."""
    return f"{socket.gethostname()}-{secrets.token_hex(3)}"


def carrier(
    find: Callable[[str], Session | None], take: Callable[[Callback], object]
) -> Carrier:
    """Show and end the calls that are found here, and take callbacks for them."""

    def show(stream_id: str) -> dict[str, Any] | None:
        session = find(stream_id)
        return None if session is None else shown.detail(session)

    def end(stream_id: str, reason: str) -> bool:
        session = find(stream_id)
        if session is not None:
            session.end(reason, "operator")
        return session is not None

    return Carrier(describe=show, end=end, take=take)


def fleet_call(session: Session, bot: str, instance: str) -> FleetCall:
    """Tell of a call that begins now."""
    call = session.call
    return FleetCall(
        stream_id=call.stream_id,
        call_uuid=call.call_uuid,
        account=call.account_id,
        bot=bot,
        instance=instance,
        since_s=round(datetime.datetime.now(datetime.UTC).timestamp(), 3),
        mpc_uuid=call.mpc_uuid,
    )
