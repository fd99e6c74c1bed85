"""The queue between the caller and the bot."""

import asyncio

import numpy as np

from bridge.audio.pcm import silence
from bridge.call.events import Audio, Dtmf, Ended, Gap
from bridge.call.inbound import LATE, MOST_OTHER_EVENTS, Inbound
from bridge.tasks import background


def frame(number: int) -> Audio:
    return Audio(np.full(160, number, np.int16), number * 160)


def taken(inbound: Inbound) -> list[object]:
    found: list[object] = []
    while (event := inbound.take()) is not None:
        found.append(int(event.samples[0]) if isinstance(event, Audio) else event)
        if isinstance(event, Ended):
            break
    return found


def test_events_come_in_order() -> None:
    """Audio and all else in one queue."""
    inbound = Inbound(8000, 5.0)
    for event in (frame(1), Dtmf("5"), frame(2)):
        inbound.push(event)

    assert taken(inbound) == [1, Dtmf("5"), 2]
    assert inbound.take() is None


def test_the_oldest_audio_gives_way_and_nothing_else() -> None:
    """A gap says how much; keys are never lost."""
    inbound = Inbound(8000, 0.06)
    inbound.take()
    for event in (frame(1), Dtmf("5"), frame(2), frame(3), frame(4), frame(5)):
        inbound.push(event)

    assert taken(inbound) == [Gap(0.02, LATE), Dtmf("5"), Gap(0.02, LATE), 3, 4, 5]
    assert inbound.dropped_samples == 320


def test_one_gap_grows() -> None:
    """A thousand lost frames are one event."""
    inbound = Inbound(8000, 0.02)
    inbound.take()
    for number in range(1000):
        inbound.push(frame(number))

    gap, last = taken(inbound)
    assert isinstance(gap, Gap)
    assert round(gap.duration_s, 6) == 19.98
    assert last == 999


async def test_who_waits_is_handed_what_comes() -> None:
    """It stays the first of all, until somebody takes it."""
    inbound = Inbound(8000, 0.04)
    waiting = inbound.filled()
    assert waiting is not None

    for event in (frame(1), Dtmf("5"), frame(2), frame(3), frame(4)):
        inbound.push(event)

    assert waiting.done()
    assert not inbound.is_empty
    assert inbound.filled() is None
    assert taken(inbound) == [1, Dtmf("5"), Gap(0.02, LATE), 3, 4]
    assert inbound.taken == 5
    assert inbound.is_empty


async def test_what_was_handed_to_who_gave_up_is_not_lost() -> None:
    """Another reader takes it; one who begins anew does not."""
    inbound = Inbound(8000, 1.0)
    waiting = inbound.filled()
    assert waiting is not None
    reading = asyncio.ensure_future(asyncio.wait_for(waiting, 1))
    await asyncio.sleep(0)
    inbound.push(frame(1))
    reading.cancel()
    await asyncio.wait({reading})
    assert taken(inbound) == [1]

    inbound.filled()
    inbound.push(frame(2))
    inbound.begin_anew()
    assert inbound.is_empty
    assert taken(inbound) == []


async def test_after_a_reader_that_gave_up_audio_is_queued() -> None:
    """There is nobody to hand it to."""
    inbound = Inbound(8000, 0.02)
    waiting = inbound.filled()
    assert waiting is not None
    waiting.cancel()
    for number in (1, 2):
        inbound.push(frame(number))

    assert taken(inbound) == [Gap(0.02, LATE), 2]


def test_a_bot_that_has_not_listened_yet_finds_fresh_audio() -> None:
    """The last 0.2 s, and no gap: nobody missed the rest."""
    inbound = Inbound(8000, 5.0)
    for number in range(100):
        inbound.push(frame(number))
    inbound.push(Dtmf("1"))

    assert taken(inbound) == [*range(90, 100), Dtmf("1")]
    assert inbound.dropped_samples == 0


def test_the_end_stays() -> None:
    """However often it is asked for."""
    inbound = Inbound(8000, 5.0)
    inbound.push(Ended("over"))

    assert [inbound.take(), inbound.take()] == [Ended("over"), Ended("over")]


def test_a_flood_of_keys_is_bounded() -> None:
    """The newest stay, and audio with them."""
    inbound = Inbound(8000, 1.0)
    inbound.take()
    for number in range(10_000):
        inbound.push(Dtmf(str(number % 10)))
        if number % 100 == 0:
            inbound.push(frame(number % 7))

    found = taken(inbound)
    assert len(found) <= 50 + MOST_OTHER_EVENTS
    assert found[-1] == Dtmf("9")
    assert any(isinstance(event, int) for event in found)


async def test_a_reader_is_woken() -> None:
    """By the next event, however many come."""
    inbound = Inbound(8000, 5.0)
    found: list[object] = []

    async def read() -> None:
        while True:
            filled = inbound.filled()
            if filled is not None:
                await filled
            found.extend(taken(inbound))

    async with background(reader=read()):
        await asyncio.sleep(1)
        inbound.push(Audio(silence(160), 0))
        inbound.push(Dtmf("1"))
        await asyncio.sleep(1)
    assert found == [0, Dtmf("1")]


async def test_who_waits_for_the_first_event_has_begun_to_listen() -> None:
    """A burst after a stall is all theirs, not just its last fifth of a second."""
    inbound = Inbound(8000, 5.0)
    waiting = inbound.filled()
    assert waiting is not None

    for number in range(50):
        inbound.push_audio(frame(number))

    assert waiting.done()
    assert taken(inbound) == list(range(50))
