"""Speech from elsewhere."""

import asyncio

import numpy as np

from bridge.audio.tones import tone
from bridge.call.call import Call
from bridge.call.events import Played
from bridge.speech.feed import Feed, Outbox
from bridge.tasks import background
from tests.fakes.far_end import calling


async def test_a_feed_gives_what_comes_and_ends_when_it_is_closed() -> None:
    """What does not fit is dropped, and counted."""
    feed = Feed(250)
    for _ in range(3):
        feed.add(np.ones(100, np.int16))
    pieces = feed.pieces()
    assert len(await anext(pieces)) == 100
    later = asyncio.ensure_future(asyncio.wait_for(_rest(pieces), 5.0))
    await asyncio.sleep(0.1)
    feed.add(np.ones(100, np.int16))
    await asyncio.sleep(0.1)
    feed.close()
    assert await later == [100, 100]
    assert (feed.samples, feed.dropped_samples) == (300, 100)


async def _rest(pieces) -> list[int]:  # type: ignore[no-untyped-def]
    return [len(piece) async for piece in pieces]


async def test_an_outbox_keeps_the_order_of_sound_and_marks() -> None:
    """A burst waits here; clearing drops it with its marks."""
    played: list[tuple[str, bool]] = []

    async def bot(call: Call) -> None:
        outbox = Outbox(call, 10.0)
        async with background(outbox=outbox.run()) as spawn:
            assert outbox.say(tone(440, 1.0, 16000))
            outbox.mark("one")
            assert outbox.say(tone(440, 8.0, 16000))
            outbox.mark("two")
            assert not outbox.say(tone(440, 8.0, 16000))

            async def stop() -> None:
                await asyncio.sleep(3.0)
                heard = outbox.clear()
                assert abs(heard.duration_s - 2.0) < 0.3
                assert outbox.say(tone(440, 1.0, 16000))
                await outbox.finished()
                call.hang_up()

            spawn("stop", stop())
            async for event in call.events():
                if isinstance(event, Played) and event.name:
                    played.append((event.name, event.heard.complete))

    async with calling(bot) as end:
        await asyncio.sleep(6.0)
        assert end.closed is not None

    assert played == [("one", True)]
    heard_s = np.count_nonzero(end.all_heard()) / 8000
    assert 3.8 < heard_s * 1.0 < 4.3
