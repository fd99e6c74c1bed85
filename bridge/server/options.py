"""Every limit and deadline of the listener."""

import dataclasses
import math

from pydantic import SecretStr

from bridge.errors import ConfigError

__all__ = ["ServerOptions"]

HIGHEST_PORT = 65535


@dataclasses.dataclass(frozen=True, slots=True)
class ServerOptions:
    """How the listener behaves; the defaults suit Plivo."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = 8765
    """Port to listen on; 0 takes a free one."""
    callbacks: bool = False
    """Whether Plivo's callbacks are taken, at /callbacks on a port of their own; they
    tell bots who joins and leaves, and that they are muted or held."""
    callbacks_port: int = 8766
    """The port for callbacks; 0 takes a free one."""
    callbacks_url: str = ""
    """The URL of the callbacks as Plivo knows it, for their signatures; empty: as the
    request says."""
    redis: SecretStr = dataclasses.field(default_factory=lambda: SecretStr(""))
    """The URL of a Redis where several instances meet; `redis://`, `rediss://` for TLS,
    or `unix://`. Empty: this one is alone."""
    redis_prefix: str = "mpc-bridge"
    """What all keys in Redis begin with; instances of one prefix are one fleet."""
    instance: str = ""
    """The name of this instance in its fleet; empty: the host's and a few random
    characters."""
    max_streams: int = 1000
    """Upgrades beyond this many open streams get 503 with Retry-After."""
    max_message_bytes: int = 1024 * 1024
    """A WebSocket message longer than this closes its socket with 1009. Plivo's own
    limit is 64 KB; what lies between is refused, and the stream goes on."""
    handshake_timeout_s: float = 10.0
    """From the connection to the complete upgrade request."""
    start_timeout_s: float = 10.0
    """From the upgrade to `start`."""
    idle_timeout_s: float = 60.0
    """Without any message; a live stream brings 50 frames a second."""
    send_timeout_s: float = 5.0
    """How long the far end may read nothing while we have something to send."""
    ping_interval_s: float = 20.0
    """Between our WebSocket pings."""
    ping_timeout_s: float = 20.0
    """From a ping to its pong."""
    close_timeout_s: float = 3.0
    """From our close frame to the far end's."""
    resume_s: float = 2.0
    """How long a call outlives a socket that broke without a close frame."""
    drain_s: float = 30.0
    """How long calls may go on once the server is told to stop."""
    retry_after_s: int = 5
    """What a refused upgrade is told to wait."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.type in (int, float) and not 0 <= value < math.inf:
                raise ConfigError(f"{field.name}: {value}, allowed is 0 or more")
            if field.name.endswith(("_timeout_s", "_interval_s")) and not value:
                raise ConfigError(f"{field.name}: 0, allowed is more than 0")
        for name in ("port", "callbacks_port"):
            if getattr(self, name) > HIGHEST_PORT:
                raise ConfigError(
                    f"{name}: {getattr(self, name)}, allowed are 0 to {HIGHEST_PORT}"
                )
        for name in ("redis_prefix", "instance"):
            value = getattr(self, name)
            if not value.isprintable() or "#" in value:
                raise ConfigError(
                    f"{name}: {value!r}, allowed is text without # and line breaks"
                )
        for name in ("max_streams", "max_message_bytes"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}: 0, allowed is 1 or more")
