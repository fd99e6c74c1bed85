"""The fleet of one."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from bridge.server.fleet import Alone, Fleet, census, found
from tests.server.fleet_contract import CONTRACT, Here, Make, a_call


@asynccontextmanager
async def alone(name: str, here: Here) -> AsyncIterator[Fleet]:
    yield Alone(name, here.carrier)


@pytest.mark.parametrize("promise", CONTRACT, ids=lambda promise: promise.__name__)
async def test_it_keeps_the_contract(
    promise: Callable[[Make], Awaitable[None]],
) -> None:
    """The same as that of many."""
    await promise(alone)


def test_a_living_call_is_found_before_a_lost_one() -> None:
    """And the newest of several, as when a leg got another stream."""
    everywhere = census(
        [a_call(1, call_uuid="c"), a_call(2, call_uuid="c")],
        [a_call(3, call_uuid="c", lost_s=1.0), a_call(4, lost_s=2.0)],
    )

    assert found("c", everywhere) == a_call(2, call_uuid="c")
    assert found("c4", everywhere) == a_call(4, lost_s=2.0)
    assert found("c5", everywhere) is None
