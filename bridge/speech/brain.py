"""What thinks of an answer: the interface."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol, TypeAlias

import msgspec

from bridge.speech.tools import Tool

__all__ = ["Brain", "CallTool", "Message", "Said", "Thought", "ToolResult", "Who"]

Who: TypeAlias = str
"""`caller`, `bot` or `supervisor`."""


class Said(msgspec.Struct, frozen=True):
    """Somebody said something."""

    who: Who
    text: str
    """Of the bot: exactly what was heard of it."""
    is_cut: bool = False
    """Whether the bot was interrupted, and more was to come."""
    are_keys: bool = False
    """Whether the caller pressed keys."""


class CallTool(msgspec.Struct, frozen=True):
    """The brain wants something done."""

    name: str
    arguments: str
    """A JSON object."""
    call_id: str = ""


class ToolResult(msgspec.Struct, frozen=True):
    """What came of it."""

    call_id: str
    name: str
    text: str


Message: TypeAlias = Said | CallTool | ToolResult
"""One line of what has happened so far."""

Thought: TypeAlias = str | CallTool
"""Text to be said, as it comes, or something to be done."""


class Brain(Protocol):
    """Thinks of what to say and do. It keeps nothing: all it knows is the history."""

    def respond(
        self, history: Sequence[Message], tools: Sequence[Tool]
    ) -> AsyncIterator[Thought]:
        """Answer what the caller said last, or a tool's result.

        Text may come in any pieces. It is cancelled when the caller speaks on.
        """
