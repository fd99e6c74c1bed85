"""How the local engine runs."""

import dataclasses
from pathlib import Path

from pydantic import SecretStr

from bridge.engine.phonebook import Phonebook
from bridge.multiparty.rates import PLIVO_RATE
from bridge.speech.hibari import offline_voice
from bridge.speech.moonshine import offline_recognizer
from bridge.speech.recognition import Recognizer
from bridge.speech.synthesis import Synthesizer

__all__ = ["EngineOptions"]

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
    database: str = dataclasses.field(default="mpc-bridge.sqlite3", repr=False)
    """History: a SQLite file, `:memory:`, or `postgresql://user:password@host/name`."""
    phonebook: Phonebook = dataclasses.field(default_factory=Phonebook)
    """What the simulated phones do."""
    public_url: str = ""
    """The engine's address as others see it, for recording URLs; empty: its own."""
    reachable: str = "auto"
    """Where URLs of sounds, callbacks and AI agents may lead beside public addresses:
    `auto` (loopback and private while the engine listens on loopback), `none`, or a
    list as `loopback,10.1.2.0/24`; a cloud's metadata only if its address is listed."""
    ai_agent_hears_coach: bool = True
    """Whether a coaching supervisor is heard by AI agents."""
    ai_agent_reconnects: bool = False
    """Whether an AI agent's broken socket is connected anew; else it leaves."""
    rate_limit: int = PLIVO_RATE[0]
    """Requests in 5 s that are answered; more get 429, as with Plivo."""
    usd_per_minute: float = 0.005
    """What a begun minute of one participant costs in the billing fields."""
    voice: Synthesizer | None = dataclasses.field(default_factory=offline_voice)
    """Says texts."""
    recognizer: Recognizer | None = dataclasses.field(
        default_factory=offline_recognizer
    )
    """Transcribes."""

    @property
    def has_default_token(self) -> bool:
        """Whether its token is the one that everybody knows."""
        return self.auth_token == DEFAULT_TOKEN
