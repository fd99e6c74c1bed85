"""The engine as a service: its clock, its rooms and its API, on one port."""

import asyncio
import contextlib
import dataclasses
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import uvicorn
from pydantic import SecretStr

from bridge.engine.api import Api
from bridge.engine.exchange import Exchange, ExchangeOptions
from bridge.engine.phonebook import Phonebook
from bridge.errors import ConfigError
from bridge.tasks import background

__all__ = ["Engine", "EngineOptions", "running"]


RECORDING_TIMEOUT_S = 20.0
"""How long a stopping engine waits for its recordings to be finished."""

DEFAULT_TOKEN = SecretStr("local")


@dataclasses.dataclass(frozen=True, slots=True)
class EngineOptions:
    """How the local engine runs."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = 8080
    """Port to listen on; 0 takes a free one."""
    auth_id: str = "MALOCALENGINE0000000"
    """The only account; SDKs demand MA or SA and 18 more."""
    auth_token: SecretStr = DEFAULT_TOKEN
    """The token that goes with it, for Basic authentication."""
    recordings: Path = Path("recordings")
    """Where recordings go."""
    phonebook: Phonebook = dataclasses.field(default_factory=Phonebook)
    """What the simulated phones do."""
    ai_agent_hears_coach: bool = True
    """Whether a coaching supervisor is heard by AI agents."""


@dataclasses.dataclass(frozen=True)
class Engine:
    """A running engine."""

    url: str
    exchange: Exchange


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


@contextlib.asynccontextmanager
async def running(options: EngineOptions) -> AsyncIterator[Engine]:
    """Run an engine while the block runs; leaving it ends every call.

    Raises:
        ConfigError: If the address cannot be listened on.
    """
    listener = _listen(options.host, options.port)
    port = listener.getsockname()[1]
    async with background() as spawn:
        exchange = Exchange(
            ExchangeOptions(
                options.recordings,
                options.phonebook,
                options.ai_agent_hears_coach,
                options.auth_id,
            ),
            spawn,
        )
        api = Api(exchange, options.auth_id, options.auth_token)
        config = uvicorn.Config(
            api.app(), log_config=None, access_log=False, lifespan="off"
        )
        server = _QuietServer(config)
        serving = spawn("api", server.serve(sockets=[listener]))
        spawn("media clock", exchange.run())
        try:
            await server.ready.wait()
            yield Engine(f"http://{options.host}:{port}", exchange)
        finally:
            exchange.end_all()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(RECORDING_TIMEOUT_S):
                    await exchange.recorded()
            server.should_exit = True
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait({serving}, timeout=2.0)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
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
    listener.listen(1024)
    return listener
