"""How long a recognizer may take for the next utterance."""

import math

import pytest

from bridge.speech.pace import Pace


def test_a_recognizer_s_pace_is_its_worst_of_late() -> None:
    """Slower is believed at once, quicker after many utterances."""
    pace = Pace()
    assert pace.expected_s(1.0) == math.inf
    pace.learn(1.0, 0.05)
    assert pace.expected_s(1.0) == pytest.approx(0.05)
    assert pace.expected_s(5.0) == pytest.approx(0.15)
    pace.learn(3.0, 0.4)
    assert pace.expected_s(3.0) == pytest.approx(0.4)
    pace.learn(3.0, 0.1)
    assert 0.35 < pace.expected_s(3.0) < 0.4
    for _ in range(100):
        pace.learn(3.0, 0.1)
    assert pace.expected_s(3.0) == pytest.approx(0.1, rel=0.05)
