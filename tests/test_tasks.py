"""Tasks end with their block."""

import asyncio

import pytest

from bridge.tasks import Change, background, expendable


async def test_tasks_end_with_the_block() -> None:
    """Those named first and those spawned later."""
    ended = []

    async def work(name: str) -> None:
        try:
            await asyncio.sleep(1000)
        finally:
            ended.append(name)

    async with background(first=work("first")) as spawn:
        spawn("second", work("second"))
        await asyncio.sleep(1)

    assert sorted(ended) == ["first", "second"]


async def test_a_failing_task_ends_the_block() -> None:
    """Its failure comes out in a group."""

    async def fail() -> None:
        raise ValueError("broken")

    with pytest.raises(ExceptionGroup) as caught:
        async with background(work=fail()):
            await asyncio.sleep(1000)
    assert "broken" in str(caught.value.exceptions)


async def test_the_blocks_own_failure_is_not_wrapped() -> None:
    """It comes out as it is."""
    with pytest.raises(KeyError):
        async with background(work=asyncio.sleep(1000)):
            raise KeyError("mine")


async def test_a_change_wakes_all_who_wait() -> None:
    """Each announcement those that wait for it."""
    change = Change()
    woken = []

    async def wait(name: str) -> None:
        await change.wait()
        woken.append(name)

    async with background(a=wait("a"), b=wait("b")):
        await asyncio.sleep(1)
        change.announce()
        await asyncio.sleep(1)
    assert woken == ["a", "b"]


async def test_expendable_work_may_fail(caplog: pytest.LogCaptureFixture) -> None:
    """The block and the others go on; it is logged."""
    done: list[str] = []

    async def fail() -> None:
        raise ZeroDivisionError("a bug")

    async def work() -> None:
        done.append("work")

    async with background() as spawn:
        beside = expendable(spawn)
        beside("this one", fail())
        beside("another", work())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        # Cancelled by the end of the block, before its first step.
        beside("too late", work())
    assert done == ["work"]
    assert "this one failed" in caplog.text
