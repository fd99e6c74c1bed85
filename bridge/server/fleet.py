"""Instances of the server that know of each other's calls.

Each call lives on one instance. A `Fleet` tells the others of it, hands callbacks to
all of them, and reaches a call wherever it is. `Alone` is the fleet of one; that of
many, in `bridge.server.redis_fleet`, keeps the same contract.
"""

import dataclasses
import enum
import logging
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import msgspec

from bridge.multiparty.callbacks import Callback

__all__ = [
    "Alone",
    "Answer",
    "Carrier",
    "Census",
    "Fleet",
    "FleetCall",
    "Outcome",
    "census",
    "found",
]

_LOG = logging.getLogger(__name__)


class FleetCall(msgspec.Struct, frozen=True, kw_only=True):
    """One call, as every instance may know it."""

    stream_id: str
    call_uuid: str = ""
    account: str = ""
    bot: str = ""
    """The name it is served under."""
    instance: str = ""
    """Who carries it, or did."""
    since_s: float = 0.0
    """When it began, in seconds since 1970."""
    mpc_uuid: str = ""
    """The Multiparty Call it is in; empty until a callback told it."""
    lost_s: float | None = None
    """When its instance was given up, in seconds since 1970; None while it lives."""


class Census(msgspec.Struct, frozen=True, kw_only=True):
    """What goes on everywhere, the oldest calls first."""

    calls: tuple[FleetCall, ...]
    lost: tuple[FleetCall, ...] = ()
    """Calls whose instance vanished; so many, and for so long, as the fleet keeps."""
    instances: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()
    """Those that do not answer now: what is told of their calls is old."""
    is_complete: bool = True
    """False where only this instance could be asked."""


class Outcome(enum.StrEnum):
    """What became of a request to a call somewhere."""

    DONE = "done"
    NOT_FOUND = "not found"
    LOST = "instance lost"
    """It is gone, or did not answer in time."""
    UNREACHABLE = "fleet unreachable"
    """The call is not here, and others cannot be asked now."""
    FAILED = "failed"
    """Its instance tried, and has logged why it could not."""


class Answer(msgspec.Struct, frozen=True):
    """The outcome, and what was asked for."""

    outcome: Outcome
    detail: dict[str, Any] | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Carrier:
    """What a fleet asks of the instance it runs in."""

    describe: Callable[[str], dict[str, Any] | None]
    """The live detail of a stream, as JSON has it; None if it is not here."""
    end: Callable[[str, str], bool]
    """End a stream for a reason; False if it is not here."""
    take: Callable[[Callback], object]
    """Take a callback that reached another instance; it may come twice."""


class Fleet(Protocol):
    """All instances, seen from one. What is not awaited never waits and never fails."""

    @property
    def instance(self) -> str:
        """The name of this one."""

    @property
    def is_connected(self) -> bool:
        """Whether the others can be reached now."""

    def announce(self, call: FleetCall) -> None:
        """A call begins here."""

    def placed(self, stream_id: str, mpc_uuid: str) -> None:
        """It is known now which Multiparty Call a call here is in."""

    def retire(self, stream_id: str) -> None:
        """A call here has ended."""

    def publish_callback(self, callback: Callback) -> None:
        """Hand a callback that was taken here to all other instances, in order."""

    async def calls(self) -> Census:
        """Look everywhere."""

    async def find(self, name: str) -> FleetCall | None:
        """Find a call, even a lost one, by its stream id or call uuid."""

    async def show(self, stream_id: str) -> Answer:
        """Ask whoever carries a call for its live detail."""

    async def end(self, stream_id: str, reason: str) -> Answer:
        """Have a call ended by whoever carries it.

        Args:
            stream_id: Which.
            reason: In words, for the bot and the log.
        """


class Alone:
    """The fleet of one instance.

    Args:
        instance: Its name.
        carrier: What it can do with its calls.
    """

    def __init__(self, instance: str, carrier: Carrier) -> None:
        self.instance = instance
        self.is_connected = True
        self._carrier = carrier
        self._calls: dict[str, FleetCall] = {}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.instance} {len(self._calls)} calls>"

    def announce(self, call: FleetCall) -> None:
        """A call begins here."""
        self._calls[call.stream_id] = call

    def placed(self, stream_id: str, mpc_uuid: str) -> None:
        """It is known now which Multiparty Call a call here is in."""
        call = self._calls.get(stream_id)
        if call is not None and call.mpc_uuid != mpc_uuid:
            self.announce(msgspec.structs.replace(call, mpc_uuid=mpc_uuid))

    def retire(self, stream_id: str) -> None:
        """A call here has ended."""
        self._calls.pop(stream_id, None)

    def publish_callback(self, callback: Callback) -> None:
        """Nobody else is there."""

    async def calls(self) -> Census:
        """Look here."""
        return census(self._calls.values(), instances=(self.instance,))

    async def find(self, name: str) -> FleetCall | None:
        """Find a call by its stream id or call uuid."""
        return found(name, await self.calls())

    async def show(self, stream_id: str) -> Answer:
        """Look at a call here."""
        return self._here(stream_id, None)

    async def end(self, stream_id: str, reason: str) -> Answer:
        """End a call here."""
        return self._here(stream_id, reason)

    def _here(self, stream_id: str, end_reason: str | None) -> Answer:
        """Show a stream of this instance, or end it, if there is a reason."""
        try:
            if end_reason is None:
                detail = self._carrier.describe(stream_id)
                is_here = detail is not None
                # What JSON cannot have fails here, where it is known whose it is.
                detail = msgspec.to_builtins(detail)
            else:
                detail = None
                is_here = self._carrier.end(stream_id, end_reason)
        # The edge of a request: it may come from afar, where nobody could catch it.
        except Exception:  # noqa: BLE001
            _LOG.exception("a request about stream %s failed", stream_id)
            return Answer(Outcome.FAILED)
        return Answer(Outcome.DONE if is_here else Outcome.NOT_FOUND, detail)


def census(
    calls: Iterable[FleetCall],
    lost: Iterable[FleetCall] = (),
    instances: Iterable[str] = (),
) -> Census:
    """Put calls in order."""
    return Census(
        calls=tuple(sorted(calls, key=_age)),
        lost=tuple(sorted(lost, key=_age)),
        instances=tuple(sorted(instances)),
    )


def found(name: str, everywhere: Census) -> FleetCall | None:
    """Pick a call by its stream id or call uuid, the newest; a living one first."""
    for calls in (everywhere.calls, everywhere.lost):
        for call in reversed(calls):
            if name and name in (call.stream_id, call.call_uuid):
                return call
    return None


def _age(call: FleetCall) -> tuple[float, str]:
    return call.since_s, call.stream_id
