"""What was said in a call, turn by turn."""

import asyncio
import logging
import re
from collections.abc import Callable
from pathlib import Path

import msgspec

__all__ = ["Transcript", "Turn"]

_LOG = logging.getLogger(__name__)

MOST_TURNS = 2000
"""So many are kept in memory; the file has all."""


class Turn(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that somebody said, or did."""

    who: str
    """`caller`, `bot`, `supervisor`, or `tool`."""
    text: str
    """Of the bot: what was heard of it, no more."""
    from_s: float
    to_s: float
    """When, in seconds since the call began."""
    is_cut: bool = False
    """Whether the bot was interrupted before its end."""
    are_keys: bool = False
    heard: str = ""
    """How it is known what was heard of the bot: `confirmed`, `bounded` or
    `estimated`."""
    latencies_ms: dict[str, float] = {}
    """Of the bot's answers, by stage, since the last sample of the caller's speech."""


class Transcript:
    """The turns of one call; told to whoever wants to know, and written to a file.

    Args:
        folder: Where `{stream_id}.jsonl` goes, a turn a line; None: nowhere.
        stream_id: Of the call.
    """

    def __init__(self, folder: Path | None, stream_id: str) -> None:
        self.turns: list[Turn] = []
        self.on_turn: Callable[[Turn], None] = lambda _turn: None
        """Told of each."""
        self._path: Path | None = None
        if folder is not None:
            # The far end chose the name: no part of it may lead elsewhere.
            name = re.sub(r"[^A-Za-z0-9_-]", "_", stream_id)[:100]
            self._path = folder / f"{name}.jsonl"
        self._unwritten: asyncio.Queue[Turn | None] = asyncio.Queue()
        self._writing: asyncio.Task[None] | None = None

    def add(self, turn: Turn) -> None:
        """Add a turn."""
        # Half a character, as a brain may write one, is in no encoding.
        text = turn.text.encode(errors="replace").decode()
        turn = msgspec.structs.replace(turn, text=text)
        self.turns.append(turn)
        del self.turns[:-MOST_TURNS]
        if self._path is not None:
            self._unwritten.put_nowait(turn)
            if self._writing is None:
                self._writing = asyncio.ensure_future(self._write())
        self.on_turn(turn)

    async def finish(self) -> None:
        """Wait until all turns are written."""
        if self._writing is not None:
            self._unwritten.put_nowait(None)
            await self._writing

    async def _write(self) -> None:
        while (turn := await self._unwritten.get()) is not None:
            await asyncio.to_thread(self._append, turn)

    def _append(self, turn: Turn) -> None:
        assert self._path is not None
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("ab") as file:
                file.write(msgspec.json.encode(turn) + b"\n")
        except OSError as error:
            _LOG.error("transcript %s: %s", self._path, error.strerror)
