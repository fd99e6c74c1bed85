"""What load runs measure, held against servers whose flaws are known.

Figures are true to the tenth that the harness promises, and to what the machine itself
was late by meanwhile, as a thread saw that does nothing else: a busy machine makes the
judgement milder by as much, and a quiet one leaves it strict.
"""

import asyncio
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bridge.audio import files
from bridge.audio.tones import tone
from bridge.load import Constant, Plan, Report, run
from tests.fakes.flawed_server import flawed
from tests.patience import lateness

pytestmark = pytest.mark.slow

STREAMS = 3

DURATIONS_S = {
    "drifts": 16,
    "drops": 9,
    "repeats": 9,
    "silent": 7,
    "stalls": 6,
    "swaps": 6,
    "flaw": 5,
    "late": 5,
    "floods": 5,
    "breaks": 4,
    "overflows": 3,
}
"""The longest first."""

AT_ONCE = 3
"""Some runs beside each other save minutes, and are still on time."""

CALM_S = 0.02
"""A machine that is never late by more makes no holes of its own."""


class Measured(NamedTuple):
    """A run, and how late the machine was meanwhile."""

    report: Report
    late_s: float

    @property
    def figures(self) -> dict[str, float]:
        """Of the run."""
        return self.report.figures

    @property
    def is_calm(self) -> bool:
        """Whether all there is to hear is the server's."""
        return self.late_s < CALM_S

    def near(self, truth: float, per_late_s: float = 0.0) -> Any:
        """Within a tenth, and what so much being late may do to it."""
        return pytest.approx(truth, abs=0.1 * truth + per_late_s * self.late_s)


Runs = dict[str, Measured]


async def of(flaw: str, duration_s: float, **plan: Any) -> Measured:
    """Run against a server with a flaw."""
    async with flawed(flaw) as url:
        whole = {"arrivals": Constant(streams=STREAMS), "duration_s": duration_s}
        with lateness() as longest_s:
            report = await run(Plan.model_validate({"url": url, **whole, **plan}))
            return Measured(report, longest_s())


@pytest.fixture(scope="module")
def runs() -> Runs:
    """One against each flaw."""

    async def all_of_them() -> list[Measured]:
        places = asyncio.Semaphore(AT_ONCE)

        async def one(flaw: str, duration_s: float) -> Measured:
            async with places:
                return await of(flaw, duration_s)

        return await asyncio.gather(*(one(*each) for each in DURATIONS_S.items()))

    return dict(zip(DURATIONS_S, asyncio.run(all_of_them()), strict=True))


def every(number: int, figures: dict[str, float]) -> Any:
    """How often a flaw that comes with so many frames has come, one a stream aside."""
    return pytest.approx(figures["frames_sent"] / number, abs=STREAMS)


def test_without_a_flaw_none_is_found(runs: Runs) -> None:
    figures = runs["flaw"].figures
    assert figures["round_trip_p50_ms"] < 10 + 1000 * runs["flaw"].late_s
    assert figures.get("lost_frames", 0) == figures["violations"] == 0
    assert figures["received_ratio"] == runs["flaw"].near(1.0, 0.2)
    assert figures["calls_failed"] == figures["unanswered_calls"] == 0
    assert figures["marks_sent"] >= 3 * STREAMS


def test_thirty_milliseconds_late(runs: Runs) -> None:
    """Beside the same server on time: the rest is the machine's."""
    late, on_time = runs["late"], runs["flaw"]
    late_ms, on_time_ms = (
        each.figures["round_trip_p50_ms"] for each in (late, on_time)
    )
    slack_ms = 1000 * max(late.late_s, on_time.late_s)
    assert late_ms - on_time_ms == pytest.approx(30, abs=3 + slack_ms)
    assert late_ms > 30


def test_a_stall_is_heard_in_full(runs: Runs) -> None:
    """One underrun a stream, of 700 ms less what the tick still had."""
    for stream in runs["stalls"].report.streams:
        longest_s = max(length_s for _, length_s in stream["underruns_at"])
        assert longest_s == runs["stalls"].near(0.7, 2)
    longest_ms = runs["stalls"].figures["inter_arrival_max_ms"]
    assert longest_ms == runs["stalls"].near(700, 2000)


def test_every_fiftieth_frame_dropped(runs: Runs) -> None:
    """Each is seen as a lost frame, and heard as 20 ms of nothing."""
    figures = runs["drops"].figures
    assert figures["lost_frames"] == every(50, figures)
    assert figures["underruns"] > 0
    if runs["drops"].is_calm:
        assert figures["underruns"] == pytest.approx(figures["lost_frames"], rel=0.3)


def test_repeated_and_swapped_frames_are_not_lost(runs: Runs) -> None:
    repeats, swaps = runs["repeats"].figures, runs["swaps"].figures
    assert repeats["repeated_frames"] == every(100, repeats)
    assert repeats.get("lost_frames", 0) == 0
    assert swaps["out_of_order_frames"] == every(50, swaps)
    assert swaps.get("lost_frames", 0) == 0


def test_a_flood(runs: Runs) -> None:
    assert runs["floods"].figures["received_ratio"] == runs["floods"].near(5, 1)


def test_more_than_the_far_end_holds(runs: Runs) -> None:
    run_ = runs["overflows"]
    assert run_.figures["dropped_s"] == run_.near(30 * STREAMS)
    assert "buffer_overflow: over 60 s queued" in run_.report.violations


def test_no_answer(runs: Runs) -> None:
    figures = runs["silent"].figures
    assert figures["unanswered_calls"] == STREAMS
    assert figures["marks_lost"] > 0
    assert "no echo" in runs["silent"].report.notes[0]
    assert "round_trip_p50_ms" not in figures


def test_a_slow_clock(runs: Runs) -> None:
    """A server that is 1 % slow: delays grow by it, and it starves us by it."""
    drifts = runs["drifts"]
    # Whatever makes this server late, it never makes up for.
    assert drifts.figures["drift_percent"] > 0.9
    assert drifts.figures["underrun_percent"] > 0.7
    if drifts.is_calm:
        assert drifts.figures["drift_percent"] < 1.1
        assert drifts.figures["underrun_percent"] < 1.3


def test_messages_of_no_use_are_counted_by_kind(runs: Runs) -> None:
    report = runs["breaks"].report
    (kind,) = report.violations
    assert kind.startswith("malformed playAudio")
    assert report.figures["malformed"] == every(50, report.figures)


async def test_a_conversation(tmp_path: Path) -> None:
    """Answers after half a second, a frame and a tick; silence after five frames."""
    files.write(tmp_path / "hello.wav", tone(600, 0.8, 8000), 8000)
    hello = str(tmp_path / "hello.wav")
    script = [
        {"do": "wait", "s": 0.4},
        {"do": "say", "audio": hello},
        {"do": "interrupt", "audio": hello, "after_s": 0.6},
        {"do": "listen"},
        {"do": "press", "keys": "12#"},
    ]
    callers = [{"script": script, "rounds": 1, "call_s": 30}]
    held = await of("answers", 9, callers=callers)
    figures = held.figures
    assert figures["response_p50_ms"] == held.near(520, 2000)
    assert figures["barge_in_p50_ms"] == held.near(120, 2000)
    assert figures["clears"] == STREAMS
    assert figures["keys_sent"] == 3 * STREAMS
    assert figures["underruns"] == 0
