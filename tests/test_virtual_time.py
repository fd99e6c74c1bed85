"""A loop whose time passes only when nothing is left to do."""

import asyncio

import pytest

from bridge.virtual_time import VirtualLoop


def test_an_hour_takes_no_time() -> None:
    """Timers come in order, each at its time."""
    woken: list[tuple[str, float]] = []

    async def sleep(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        woken.append((name, asyncio.get_running_loop().time()))

    async def main() -> None:
        await asyncio.gather(sleep("late", 3600.0), sleep("early", 1800.0))

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())

    assert woken == [("early", 1800.0), ("late", 3600.0)]


def test_no_time_passes_in_a_thread() -> None:
    """What runs in one is done at once, and its errors come out."""

    def fail() -> None:
        raise ZeroDivisionError

    async def main() -> float:
        assert await asyncio.to_thread(lambda: 42) == 42
        with pytest.raises(ZeroDivisionError):
            await asyncio.to_thread(fail)
        return asyncio.get_running_loop().time()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        assert runner.run(main()) == 0.0
