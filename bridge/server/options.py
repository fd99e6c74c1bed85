"""Every limit and deadline of the listener, and whom it lets in."""

import dataclasses
import math
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pydantic import SecretStr

from bridge.control import tokens
from bridge.errors import ConfigError
from bridge.hosts import is_loopback
from bridge.server.proxies import Proxies

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["AccessOptions", "AdminOptions", "ServerOptions"]

HIGHEST_PORT = 65535

AT_LEAST_ONE = (
    *("max_streams", "max_message_bytes", "max_header_bytes", "max_url_bytes"),
    *("max_waiting", "handshakes_per_s", "refusals_per_minute", "max_frames_per_s"),
    "workers",
)

SHORTEST_SILENCE_S = 2.0
"""Of a worker: a busy machine, and its disks, make stalls of a second."""

TRANSPORTS = ("auto", "websockets", "picows")

STREAM_AUTH = ("auto", "none", "signature", "token", "either", "both")

NO_SECRET = SecretStr("")


@dataclasses.dataclass(frozen=True, slots=True)
class AccessOptions:
    """Who may open a stream, and how many."""

    stream_auth: str = "auto"
    """What an upgrade must carry: `signature` (Plivo's, by the account's auth token),
    `token` (an invitation, by the stream secret), `either`, `both`, `none`; `auto` is
    whichever of them there is a secret for."""
    stream_secret: SecretStr = NO_SECRET
    """Shared by whoever invites AI agents and by the server; 32 bytes or more."""
    nonce_window_s: float = 600.0
    """How long a signature's nonce is remembered, and refused when it comes again."""
    public_url: str = ""
    """Where Plivo dials the server, as `wss://bridge.example.com`, for signatures and
    tokens; empty: as the request says."""
    trusted_proxies: str = ""
    """Addresses and networks whose X-Forwarded headers are believed, by commas."""
    tls_certificate: str = ""
    """A PEM file with the chain; the server then speaks wss:// and https://. It is
    loaded anew when it changes."""
    tls_key: str = ""
    """A PEM file with its key; empty: it is in the same file."""
    max_header_bytes: int = 16384
    """A request with a longer head gets 431; with a longer URL, 414."""
    max_url_bytes: int = 4096
    """Of the URL in a request."""
    max_waiting: int = 500
    """Connections that are not a stream yet; beyond it the oldest are dropped."""
    handshakes_per_s: float = 200.0
    """Upgrades beyond it, and a burst of five seconds' worth, get 503."""
    refusals_per_minute: int = 60
    """To one address; of more the answer is 429, and nothing is logged."""
    max_frames_per_s: float = 500.0
    """WebSocket frames of a stream, ten times what Plivo sends; beyond it, and four
    seconds' worth at once, they are read no faster."""
    max_streams_per_address: int = 0
    """Upgrades beyond it get 503; 0: no limit, since Plivo comes from few addresses."""
    max_streams_per_account: int = 0
    """Streams beyond it are closed with 1013 when they start; 0: no limit."""

    def __post_init__(self) -> None:
        """Check what can be before a server is there."""
        _check_numbers(self)
        if self.stream_auth not in STREAM_AUTH:
            allowed = ", ".join(STREAM_AUTH)
            raise ConfigError(
                f"stream_auth: {self.stream_auth!r}, allowed are {allowed}"
            )
        tokens.check_secret(self.stream_secret)
        Proxies(self.trusted_proxies)
        public = urlsplit(self.public_url)
        if self.public_url and (
            public.scheme not in ("ws", "wss") or not public.netloc
        ):
            raise ConfigError(
                f"public_url: {self.public_url!r}, allowed is ws://... or wss://..."
            )
        if self.tls_key and not self.tls_certificate:
            raise ConfigError("tls_key: there is no tls_certificate to go with it")


@dataclasses.dataclass(frozen=True, slots=True)
class AdminOptions:
    """An address for those who run the server; keep it from everybody else."""

    admin: bool = False
    """Whether calls are shown and ended, and the log level is set, over HTTP."""
    admin_host: str = "127.0.0.1"
    """Address it listens on."""
    admin_port: int = 8767
    """Its port; 0 takes a free one."""
    admin_token: SecretStr = NO_SECRET
    """Asked for as `Authorization: Bearer ...`; needed where it is not loopback."""

    def __post_init__(self) -> None:
        """Refuse what would show every conversation to everybody."""
        _check_numbers(self)
        no_token = not self.admin_token.get_secret_value()
        if self.admin and no_token and not is_loopback(self.admin_host):
            raise ConfigError(
                f"admin_host: {self.admin_host} is reached from elsewhere, and shows "
                "what is said in calls: set admin_token"
            )


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
    redis: SecretStr = NO_SECRET
    """The URL of a Redis where several instances meet; `redis://`, `rediss://` for TLS,
    or `unix://`. Empty: this one is alone."""
    redis_prefix: str = "mpc-bridge"
    """What all keys in Redis begin with; instances of one prefix are one fleet."""
    instance: str = ""
    """The name of this instance in its fleet; empty: the host's and a few random
    characters."""
    workers: int = 1
    """Processes that share the ports and the calls; each has a core's worth of work.
    Only `mpc-bridge serve` starts more than one."""
    worker_silence_s: float = 10.0
    """How long one of several workers may not answer, since a bot blocks its event
    loop, before it is ended with its calls, and replaced; 0: for ever."""
    transport: str = "auto"
    """What makes WebSocket frames of bytes: `websockets`, or `picows`, which is in C
    and in the extra `fast`; `auto` is picows where it is installed."""
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
    traces: bool = False
    """Whether each call is traced with OpenTelemetry; where to, the OTEL_* variables
    say. Needs the extra `otel`."""
    traces_text: bool = False
    """Whether traces hold what was said and pressed."""

    access: AccessOptions = dataclasses.field(default_factory=AccessOptions)
    """Who may open a stream."""
    admin: AdminOptions = dataclasses.field(default_factory=AdminOptions)
    """The address for those who run it."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        _check_numbers(self)
        if 0 < self.worker_silence_s < SHORTEST_SILENCE_S:
            raise ConfigError(
                f"worker_silence_s: {self.worker_silence_s:g}, allowed is 0, or "
                f"{SHORTEST_SILENCE_S:g} or more"
            )
        if self.transport not in TRANSPORTS:
            allowed = ", ".join(TRANSPORTS)
            raise ConfigError(f"transport: {self.transport}, allowed are {allowed}")
        for name in ("redis_prefix", "instance"):
            value = getattr(self, name)
            if not value.isprintable() or "#" in value:
                raise ConfigError(
                    f"{name}: {value!r}, allowed is text without # and line breaks"
                )


def _check_numbers(options: "DataclassInstance") -> None:
    for field in dataclasses.fields(options):
        name, value = field.name, getattr(options, field.name)
        if field.type not in (int, float):
            continue
        if name in AT_LEAST_ONE and value < 1:
            raise ConfigError(f"{name}: {value:g}, allowed is 1 or more")
        if not 0 <= value < math.inf:
            raise ConfigError(f"{name}: {value}, allowed is 0 or more")
        if name.endswith(("_timeout_s", "_interval_s")) and not value:
            raise ConfigError(f"{name}: 0, allowed is more than 0")
        if name.endswith("port") and value > HIGHEST_PORT:
            raise ConfigError(f"{name}: {value}, allowed are 0 to {HIGHEST_PORT}")
