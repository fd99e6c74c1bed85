"""One piece of speech, and how much of it was heard."""

import asyncio

import numpy as np

from bridge.call.heard import Bounds, Certainty
from bridge.call.playback import Playback


def playback(count: int = 1600) -> Playback:
    piece = Playback(16000, 8000, "greeting")
    piece.add(np.arange(count).astype(np.int16))
    return piece


async def test_samples_are_taken_in_order_across_chunks() -> None:
    """Whatever their sizes; the last may be short."""
    piece = Playback(16000, 8000)
    for begin in (0, 5, 9):
        piece.add(
            np.arange(begin, begin + 5).astype(np.int16)[: 4 if begin == 5 else 5]
        )

    assert piece.take(3).tolist() == [0, 1, 2]
    assert piece.take(4).tolist() == [3, 4, 5, 6]
    assert piece.take(100).tolist() == [7, 8, 9, 10, 11, 12, 13]
    assert piece.queued_samples == 0


async def test_what_was_heard_is_counted_over_all_its_stretches() -> None:
    """Silence sent between them is not its own."""
    piece = playback()
    piece.book(100, 200, 0)
    piece.book(300, 100, 0)
    piece.book(1000, 500, 0)

    heard = piece.heard(Bounds(1100, 1200, Certainty.BOUNDED))

    assert heard.samples == 2 * 400
    assert heard.at_most_samples == 2 * 500
    assert not heard.complete
    assert heard.duration_s == 0.05
    assert piece.spans(100)
    assert not piece.spans(500)


async def test_folded_stretches_still_count() -> None:
    """Only their details are forgotten."""
    piece = playback()
    piece.book(0, 100, 0)
    piece.book(200, 100, 0)

    piece.fold(150)

    assert piece.heard(Bounds(250, 250, Certainty.BOUNDED)).samples == 2 * 150
    assert piece.has_begun


async def test_the_resamplers_delay_is_not_speech() -> None:
    """The first samples heard are its silence."""
    piece = playback()
    piece.book(0, 812, 12)

    assert piece.heard(Bounds(10, 12, Certainty.BOUNDED)).at_most_samples == 0
    assert piece.heard(Bounds(812, 812, Certainty.BOUNDED)).samples == 1600


async def test_it_is_settled_once() -> None:
    """The first word stands, and what is queued goes nowhere."""
    piece = playback()
    acted: list[str] = []
    piece.on_settled(lambda: acted.append("settled"))
    first = piece.heard(Bounds(0, 0, Certainty.ESTIMATED))

    piece.settle(first)
    piece.settle(piece.played_out(Certainty.CONFIRMED))
    piece.add(np.zeros(5, np.int16))
    await asyncio.sleep(0)

    assert await piece.done() is first
    assert piece.queued_samples == 0
    assert acted == ["settled"]
    assert repr(piece) == "<Playback 'greeting' 1600 samples, done>"


async def test_cancelling_who_waits_does_not_cancel_the_playback() -> None:
    """Somebody else may wait, too."""
    piece = playback()
    waiting = asyncio.ensure_future(piece.done())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.sleep(0)

    piece.settle(piece.played_out(Certainty.CONFIRMED))

    assert (await piece.done()).complete
