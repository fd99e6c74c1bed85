"""What a bot's conversations leave behind: turns, latencies, and counted failures."""

import asyncio
import logging

import msgspec

from bridge.call.call import Call
from bridge.call.transcript import Turn
from bridge.errors import BridgeError
from bridge.speech.stages import Stages

__all__ = ["Diary", "Failures"]

_LOG = logging.getLogger(__name__)

MOST_FAILURES = 3
"""So many in a row, and the call is given up."""


class Diary:
    """Notes turns in the call's transcript, in seconds since the call began.

    Args:
        call: The call.
    """

    def __init__(self, call: Call) -> None:
        self._call = call

    def note(self, turn: Turn) -> None:
        """Note a turn whose times are the loop's."""
        from_s, to_s = self._at(turn.from_s), self._at(turn.to_s)
        self._call.note(msgspec.structs.replace(turn, from_s=from_s, to_s=to_s))

    def said(
        self,
        text: str,
        audible_s: float | None,
        stages: Stages | None,
        *,
        is_cut: bool,
        heard: str,
    ) -> None:
        """Note what was heard of the bot, and measure the stages of its answer.

        Args:
            text: What was heard; nothing is noted where nothing was.
            audible_s: When its first sample was heard, as modelled.
            stages: Of an answer to speech.
            is_cut: Whether there was to be more.
            heard: How that is known.
        """
        took = {}
        if stages is not None:
            if audible_s is not None:
                stages.reach("played", audible_s)
            took = stages.seconds()
            for stage, seconds in took.items():
                self._call.measure(stage, seconds)
        if not text or audible_s is None:
            return
        until_s = max(audible_s, asyncio.get_running_loop().time())
        self.note(
            Turn(
                "bot",
                text,
                audible_s,
                until_s,
                is_cut=is_cut,
                heard=heard,
                latencies_ms={stage: round(s * 1000, 1) for stage, s in took.items()},
            )
        )

    def _at(self, loop_s: float) -> float:
        return round(max(0.0, loop_s - self._call.began_s), 3)


class Failures:
    """Counts failures in a row."""

    def __init__(self) -> None:
        self._count = 0

    def reset(self) -> None:
        """It works."""
        self._count = 0

    def add(self, error: Exception) -> None:
        """It does not; raises what failed when that was once too often."""
        self._count += 1
        # Ours are sentences; what a plug-in raises is for its author.
        trace = None if isinstance(error, BridgeError) else error
        _LOG.warning("%s (%d in a row)", error, self._count, exc_info=trace)
        if self._count >= MOST_FAILURES:
            raise error
