"""Limits that are for all workers together."""

from bridge.server.elsewhere import STREAMS, Elsewhere, account_key
from bridge.server.workers.hub import Hub
from tests.server.workers.spokes import until, worker


async def test_what_others_have_is_counted_until_it_ends_or_they_do() -> None:
    """Also by one that starts later; one's own are not among them."""
    hub = Hub()
    async with worker(hub, 1, "one") as one:
        one.counts.tell(STREAMS, 3)
        async with worker(hub, 2, "two") as two, worker(hub, 3, "three") as three:
            await until(lambda: two.counts.count(STREAMS) == 3)
            two.counts.tell(STREAMS, 2)
            two.counts.tell(account_key("MA"), 2)
            await until(lambda: three.counts.count(STREAMS) == 5)
            await until(lambda: one.counts.count(account_key("MA")) == 2)
            assert two.counts.count(account_key("MA")) == 0
            assert one.counts.count(account_key("MB")) == 0
            two.counts.tell(account_key("MA"), 0)
            await until(lambda: one.counts.count(account_key("MA")) == 0)
        await until(lambda: one.counts.count(STREAMS) == 0)


async def test_what_is_the_same_is_not_told_again() -> None:
    """A frame-rate's worth of letters would cost more than the streams."""
    hub = Hub()
    async with worker(hub, 1, "one") as one:
        told: list[object] = []
        one.spoke.send = lambda letter, to=0: told.append(letter)  # type: ignore[method-assign]
        for number in (1, 1, 0, 0, 2):
            one.counts.tell(STREAMS, number)
        assert [letter.number for letter in told] == [1, 0, 2]  # type: ignore[attr-defined]


def test_alone_there_is_nothing_elsewhere() -> None:
    """The server of one process asks the same."""
    nowhere = Elsewhere()
    nowhere.tell(STREAMS, 3)
    assert nowhere.count(STREAMS) == 0
