"""Histograms and counts, alone and merged."""

import gc
import weakref

import numpy as np
import pytest

from bridge.load.figures import Histogram, Tally


def recorded(*seconds: float) -> Histogram:
    histogram = Histogram()
    for each in seconds:
        histogram.record(each)
    return histogram


def test_percentiles_are_true_to_three_digits() -> None:
    histogram = recorded(*(number / 1000 for number in range(1, 1001)))
    for percentile in (1, 50, 90, 99, 100):
        expected_ms = percentile * 10
        assert histogram.percentile_ms(percentile) == pytest.approx(
            expected_ms, rel=0.002
        )
    assert histogram.max_ms == pytest.approx(1000, rel=0.001)
    assert histogram.mean_ms == pytest.approx(500.5, rel=0.002)


def test_nothing_is_cut_off() -> None:
    """Below a microsecond is one, above an hour is an hour, and all are counted."""
    histogram = recorded(-1.0, 0.0, 3000.0, 10_000.0)
    assert len(histogram) == 4
    assert histogram.max_ms == pytest.approx(3_600_000, rel=0.001)


def test_many_at_once_are_the_same_as_one_by_one() -> None:
    seconds = np.random.default_rng(0).lognormal(-4, 1.5, 20_000).tolist()
    one_by_one, at_once = recorded(*seconds), Histogram()
    at_once.record_all(seconds)
    assert len(at_once) == len(one_by_one)
    for percentile in (0, 10, 50, 90, 99, 99.9, 100):
        assert at_once.percentile_ms(percentile) == pytest.approx(
            one_by_one.percentile_ms(percentile), rel=0.003
        )


def test_parts_add_up_to_the_whole() -> None:
    """Merged as text, as workers send it: the same as if one had timed all."""
    first, second = recorded(0.01, 0.02), recorded(0.03, 5.0)
    merged = Histogram.decoded(first.encoded())
    merged.add(Histogram.decoded(second.encoded()))
    assert merged.encoded() == recorded(0.01, 0.02, 0.03, 5.0).encoded()


def test_a_tally_travels_and_adds_up() -> None:
    tally = Tally()
    tally.count("calls", 2)
    tally.record("round_trip_ms", 0.05)
    tally.gather("inter_arrival_ms", [0.02, 0.021])
    tally.settle()
    tally.settle()
    whole = Tally.sum([Tally.unpacked(tally.packed()), Tally.unpacked(tally.packed())])
    assert whole.counts == {"calls": 4}
    assert len(whole.histograms["inter_arrival_ms"]) == 4
    assert whole.percentile_ms("round_trip_ms", 50) == pytest.approx(50, rel=0.01)
    assert whole.percentile_ms("response_ms", 50) is None
    tally.reset()
    assert tally.packed() == {"counts": {}, "histograms": {}}


def test_a_summary_has_the_whole_curve() -> None:
    summary = recorded(*(number / 1000 for number in range(1, 101))).summary()
    levels = [level for level, _ in summary["curve"]]
    values = [value for _, value in summary["curve"]]
    assert levels == sorted(levels)
    assert values == sorted(values)
    assert levels[-1] == 100.0
    assert summary["count"] == 100


def test_it_is_gone_when_nobody_has_it() -> None:
    """Callers keep the collector from running: nothing may wait for it."""
    gc.disable()
    try:
        histogram = recorded(0.02)
        inside = weakref.ref(histogram._hdr)
        del histogram
        assert inside() is None
    finally:
        gc.enable()
