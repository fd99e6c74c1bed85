"""What can be done to the call a bot is in, besides talking: the interface."""

from collections.abc import Awaitable, Callable
from typing import Protocol

__all__ = ["CallControl"]


class CallControl(Protocol):
    """The Multiparty Call around a stream; `call.mpc`, where credentials are set.

    Everything raises `ControlError` if the API refuses or cannot be reached.
    """

    async def transfer(
        self,
        *,
        to: str,
        sender: str,
        brief: Callable[[], Awaitable[object]] | None = None,
        answer_timeout_s: float = 45.0,
    ) -> bool:
        """Hand the call over to a person, warmly.

        The customers hear music while the person is dialled and briefed. If the person
        comes, the AI agent is removed from the call, so that it ends for the bot.

        Args:
            to: The person's number or SIP address.
            sender: The number shown to them.
            brief: Tells the person what it is about.
            answer_timeout_s: How long they may take to answer.

        Returns:
            Whether the person came; if not, everything is as before.
        """

    async def hold(self, *, is_held: bool) -> None:
        """Put the customers on hold, or back."""

    async def record(self, *, is_on: bool) -> None:
        """Begin or end the recording of the whole call."""
