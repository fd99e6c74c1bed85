"""One clockwork for all calls."""

import asyncio

import pytest

from bridge.call.pacing import Wheel
from bridge.virtual_time import VirtualLoop


async def test_wakes_come_in_order_and_never_early() -> None:
    """Within a slot of a millisecond."""
    loop = asyncio.get_running_loop()
    wheel = Wheel()
    woken: list[tuple[float, float]] = []
    for when_s in (0.5, 0.1, 0.1004, 0.3, 0.2):
        wheel.at(when_s, lambda when_s=when_s: woken.append((when_s, loop.time())))  # type: ignore[misc]

    await asyncio.sleep(1)

    assert [when_s for when_s, _ in woken] == [0.1, 0.1004, 0.2, 0.3, 0.5]
    assert all(0 <= at_s - when_s < 0.002 for when_s, at_s in woken)


async def test_who_is_woken_a_hair_too_early_may_ask_again() -> None:
    """And is woken when it is time, however times are rounded; not for ever now."""
    loop = asyncio.get_running_loop()
    wheel = Wheel()
    due_s = 0.1 + 1e-10
    woken: list[float] = []

    def wake() -> None:
        woken.append(loop.time())
        assert len(woken) < 10
        if loop.time() < due_s:
            wheel.at(due_s, wake)

    wheel.at(due_s, wake)
    await asyncio.sleep(1)

    assert woken[-1] >= due_s
    assert woken[-1] - due_s < 0.002


async def test_a_wake_may_ask_for_the_next() -> None:
    """A chain of an hour of frames does not drift."""
    loop = asyncio.get_running_loop()
    wheel = Wheel()
    count = 0

    def step() -> None:
        nonlocal count
        count += 1
        if count < 180_000:
            wheel.at(count * 0.02, step)

    wheel.at(0.0, step)
    await asyncio.sleep(3600)

    assert count == 180_000
    assert loop.time() == pytest.approx(3600)


async def test_what_is_past_comes_at_once() -> None:
    """After a stall, everything due runs in one go."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    wheel = Wheel()
    woken = []
    wheel.at(0.1, lambda: woken.append("a"))
    wheel.at(0.2, lambda: woken.append("b"))
    loop.spend(0.5)

    wheel.at(0.3, lambda: woken.append("late"))
    await asyncio.sleep(0.001)

    assert woken == ["a", "b", "late"]


async def test_a_wake_that_fails_stops_no_other() -> None:
    """Its failure goes to the loop's handler; the rest of the slot still runs."""
    failures = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _loop, context: failures.append(context["exception"])
    )
    wheel = Wheel()
    woken = []

    def fail() -> None:
        raise RuntimeError("broken")

    wheel.at(0.1, lambda: woken.append("same slot"))
    wheel.at(0.1, fail)
    wheel.at(0.1, lambda: woken.append("same slot"))
    wheel.at(0.2, lambda: woken.append("later"))
    await asyncio.sleep(1)

    assert woken == ["same slot", "same slot", "later"]
    assert len(failures) == 1
