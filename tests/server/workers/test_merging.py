"""Metrics of several processes as those of one."""

from bridge.metrics import Metrics
from bridge.server.workers import merging
from bridge.server.workers.letters import Family, Sample


def values(found: list[Family]) -> dict[tuple[str, str], float]:
    return {
        (sample.name, ",".join(sample.labels.values())): sample.value
        for family in found
        for sample in family.samples
    }


def of_process(streams: int, ends: int, most: int = 10) -> list[Family]:
    metrics = Metrics()
    metrics.streams_active = streams
    metrics.streams_max = most
    metrics.streams_ended["stop"] = ends
    metrics.frame_late(0.003)
    metrics.fleet_connected = streams > 1
    metrics.fleet_instances = streams
    return merging.families(metrics.registry)


def test_counters_and_histograms_are_added_up() -> None:
    """With what those had counted that are gone."""
    gone = merging.retired([], of_process(5, 7))
    gone = merging.retired(gone, of_process(5, 100))
    found = values(merging.merged({"1": of_process(1, 2), "2": of_process(2, 3)}, gone))

    assert found["bridge_streams_total", "stop"] == 112
    assert found["bridge_frames_late_seconds_bucket", "0.002"] == 0
    assert found["bridge_frames_late_seconds_bucket", "0.005"] == 4
    assert found["bridge_frames_late_seconds_count", ""] == 4


def test_gauges_are_what_they_mean() -> None:
    """Streams add up, a limit of all does not; what is gone is no more."""
    gone = merging.retired([], of_process(5, 7))
    found = values(merging.merged({"1": of_process(1, 2), "2": of_process(2, 3)}, gone))

    assert found["bridge_streams_active", ""] == 3
    assert found["bridge_worker_streams_active", "1"] == 1
    assert found["bridge_worker_streams_active", "2"] == 2
    assert found["bridge_streams_max", ""] == 10
    assert found["bridge_fleet_connected", ""] == 0
    assert found["bridge_fleet_instances", ""] == 2
    assert not [name for name, whose in found if "process_" in name and not whose]


def test_what_is_written_is_what_one_process_would_write() -> None:
    """The same names, kinds and texts."""
    metrics = Metrics()
    metrics.streams_active = 3
    found = merging.text(merging.merged({"1": merging.families(metrics.registry)}, []))

    def told(text: bytes) -> list[str]:
        return [
            line
            for line in text.decode().splitlines()
            if "process_" not in line and "bridge_worker_" not in line
        ]

    assert told(found) == told(metrics.exposition())


def test_labels_of_any_text_are_kept() -> None:
    """A bot may have any name."""
    family = Family("x", "counter", "X", [Sample("x_total", {"bot": 'a"\n'}, 1.0)])
    assert b'x_total{bot="a\\"\\n"} 2.0' in merging.text(
        merging.merged({"1": [family], "2": [family]}, [])
    )
