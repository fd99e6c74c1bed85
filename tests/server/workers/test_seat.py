"""A worker, as the parent knows it."""

import socket
from collections.abc import AsyncIterator

import pytest

from bridge.server.elsewhere import CALLS
from bridge.server.workers.letters import (
    Began,
    Counted,
    Hello,
    Leaving,
    Letter,
    Level,
    Over,
    Pong,
    Snapshot,
    Told,
)
from bridge.server.workers.seat import LEAVING_S, SILENT_S, Seat
from bridge.server.workers.wire import Wire
from tests.server.fleet_contract import a_call


@pytest.fixture
async def seat() -> AsyncIterator[Seat]:
    one, other = socket.socketpair()
    with other:
        wire = await Wire.over(one)
        yield Seat(wire, 123)
        await wire.close()


def tell(seat: Seat, *letters: Letter) -> None:
    for letter in letters:
        seat.hear(letter)
        seat.note(letter)


async def test_others_are_told_what_is_so_now(seat: Seat) -> None:
    """Not what was."""
    tell(seat, Hello("one"), Began(a_call(1)), Began(a_call(2)), Over("s1"))
    tell(seat, Counted(CALLS, 2), Counted("address x", 1), Counted("address x", 0))
    tell(seat, Counted(CALLS, 1), Snapshot([]), Snapshot([]), Told({"x": "y"}))

    expected = [Hello("one"), Snapshot([]), Began(a_call(2)), Counted(CALLS, 1)]
    assert seat.kept() == expected
    assert seat.count == 1


@pytest.mark.parametrize("letter", [Pong(), Level(10), Snapshot([])], ids=repr)
async def test_whatever_it_says_it_lives(seat: Seat, letter: Letter) -> None:
    """A pong is only asked for so that it says something."""
    seat.silent_s = SILENT_S
    assert seat.is_silent
    tell(seat, letter)
    assert not seat.is_silent


async def test_one_that_leaves_may_be_silent(seat: Seat) -> None:
    """Whatever it still says."""
    tell(seat, Leaving(), Snapshot([]))
    seat.silent_s += LEAVING_S
    assert not seat.is_silent
    seat.silent_s += SILENT_S
    assert seat.is_silent
