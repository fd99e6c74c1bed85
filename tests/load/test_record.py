"""What is noted of one stream."""

import pytest

from bridge.load.figures import Tally
from bridge.load.playout import Gap
from bridge.load.record import GAPS_KEPT, Record


def a_record() -> Record:
    return Record(3, "caller", Tally(), origin_s=100.0)


def test_underruns_are_all_counted_and_the_first_are_placed() -> None:
    record = a_record()
    for number in range(GAPS_KEPT + 10):
        record.underran(Gap(101.0 + number, 0.5))
    document = record.document()
    assert document["underruns"] == GAPS_KEPT + 10
    assert document["underrun_s"] == pytest.approx((GAPS_KEPT + 10) / 2)
    assert document["underruns_at"][0] == (1.0, 0.5)
    assert len(document["underruns_at"]) == GAPS_KEPT
    assert len(record.tally.histograms["underrun_ms"]) == GAPS_KEPT + 10


def test_what_happens_all_the_time_is_counted_once() -> None:
    record = a_record()
    for _ in range(3):
        record.frames_sent += 50
        record.inter_arrivals_s.extend([0.02] * 50)
        record.settle()
    record.frames_sent += 7
    document = record.document()
    record.tally.settle()
    assert document["frames_sent"] == record.tally.counts["frames_sent"] == 157
    assert len(record.tally.histograms["inter_arrival_ms"]) == 150
    assert len(record.inter_arrival) == 150


@pytest.mark.parametrize("drift", [0.01, -0.005, 0.0])
def test_drift_is_the_slope_of_delays(drift: float) -> None:
    record = a_record()
    record.delays = [(at_s, 0.05 + drift * at_s) for at_s in range(20)]
    assert record.document()["drift_percent"] == pytest.approx(100 * drift, abs=1e-4)


def test_a_stall_is_no_drift() -> None:
    record = a_record()
    record.delays = [(at_s, 0.7 if 5 <= at_s < 8 else 0.05) for at_s in range(30)]
    assert record.document()["drift_percent"] == pytest.approx(0.0, abs=0.01)


def test_few_marks_tell_no_drift() -> None:
    record = a_record()
    record.delays = [(at_s, at_s * 0.1) for at_s in range(5)]
    assert "drift_percent" not in record.document()


def test_times_are_told_by_median_and_worst() -> None:
    record = a_record()
    for seconds in (0.1, 0.3, 0.2):
        record.time("round_trip_ms", seconds)
    record.time("connect_ms", 0.004)
    record.violated("binary message")
    document = record.document()
    assert document["round_trip_p50_ms"] == pytest.approx(200)
    assert document["round_trip_max_ms"] == pytest.approx(300)
    assert document["connect_ms"] == pytest.approx(4)
    assert document["broke"] == {"binary message": 1}
