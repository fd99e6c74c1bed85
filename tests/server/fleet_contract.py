"""What a fleet must do, whatever it meets in; as seen from one instance."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeAlias

from bridge.multiparty.callbacks import Callback, MpcEvent
from bridge.multiparty.vocabulary import EventName
from bridge.server.fleet import Answer, Carrier, Fleet, FleetCall, Outcome


class Here:
    """An instance that carries what it is told to."""

    def __init__(self) -> None:
        self.streams: dict[str, dict[str, Any]] = {}
        self.ended: list[tuple[str, str]] = []
        self.taken: list[Callback] = []
        self.carrier = Carrier(
            describe=self.describe, end=self.end, take=self.taken.append
        )

    def describe(self, stream_id: str) -> dict[str, Any] | None:
        if stream_id == "broken":
            raise ValueError("a bug")
        if stream_id == "no json":
            return {"lock": object()}
        return self.streams.get(stream_id)

    def end(self, stream_id: str, reason: str) -> bool:
        self.ended.append((stream_id, reason))
        return self.streams.pop(stream_id, None) is not None


Make: TypeAlias = Callable[[str, Here], AbstractAsyncContextManager[Fleet]]
"""Makes a fleet's instance of some name."""


def a_call(number: int, instance: str = "one", **more: Any) -> FleetCall:
    facts: dict[str, Any] = {
        "stream_id": f"s{number}",
        "call_uuid": f"c{number}",
        "account": "MA",
        "bot": "echo",
        "instance": instance,
        "since_s": 1_800_000_000.0 + number,
    }
    return FleetCall(**{**facts, **more})


def an_event(number: int) -> MpcEvent:
    return MpcEvent(
        name=EventName.JOIN,
        mpc_uuid="m",
        member_id=str(number),
        call_uuid=f"c{number}",
        sequence=number,
    )


def numbers(taken: list[Callback]) -> list[int | None]:
    return [each.sequence for each in taken if isinstance(each, MpcEvent)]


async def what_begins_is_listed_until_it_ends(make: Make) -> None:
    """The oldest first; what is not known is no error."""
    async with make("one", Here()) as fleet:
        fleet.announce(a_call(2))
        fleet.announce(a_call(1))
        fleet.placed("s1", "m")
        fleet.placed("nothing", "m")
        before = await fleet.calls()
        fleet.retire("s2")
        fleet.retire("nothing")
        after = await fleet.calls()

    assert before.calls == (a_call(1, mpc_uuid="m"), a_call(2))
    assert after.calls == (a_call(1, mpc_uuid="m"),)
    assert before.instances == ("one",)
    assert (before.lost, before.is_complete) == ((), True)


async def a_call_is_found_by_either_name(make: Make) -> None:
    """A call without a uuid is not found by having none."""
    async with make("one", Here()) as fleet:
        fleet.announce(a_call(1))
        fleet.announce(a_call(2, call_uuid=""))

        assert await fleet.find("s1") == a_call(1)
        assert await fleet.find("c1") == a_call(1)
        assert await fleet.find("s2") == a_call(2, call_uuid="")
        assert await fleet.find("") is None
        assert await fleet.find("s") is None


async def a_call_here_is_shown_and_ended(make: Make) -> None:
    """With the reason that was given; what is not there is said to be so."""
    here = Here()
    async with make("one", here) as fleet:
        for stream_id in ("s1", "broken", "no json"):
            here.streams[stream_id] = {"seconds": 1.5, "members": [{"role": "agent"}]}
            fleet.announce(a_call(1, stream_id=stream_id))

        assert await fleet.show("s1") == Answer(Outcome.DONE, here.streams["s1"])
        assert await fleet.show("s9") == Answer(Outcome.NOT_FOUND)
        assert await fleet.show("broken") == Answer(Outcome.FAILED)
        assert await fleet.show("no json") == Answer(Outcome.FAILED)
        assert await fleet.end("s1", "enough") == Answer(Outcome.DONE)
        assert await fleet.end("s1", "enough") == Answer(Outcome.NOT_FOUND)
        assert await fleet.end("s9", "enough") == Answer(Outcome.NOT_FOUND)
    assert here.ended[0] == ("s1", "enough")


async def what_was_taken_here_does_not_come_back(make: Make) -> None:
    """Publishing hands a callback to others alone."""
    here = Here()
    async with make("one", here) as fleet:
        fleet.publish_callback(an_event(1))
        # A question to others, which all that is written goes before.
        await fleet.show("s9")
        await fleet.calls()
    assert here.taken == []


CONTRACT = (
    what_begins_is_listed_until_it_ends,
    a_call_is_found_by_either_name,
    a_call_here_is_shown_and_ended,
    what_was_taken_here_does_not_come_back,
)
