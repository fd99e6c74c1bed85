"""The ledger of what the far end has played, against a far end that plays."""

import random
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.audio.pcm import silence
from bridge.call.heard import (
    ASSUMED_LATENCY_S,
    FAR_FRAME_S,
    Bounds,
    Certainty,
    HeardLedger,
)
from bridge.engine.far_buffer import FarBuffer

RATE_HZ = 8000


def test_nothing_sent_is_nothing_heard() -> None:
    """And that is certain."""
    assert HeardLedger(RATE_HZ).bounds(5.0) == Bounds(0, 0, Certainty.CONFIRMED)


def test_without_acks_it_is_an_estimate_between_two_models() -> None:
    """At most what time allows, at least what a slow line would."""
    ledger = HeardLedger(RATE_HZ)
    ledger.send(8000, 0.0)

    bounds = ledger.bounds(0.5)

    assert bounds.most == 4000
    slowest_s = ASSUMED_LATENCY_S + FAR_FRAME_S
    assert bounds.least == round((0.5 - slowest_s) * RATE_HZ)
    assert bounds.certainty is Certainty.ESTIMATED
    assert ledger.ahead_s(0.5) == pytest.approx(0.5)
    assert ledger.all_played_by_s() == pytest.approx(1.0 + slowest_s)


def test_an_ack_confirms_what_is_before_it() -> None:
    """And from there on time is counted again."""
    ledger = HeardLedger(RATE_HZ)
    ledger.send(800, 0.0)
    name = ledger.checkpoint("", 0.0)
    ledger.send(7200, 0.0)

    assert ledger.acknowledge(name, 0.11)

    bounds = ledger.bounds(0.11)
    assert bounds.least == 800
    assert bounds.certainty is Certainty.BOUNDED
    assert ledger.latency_s == pytest.approx(0.01)
    assert ledger.bounds(0.51).least == 800 + round(0.38 * RATE_HZ)


def test_all_acknowledged_is_confirmed() -> None:
    """Nothing is left to guess."""
    ledger = HeardLedger(RATE_HZ)
    ledger.send(800, 0.0)
    ledger.acknowledge(ledger.checkpoint("end", 0.0), 0.2)

    assert ledger.bounds(0.2) == Bounds(800, 800, Certainty.CONFIRMED)


def test_an_ack_that_never_comes_hangs_nothing() -> None:
    """Time alone says that it was played."""
    ledger = HeardLedger(RATE_HZ)
    ledger.send(800, 0.0)
    ledger.checkpoint("lost", 0.0)

    assert ledger.bounds(9.0) == Bounds(800, 800, Certainty.ESTIMATED)


def test_after_a_clear_old_acks_are_stale() -> None:
    """They are not booked on the next utterance, whose names differ."""
    ledger = HeardLedger(RATE_HZ)
    ledger.send(8000, 0.0)
    old = ledger.checkpoint("greeting", 0.0)
    heard = ledger.clear(0.3)
    ledger.send(8000, 0.4)
    new = ledger.checkpoint("greeting", 0.4)

    assert old != new
    assert not ledger.acknowledge(old, 0.5)
    assert heard.least <= 2400 <= heard.most
    assert ledger.bounds(0.4).least == 8000
    assert ledger.bounds(9.0).certainty is Certainty.ESTIMATED
    assert not ledger.acknowledge("nobody's", 0.6)


def test_a_checkpoint_can_be_given_up() -> None:
    """Then its ack is stale, too."""
    ledger = HeardLedger(RATE_HZ)
    ledger.send(800, 0.0)
    name = ledger.checkpoint("", 0.0)

    ledger.forget(name)
    ledger.forget(name)

    assert not ledger.acknowledge(name, 1.0)


def test_a_pause_is_not_counted_as_playing() -> None:
    """After the far end ran dry, time allows nothing until more is sent."""
    ledger = HeardLedger(RATE_HZ)
    ledger.send(800, 0.0)
    ledger.send(800, 5.0)

    bounds = ledger.bounds(5.05)

    assert bounds.most == 1200
    assert bounds.least == 800


def test_the_longest_speech_keeps_little() -> None:
    """An hour without any ack: what was sent is not remembered for ever."""
    ledger = HeardLedger(RATE_HZ)
    tracemalloc.start()
    try:
        for number in range(180_000):
            ledger.send(160, number * 0.02)
        kept_bytes, _peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert kept_bytes < 10_000
    assert ledger.bounds(3600.0).most == 180_000 * 160


@given(
    seed=st.integers(0, 10_000),
    latency_ms=st.integers(0, 60),
    lost=st.floats(0, 1),
    first_lost=st.booleans(),
)
def test_it_never_claims_what_was_not_heard(
    seed: int,
    latency_ms: int,
    lost: float,
    first_lost: bool,
) -> None:
    """Random speech, pauses, lost and late acks, clears: the truth is in the bounds.

    The far end plays in ticks of 20 ms; each way takes `latency_ms`.
    """
    chance = random.Random(seed)
    ledger, far = HeardLedger(RATE_HZ), FarBuffer(10**7)
    line: list[tuple[int, str, object]] = []
    base = cleared = acks = 0
    for ms in range(0, 6000, 5):
        now_s = ms / 1000
        for arrives_ms, kind, what in [each for each in line if each[0] <= ms]:
            line.remove((arrives_ms, kind, what))
            if kind == "audio":
                far.play(silence(int(str(what))))
            elif kind == "mark":
                acks += 1
                if far.checkpoint(str(what)):
                    line.append((ms + latency_ms, "ack", what))
            elif kind == "clear":
                far.clear()
                base = int(str(what))
                cleared = far.played_samples
            elif kind == "ack":
                ledger.acknowledge(str(what), now_s)
        if ms % 20 == 0:
            for name in far.take(160)[1]:
                is_lost = (first_lost and name == "1") or chance.random() < lost
                if not is_lost:
                    line.append((ms + latency_ms, "ack", name))
        if chance.random() < 0.1 and ledger.ahead_s(now_s) < 0.16:
            count = chance.choice([80, 160, 480, 1280])
            ledger.send(count, now_s)
            line.append((ms + latency_ms, "audio", count))
            if chance.random() < 0.5:
                name = ledger.checkpoint("", now_s)
                line.append((ms + latency_ms, "mark", name))
        pending_clear = any(kind == "clear" for _, kind, _what in line)
        if not pending_clear:
            truth = base + far.played_samples - cleared
            bounds = ledger.bounds(now_s)
            assert bounds.least <= truth <= bounds.most + 160
            if chance.random() < 0.01:
                claimed = ledger.clear(now_s)
                assert claimed.least <= truth <= claimed.most + 160
                line.append((ms + latency_ms, "clear", ledger.sent_samples))
    assert acks >= 0
