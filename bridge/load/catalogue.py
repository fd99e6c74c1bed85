"""The figures of a report: their names, what they mean, and how they come about."""

import difflib
import statistics
from collections.abc import Mapping
from typing import Any

from bridge.errors import ConfigError
from bridge.load.figures import HISTOGRAMS, Tally

__all__ = ["FIGURES", "check_name", "figures_of", "name_of"]

ALWAYS: Mapping[str, str] = {
    "calls": "calls that were begun",
    "calls_failed": "that could not connect, or were ended by the server with an error",
    "calls_turned_away": "that found as many streams as the plan allows",
    "unanswered_calls": "longer than 2 s in which the server never sent audio",
    "stream_s": "the time that all streams were open",
    "reconnects": "sockets that were lost on purpose, and connected anew",
    "unread_drops": "streams given up because the server left 40 s unread",
    "frames_sent": "20 ms frames that left",
    "messages_received": "`playAudio` messages",
    "audio_received_s": "their audio",
    "checkpoints": "checkpoints asked for",
    "clears": "`clearAudio` messages",
    "keys_sent": "DTMF keys pressed by callers",
    "keys_received": "DTMF keys sent by bots",
    "underruns": "times that nothing was heard where something should have been",
    "underrun_s": "the sum of their lengths, none left out",
    "dropped_s": "audio that did not fit into the far end's 60 s",
    "malformed": "messages that could not be taken",
    "violations": "everything a server must not send, malformed messages included",
    "own_frames_lost": "frames lost on purpose",
    "own_frames_malformed": "frames spoiled on purpose",
}
"""What is counted in every run."""

OF_MARKS: Mapping[str, str] = {
    "marks_sent": "stretches of audio that were looked for in what came back",
    "marks_lost": "that did not come back in time, or before the call ended",
    "marks_pending": "that were sent within 2 s of the end of their call, and not back",
}
"""What is counted where marks are sent: unless callers follow scripts."""

OF_FRAMES: Mapping[str, str] = {
    "followed_frames": "frames of `tones` of which it is known whether they came back",
    "lost_frames": "of these, those that did not",
    "repeated_frames": "frames that came back twice",
    "out_of_order_frames": "frames that came back after a later one",
    "unclear_frames": "stretches of 20 ms that were none of ours",
}
"""What is counted where `tones` come back."""

OF_TURNS: Mapping[str, str] = {
    "turns": "times that a caller's script spoke",
    "unanswered": "times that a caller heard nothing until they gave up",
    "spoken_over": "times that the bot was already speaking when the caller ended",
    "never_quiet": "times that a caller listened as long as they would, and it went on",
    "not_interrupted": "interruptions that the bot did not fall silent for",
    "nothing_to_interrupt": "interruptions that waited in vain for the bot to speak",
}
"""What is counted where callers follow scripts."""

DERIVED: Mapping[str, str] = {
    "streams_peak": "the most streams at once, at the end of a second",
    "streams_carried": "with `steps`: the most streams that broke no threshold",
    "received_ratio": "audio received, as a share of the time in streams",
    "underruns_per_minute": "underruns in a minute of one stream",
    "underrun_percent": "the share of the time in streams that was an underrun",
    "lost_percent": "lost frames, of those followed",
    "drift_percent": "how much slower than real time answers come, median of streams",
    "own_cpu_cores": "CPU that the callers used, mean",
    "own_memory_mb": "memory that the callers used, at most",
    "server_cpu_cores": "CPU that the server used, mean",
    "server_cpu_ms_per_stream_s": "the same for one second of one stream",
    "server_memory_mb": "memory that the server used, at most",
}
"""What is computed of several."""

PERCENTILES = {"p50": 50.0, "p90": 90.0, "p99": 99.0, "p999": 99.9, "max": 100.0}

FIGURES: Mapping[str, str] = {
    **ALWAYS,
    **OF_MARKS,
    **OF_FRAMES,
    **OF_TURNS,
    **DERIVED,
    **{
        f"{name.removesuffix('_ms')}_{percentile}_ms": text
        for name, text in HISTOGRAMS.items()
        for percentile in PERCENTILES
    },
}
"""Every figure, and what it means."""

MEASURED: Mapping[str, Mapping[str, str]] = {
    "marks_sent": OF_MARKS,
    "followed_frames": OF_FRAMES,
    "turns": OF_TURNS,
}
"""Groups of counts, and the count that shows that they were measured."""


def check_name(name: str) -> None:
    """See that a figure exists.

    Raises:
        ConfigError: If it does not; says which is meant.
    """
    if name not in FIGURES:
        close = difflib.get_close_matches(name, FIGURES, 3)
        hint = "did you mean " + " or ".join(close) if close else "see the docs"
        raise ConfigError(f"unknown figure {name!r}; {hint}")


def name_of(figure: str) -> str:
    """The histogram that a figure is a percentile of, if it is one."""
    stem, _, _ = figure.rpartition("_p")
    return f"{stem or figure.removesuffix('_max_ms')}_ms"


def figures_of(
    tally: Tally, streams: list[dict[str, Any]], timeline: list[dict[str, Any]]
) -> dict[str, float]:
    """Compute the figures of a run, or of a part of one, where no stream has ended.

    What was not measured is left out.
    """
    counts = tally.counts
    figures: dict[str, float] = dict.fromkeys(ALWAYS, 0)
    for needed, group in MEASURED.items():
        if counts.get(needed):
            figures |= dict.fromkeys(group, 0)
    figures |= counts
    if not streams:
        figures["stream_s"] = sum(each["streams"] for each in timeline)
    figures["streams_peak"] = max((each["streams"] for each in timeline), default=0)
    if stream_s := figures["stream_s"]:
        figures["received_ratio"] = figures["audio_received_s"] / stream_s
        figures["underruns_per_minute"] = figures["underruns"] / (stream_s / 60)
        figures["underrun_percent"] = 100 * figures["underrun_s"] / stream_s
    if followed := counts.get("followed_frames"):
        figures["lost_percent"] = 100 * figures["lost_frames"] / followed
    drifts = [each["drift_percent"] for each in streams if "drift_percent" in each]
    if drifts:
        figures["drift_percent"] = statistics.median(drifts)
    for name in tally.histograms:
        for percentile, number in PERCENTILES.items():
            value_ms = tally.percentile_ms(name, number)
            if value_ms is not None:
                figures[f"{name.removesuffix('_ms')}_{percentile}_ms"] = value_ms
    return figures | _machines(timeline)


def _machines(timeline: list[dict[str, Any]]) -> dict[str, float]:
    """CPU and memory of both ends, of the seconds with streams."""
    figures = {}
    busy = [each for each in timeline if each["streams"]]
    for end in ("own", "server"):
        cpu, memory = f"{end}_cpu_cores", f"{end}_memory_mb"
        seen = [each for each in busy if cpu in each]
        if seen:
            figures[cpu] = statistics.fmean(each[cpu] for each in seen)
            figures[memory] = max(each[memory] for each in seen)
    served = [each for each in busy if "server_cpu_cores" in each]
    if served:
        spent_s = sum(each["server_cpu_cores"] for each in served)
        stream_s = sum(each["streams"] for each in served)
        figures["server_cpu_ms_per_stream_s"] = 1000 * spent_s / stream_s
    return figures
