"""`figure > number`."""

import pytest

from bridge.load.thresholds import Threshold


@pytest.mark.parametrize(
    ("text", "value", "is_met"),
    [
        ("round_trip_p99_ms > 60", 60.0, False),
        ("round_trip_p99_ms > 60", 60.1, True),
        ("calls<10", 9, True),
        ("calls >= 10", 10, True),
        ("calls <= 9.5", 10, False),
        ("violations != 0", 0, False),
        ("calls == 3", 3, True),
        ("drift_percent < -0.5", -1.0, True),
    ],
)
def test_comparisons(text: str, value: float, is_met: bool) -> None:
    assert Threshold.parse(text).is_met_by(value) is is_met


@pytest.mark.parametrize(
    "text", ["", "p99", "p99 >", "> 3", "P99 > 3", "a => 3", "a > b"]
)
def test_anything_else_is_no_threshold(text: str) -> None:
    with pytest.raises(ValueError, match="not of the form"):
        Threshold.parse(text)


def test_it_is_written_as_it_is_read() -> None:
    assert str(Threshold.parse("a>=1.50")) == "a >= 1.5"
