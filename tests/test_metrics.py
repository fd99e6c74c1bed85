"""The names that dashboards depend on."""

import asyncio
import re

from bridge.metrics import Metrics

NAMES = [
    "bridge_streams_active",
    "bridge_tasks",
    "bridge_streams_total",
    "bridge_streams_refused_total",
    "bridge_streams_resumed_total",
    "bridge_frames_received_total",
    "bridge_frames_sent_total",
    "bridge_frames_dropped_total",
    "bridge_frames_late_seconds_bucket",
    "bridge_playback_underruns_total",
    "bridge_stale_acks_total",
    "bridge_stream_errors_total",
    "bridge_gaps_total",
    "bridge_bot_errors_total",
]

FLEET_NAMES = [
    "bridge_fleet_connected",
    "bridge_fleet_instances",
    "bridge_fleet_outages_total",
    "bridge_fleet_calls_lost_total",
    "bridge_fleet_callbacks_total",
    "bridge_fleet_questions_total",
]


async def test_tasks_are_counted() -> None:
    """A call that leaves one behind is seen."""
    metrics = Metrics()
    before = tasks(metrics)
    idle = asyncio.create_task(asyncio.sleep(10))
    assert tasks(metrics) == before + 1
    idle.cancel()


def test_without_a_loop_there_are_no_tasks() -> None:
    """And the rest is told."""
    assert tasks(Metrics()) == 0


def tasks(metrics: Metrics) -> float:
    (line,) = re.findall(r"^bridge_tasks (.*)$", metrics.exposition().decode(), re.M)
    return float(line)


def test_every_name_is_there_with_its_count() -> None:
    """In Prometheus' text format."""
    metrics = Metrics()
    metrics.streams_active = 3
    metrics.streams_ended["closed"] += 2
    metrics.streams_refused["full"] += 1
    metrics.gaps["audio missing"] += 1
    metrics.bot_errors["echo"] += 1
    metrics.underruns = 4
    metrics.frame_late(0.003)
    metrics.frame_late(-1.0)

    text = metrics.exposition().decode()

    for name in NAMES:
        assert f"\n{name}" in text
    assert "bridge_streams_active 3.0" in text
    assert 'bridge_streams_total{end="closed"} 2.0' in text
    assert 'bridge_bot_errors_total{bot="echo"} 1.0' in text
    assert "bridge_playback_underruns_total 4.0" in text
    assert 'bridge_frames_late_seconds_bucket{le="0.005"} 2.0' in text


def test_a_fleet_is_counted_where_there_is_one() -> None:
    """An instance that is alone must not look like one that lost its Redis."""
    metrics = Metrics()
    assert b"bridge_fleet" not in metrics.exposition()
    metrics.fleet_connected = True
    metrics.fleet_instances = 3
    metrics.fleet_callbacks["sent"] += 2
    metrics.fleet_questions["instance lost"] += 1

    text = metrics.exposition().decode()

    for name in FLEET_NAMES:
        assert f"\n{name}" in text
    assert "bridge_fleet_connected 1.0" in text
    assert "bridge_fleet_instances 3.0" in text
    assert 'bridge_fleet_callbacks_total{how="sent"} 2.0' in text
    assert 'bridge_fleet_questions_total{answer="instance lost"} 1.0' in text
