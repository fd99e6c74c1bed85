"""The engine as a service: its clock, its rooms and its API, on one port."""

import asyncio
import contextlib
import dataclasses
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import uvicorn
from pydantic import SecretStr

from bridge.engine.ai_leg import AiLegOptions
from bridge.engine.announcer import Announcer
from bridge.engine.books import Books
from bridge.engine.clock import Clock
from bridge.engine.dialling import Dialling
from bridge.engine.exchange import Exchange, Parts
from bridge.engine.fetcher import Fetcher
from bridge.engine.history import History
from bridge.engine.media_clock import MediaClock
from bridge.engine.notifier import Notifier
from bridge.engine.phonebook import Phonebook
from bridge.engine.recordings import Recordings
from bridge.engine.reporter import Reporter
from bridge.engine.rest.app import Api
from bridge.engine.transcriber import Transcriber
from bridge.errors import ConfigError
from bridge.speech import synthesis
from bridge.speech.recognition import Recognizer
from bridge.speech.synthesis import Synthesizer
from bridge.tasks import Spawn, background

__all__ = ["Engine", "EngineOptions", "assemble", "running"]


RECORDING_TIMEOUT_S = 20.0
"""How long a stopping engine waits for its recordings to be finished."""

CALLBACKS_TIMEOUT_S = 2.0
"""How long it waits for its last callbacks to be delivered."""

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
    database: str = "mpc-bridge.sqlite3"
    """History: a SQLite file, `:memory:`, or `postgresql://user:password@host/name`."""
    phonebook: Phonebook = dataclasses.field(default_factory=Phonebook)
    """What the simulated phones do."""
    public_url: str = ""
    """The engine's address as others see it, for recording URLs; empty: its own."""
    ai_agent_hears_coach: bool = True
    """Whether a coaching supervisor is heard by AI agents."""
    ai_agent_reconnects: bool = False
    """Whether an AI agent's broken socket is connected anew; else it leaves."""
    usd_per_minute: float = 0.005
    """What a begun minute of one participant costs in the billing fields."""
    voice: Synthesizer | None = dataclasses.field(default_factory=synthesis.offline)
    """Says texts."""
    recognizer: Recognizer | None = None
    """Transcribes."""


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
    async with AsyncExitStack() as stack, background() as spawn:
        url = f"http://{options.host}:{port}"
        http = await stack.enter_async_context(_http())
        exchange, notifier = assemble(options, f"{options.host}:{port}", http, spawn)
        history = exchange.parts.history
        stack.callback(history.close)
        exchange.parts.reporter.public_url = options.public_url.rstrip("/") or url
        left = await history.end_what_was_left(
            exchange.parts.clock.epoch_s(exchange.parts.clock.now_s)
        )
        await exchange.parts.recordings.salvage(left)
        api = Api(exchange, notifier, options.auth_id, options.auth_token)
        config = uvicorn.Config(
            api.app(), log_config=None, access_log=False, lifespan="off"
        )
        server = _QuietServer(config)
        serving = spawn("api", server.serve(sockets=[listener]))
        spawn("media clock", MediaClock(exchange).run())
        spawn("history", history.run())
        try:
            await server.ready.wait()
            yield Engine(url, exchange)
        finally:
            exchange.end_all()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(RECORDING_TIMEOUT_S):
                    await exchange.parts.recordings.all_finished()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CALLBACKS_TIMEOUT_S):
                    await notifier.idle()
            await history.flushed()
            server.should_exit = True
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait({serving}, timeout=2.0)


def assemble(
    options: EngineOptions, engine: str, http: httpx.AsyncClient, spawn: Spawn
) -> tuple[Exchange, Notifier]:
    """Put an exchange together.

    Args:
        options: How it is to be.
        engine: Its name, where several share a history.
        http: Sends callbacks and gets sounds.
        spawn: Runs everything.

    Raises:
        ConfigError: If the history cannot be opened.
    """
    clock = Clock()
    books = Books(clock, options.auth_id, options.usd_per_minute)
    history = History(options.database, engine)
    notifier = Notifier(options.auth_token, http, spawn)
    reporter = Reporter(notifier, clock, books, options.auth_id)
    ai_legs = AiLegOptions(
        options.auth_id, options.auth_token, options.ai_agent_reconnects
    )
    parts = Parts(
        clock=clock,
        books=books,
        history=history,
        reporter=reporter,
        announcer=Announcer(Fetcher(http), options.voice),
        dialling=Dialling(options.phonebook, ai_legs, reporter),
        recordings=Recordings(
            options.recordings, history, books, reporter, clock, spawn
        ),
        transcriber=Transcriber(options.recognizer, reporter, spawn),
        spawn=spawn,
        ai_agent_hears_coach=options.ai_agent_hears_coach,
    )
    return Exchange(parts), notifier


def _http() -> httpx.AsyncClient:
    """For callbacks and sounds; a proxy of the environment is not for them."""
    limits = httpx.Limits(max_connections=200, max_keepalive_connections=50)
    return httpx.AsyncClient(limits=limits, follow_redirects=False, trust_env=False)


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
