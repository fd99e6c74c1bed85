"""Reports made by hand."""

from typing import Any

from bridge.load.figures import Tally
from bridge.load.plan import Plan
from bridge.load.report import Report, report_of, second_of

__all__ = ["a_report", "a_stream", "a_tally"]

URL = "ws://me:secret@127.0.0.1:1/<b>&c?token=secret"


def a_tally(round_trip_s: float = 0.03, late_s: float = 0.001) -> Tally:
    tally = Tally()
    tally.count("calls", 2)
    tally.count("frames_sent", 6000)
    tally.count("underruns", 4)
    tally.count("underrun_s", 2.0)
    tally.count("lost_frames", 60)
    tally.count("followed_frames", 6000)
    tally.count("stream_s", 120.0)
    tally.count("audio_received_s", 120.0)
    for number in range(1000):
        tally.record("round_trip_ms", round_trip_s + number * 1e-6)
        tally.record("own_late_ms", late_s)
    return tally


def a_stream(number: int = 0, **facts: Any) -> dict[str, Any]:
    return {
        "number": number,
        "caller": "caller",
        "began_s": 0.0,
        "ended_s": 60.0,
        "end": "1000 by us",
        "is_failed": False,
        "underruns": 2,
        "underrun_s": 1.0,
        "underruns_at": [(10.0, 0.5), (20.0, 0.5)],
        "drift_percent": 0.5,
    } | facts


def a_report(tally: Tally | None = None, cores: float = 0.3, **plan: Any) -> Report:
    seconds = []
    for number in range(60):
        second = second_of(number, 2, tally or a_tally())
        second |= {"own_cpu_cores": cores, "busiest_cores": cores, "own_memory_mb": 90}
        second |= {"server_cpu_cores": 0.2, "server_memory_mb": 70.0 + number}
        seconds.append(second)
    whole = Plan.model_validate({"url": URL, **plan})
    streams = [a_stream(1, broke={"<odd> & 'end'": 3}), a_stream(0)]
    report = report_of(whole, tally or a_tally(), streams, seconds)
    report.tool = "mpc-bridge test"
    report.began_at = "2026-11-21T10:00:00Z"
    return report
