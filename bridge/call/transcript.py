"""What was said in a call, turn by turn."""

import asyncio
import errno
import hashlib
import logging
import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from bridge import private_files
from bridge.errors import MisuseError

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
            name = private_files.safe_name(stream_id)
            if name != stream_id:
                # Nor may it be another call's.
                name += "-" + hashlib.sha256(stream_id.encode()).hexdigest()[:12]
            self._path = folder / f"{name}.jsonl"
        self._unwritten: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._writing: asyncio.Task[None] | None = None
        self._is_finished = False
        self._lost = 0
        self.on_lost: Callable[[], None] = lambda: None
        """Told of each turn that could not be written."""

    def add(self, turn: Turn) -> None:
        """Add a turn.

        Raises:
            MisuseError: If it has what JSON cannot have.
        """
        # Half a character, as a brain may write one, is in no encoding.
        text = turn.text.encode(errors="replace").decode()
        turn = msgspec.structs.replace(turn, text=text)
        try:
            line = msgspec.json.encode(turn) + b"\n"
        except (TypeError, ValueError) as error:
            raise MisuseError(f"a turn has plain numbers, text: {error}") from error
        self.turns.append(turn)
        del self.turns[:-MOST_TURNS]
        if self._path is not None and not self._is_finished:
            self._unwritten.put_nowait(line)
            if self._writing is None:
                self._writing = asyncio.ensure_future(self._write())
        self.on_turn(turn)

    async def finish(self) -> None:
        """Wait until all turns are written; later ones are not."""
        self._is_finished = True
        if self._writing is not None:
            self._unwritten.put_nowait(None)
            await self._writing

    async def _write(self) -> None:
        while (line := await self._unwritten.get()) is not None:
            try:
                await asyncio.to_thread(self._append, line)
            except OSError as error:
                self._lose(error)
        if self._lost:
            _LOG.error("transcript %s: %d turns are lost", self._path, self._lost)

    def _lose(self, error: OSError) -> None:
        self._lost += 1
        self.on_lost()
        # A line for every turn would only help to fill the disk.
        if self._lost == 1:
            _LOG.error("transcript %s: %s", self._path, error.strerror)

    def _append(self, line: bytes) -> None:
        """Add a line, whole or not at all: the next must not join half of one."""
        assert self._path is not None
        private_files.make_folder(self._path.parent)
        with open(self._path, "ab", buffering=0, opener=private_files.opener) as file:
            end, written = file.tell(), 0
            try:
                written = file.write(line)
            finally:
                if written != len(line):
                    file.truncate(end)
        if written != len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
