"""What a worker did, second by second."""

import time
from time import perf_counter

import pytest

from bridge.load.seconds import Second, Seconds

BUSY_S = 0.2


def be_busy() -> None:
    until_s = time.process_time() + BUSY_S
    while time.process_time() < until_s:
        pass


def test_what_it_costs_to_end_calls_is_no_seconds_work() -> None:
    """It comes when nothing is sent any more."""
    told: list[Second] = []
    began_s, spent_s = perf_counter() - 1, time.process_time()
    seconds = Seconds(began_s, told.append, lambda: 2)
    be_busy()
    seconds.over()
    cores = (time.process_time() - spent_s) / (perf_counter() - began_s)
    be_busy()
    seconds.close(2)

    (second,) = told
    assert second.cpu_cores == pytest.approx(cores, rel=0.1)
    assert second.streams == 2


def test_of_a_moment_before_the_end_nothing_is_said() -> None:
    """A second that has only just begun is told as one without streams."""
    told: list[Second] = []
    seconds = Seconds(perf_counter() - 1, told.append, lambda: 2)
    seconds._tell(2)
    seconds.over()
    seconds._tell(2)

    assert [(each.streams, each.cpu_cores > 0) for each in told] == [
        (2, True),
        (0, False),
    ]


def test_a_second_in_which_calls_only_end_costs_nothing() -> None:
    """It is told all the same."""
    told: list[Second] = []
    seconds = Seconds(perf_counter() - 1, told.append, lambda: 2)
    seconds.over()
    seconds._tell(2)
    be_busy()
    seconds._tell(0)

    assert [second.cpu_cores for second in told] == [told[0].cpu_cores, 0.0]
    assert [second.number for second in told] == [0, 1]
