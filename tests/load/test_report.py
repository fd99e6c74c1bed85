"""What a report says, and when it is not to be believed."""

from pathlib import Path

import pytest

from bridge.errors import ConfigError
from bridge.load.report import read
from tests.load.made import a_report, a_tally


def test_figures_are_those_of_the_whole() -> None:
    figures = a_report().figures
    assert figures["underruns_per_minute"] == pytest.approx(2.0)
    assert figures["underrun_percent"] == pytest.approx(100 * 2 / 120)
    assert figures["lost_percent"] == pytest.approx(1.0)
    assert figures["received_ratio"] == pytest.approx(1.0)
    assert figures["round_trip_p50_ms"] == pytest.approx(30.5, rel=0.01)
    assert figures["server_cpu_ms_per_stream_s"] == pytest.approx(100)
    assert figures["server_memory_mb"] == pytest.approx(129)
    assert figures["streams_peak"] == 2
    assert figures["drift_percent"] == 0.5


def test_streams_stand_in_order_and_endings_are_counted() -> None:
    report = a_report()
    assert [stream["number"] for stream in report.streams] == [0, 1]
    assert report.closes == {"1000 by us": 2}
    assert report.violations == {"<odd> & 'end'": 3}


def test_thresholds_are_checked_and_the_unmeasured_fails() -> None:
    report = a_report(
        fail_if=["round_trip_p99_ms > 60", "underruns > 3", "response_p50_ms > 1"]
    )
    assert [each.failed for each in report.thresholds] == [False, True, True]
    assert report.thresholds[2].value is None
    assert report.has_failed
    assert not a_report(fail_if=["calls < 1", "out_of_order_frames > 0"]).has_failed


def test_a_run_that_kept_its_time_is_reliable() -> None:
    assert a_report().is_reliable


def test_late_frames_make_it_unreliable() -> None:
    report = a_report(a_tally(late_s=0.012))
    assert not report.is_reliable
    assert "12.0 ms late" in report.unreliable_because[0]
    assert a_report(a_tally(late_s=0.012), limits={"late_p99_ms": 20}).is_reliable


def test_a_busy_core_makes_it_unreliable() -> None:
    assert "60 of 60 seconds" in a_report(cores=0.95).unreliable_because[0]


def test_nothing_sent_is_no_measurement() -> None:
    tally = a_tally()
    tally.counts["frames_sent"] = 0
    assert a_report(tally).unreliable_because == ["no frame was sent"]


def test_it_says_where_nothing_came_back() -> None:
    tally = a_tally()
    del tally.histograms["round_trip_ms"]
    tally.count("marks_sent", 10)
    tally.count("marks_lost", 10)
    del tally.counts["followed_frames"]
    report = a_report(tally)
    assert "no echo" in report.notes[0]
    assert "lost_percent" not in report.figures


def test_saved_and_read_it_is_the_same(tmp_path: Path) -> None:
    report = a_report(fail_if=["calls < 1"])
    report.streams = [{"number": 0, "end": "1000 by us"}]
    path = tmp_path / "report.json"
    path.write_bytes(report.encoded())
    again = read(path)
    assert again.figures == report.figures
    assert (again.streams, again.closes) == (report.streams, report.closes)
    p99_ms = again.histogram("round_trip_ms").percentile_ms(99)
    assert p99_ms == report.figures["round_trip_p99_ms"]


@pytest.mark.parametrize("text", ["", "{}", "[1]", "nonsense"])
def test_other_files_are_no_reports(tmp_path: Path, text: str) -> None:
    path = tmp_path / "report.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match="no report"):
        read(path)
    with pytest.raises(ConfigError, match="No such file"):
        read(tmp_path / "none.json")


def test_secrets_stay_out_of_it() -> None:
    text = a_report(token="s3cret", auth_token="t0ken", headers={"X-Key": "k3y"})
    encoded = text.encoded()
    secrets = (b"s3cret", b"t0ken", b"k3y", b"secret", b"me:")
    assert not any(each in encoded for each in secrets)
