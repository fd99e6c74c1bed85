"""Plain arithmetic."""

import asyncio

from bridge.engine.books import Bill, Books
from bridge.engine.clock import Clock
from bridge.engine.room import Room
from bridge.multiparty.requests import AddParticipant
from bridge.multiparty.vocabulary import RecordingState


async def test_a_begun_minute_is_a_minute() -> None:
    """Of each participant."""
    books = Books(Clock(), "MA", 0.005)

    assert books.bill(2) == Bill(2, 60, "0.00500")
    assert books.bill(60) == Bill(60, 60, "0.00500")
    assert books.bill(60.1, 30) == Bill(90, 180, "0.01500")
    assert books.bill(0) == Bill(0, 0, "0.00000")


async def test_a_call_costs_what_its_members_do() -> None:
    """Its duration is its own, from its start."""
    clock = Clock()
    books = Books(clock, "MA", 0.005)
    request = AddParticipant.model_validate({"role": "agent", "from": "1", "to": "2"})
    room = Room("u", "demo", request, 0.0)
    for call_uuid, joins_s in (("a", 10.0), ("b", 40.0)):
        room.expect(call_uuid, request)
        room.join(call_uuid, joins_s)
    assert books.mpc(room, RecordingState.PAUSED)["billed_amount"] is None
    room.leave("a", 75.0)

    row = books.mpc(room, RecordingState.NOT_RECORDING)
    assert room.is_over
    # 65 s and 35 s.
    assert (row["billed_duration"], row["billed_amount"]) == (180, "0.01500")
    assert books.bill_for(room).duration_s == 65
    assert row["creation_time"] == clock.epoch_s(0.0)
    member = books.participant(room, room.former[0])
    assert (member["billed_duration"], member["exit_cause"]) == (
        120,
        "Participant Call Hangup",
    )


async def test_a_call_that_never_started_costs_nothing() -> None:
    """Nobody came."""
    books = Books(Clock(), "MA", 0.005)
    request = AddParticipant.model_validate({"role": "agent", "from": "1", "to": "2"})
    room = Room("u", "demo", request, 0.0)
    room.expect("a", request)
    await asyncio.sleep(5)
    room.give_up("a", 45.0)
    assert books.bill_for(room) == Bill(45, 0, "0.00000")
