"""What an exchange is made of."""

import dataclasses

from bridge.engine.announcer import Announcer
from bridge.engine.books import Books
from bridge.engine.clock import Clock
from bridge.engine.dialling import Dialling
from bridge.engine.history import History
from bridge.engine.recordings import Recordings
from bridge.engine.reporter import Reporter
from bridge.engine.transcriber import Transcriber
from bridge.tasks import Spawn

__all__ = ["Parts"]


@dataclasses.dataclass(frozen=True, slots=True)
class Parts:
    """All of it, made elsewhere."""

    clock: Clock
    books: Books
    history: History
    reporter: Reporter
    announcer: Announcer
    dialling: Dialling
    recordings: Recordings
    transcriber: Transcriber
    spawn: Spawn
    ai_agent_hears_coach: bool = True
