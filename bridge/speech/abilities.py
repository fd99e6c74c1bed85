"""What every conversation can do besides talking, as tools for its brain."""

from typing import Annotated, Protocol

from pydantic import Field

from bridge.call.call import Call
from bridge.call.control import CallControl
from bridge.errors import MisuseError
from bridge.multiparty.vocabulary import Role
from bridge.speech.tools import Function, Tool

__all__ = ["ABILITIES", "Abilities", "Speaker"]

ABILITIES = ("hang_up", "send_digits", "transfer", "hold", "record")

Number = Annotated[
    str, Field(min_length=1, description="A phone number or SIP address")
]


class Speaker(Protocol):
    """What speaks in a call, as far as tools have to do with it."""

    will_hang_up: bool
    """Whether the call ends when what is being said has been heard."""
    is_deaf: bool
    """Whether what is heard is not meant for us."""

    async def caught_up(self) -> None:
        """Wait until what has been said so far has been heard."""

    async def tell(self, text: str) -> None:
        """Say a text, and wait until it has been heard."""

    def caller_held(self, *, is_held: bool) -> None:
        """The caller hears music instead of us, or no more."""


class Abilities:
    """The built-in tools of one call.

    Args:
        call: The call.
        speaker: What speaks in it.
    """

    def __init__(self, call: Call, speaker: Speaker) -> None:
        self._call = call
        self._speaker = speaker
        self._is_caller_held = False

    async def hang_up(self) -> None:
        """End the call, once what is being said has been heard."""
        self._speaker.will_hang_up = True

    async def send_digits(
        self, digits: Annotated[str, Field(pattern=r"^[0-9*#A-D]+$")]
    ) -> None:
        """Press keys, for a machine at the other end."""
        self._call.send_dtmf(digits)

    async def transfer(self, to: Number, reason: str = "", sender: str = "") -> str:
        """Hand the caller over to a person: they hear music until the person, who is
        told the reason, is there."""
        mpc = self._mpc()
        sender = sender or self._callers_number()
        if self._is_caller_held:
            await self.hold(is_held=False)
        # What announces it is heard before the music begins.
        await self._speaker.caught_up()
        # From here on the person is heard, and does not answer to the brain.
        self._speaker.is_deaf = True
        try:
            came = await mpc.transfer(
                to=to, sender=sender, brief=lambda: self._speaker.tell(reason)
            )
        finally:
            self._speaker.is_deaf = False
        return "transferred" if came else "error: nobody answered"

    async def hold(self, is_held: bool) -> None:  # noqa: FBT001 - a tool's argument
        """Let the caller hear music, or come back to them."""
        mpc = self._mpc()
        if is_held:
            await self._speaker.caught_up()
        await mpc.hold(is_held=is_held)
        self._is_caller_held = is_held
        self._speaker.caller_held(is_held=is_held)

    async def record(self, is_on: bool) -> None:  # noqa: FBT001 - a tool's argument
        """Begin or end recording the call."""
        await self._mpc().record(is_on=is_on)

    def tools(self) -> list[Tool]:
        """Those that are possible in this call."""
        functions: list[Function] = [self.hang_up, self.send_digits]
        if self._call.mpc is not None:
            functions += [self.transfer, self.hold, self.record]
        return [Tool.of(function) for function in functions]

    def _mpc(self) -> CallControl:
        if self._call.mpc is None:
            raise MisuseError("no credentials are set, so the call cannot be driven")
        return self._call.mpc

    def _callers_number(self) -> str:
        for member in self._call.members.values():
            if member.role == Role.CUSTOMER and member.address:
                return member.address
        raise MisuseError("which number is shown to the person? give `sender`")
