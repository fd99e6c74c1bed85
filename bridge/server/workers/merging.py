"""The metrics of several processes, put together as those of one server."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from bridge.server.workers.letters import Family, Sample

__all__ = ["families", "merged", "retired", "text"]

OF_PROCESS = "process_"
"""They are told of each process, with its name as the label `worker`: a core that is
full, or too many open files, are one process's."""

GAUGES: Mapping[str, Callable[[float, float], float]] = {
    # A limit of all together, which each knows.
    "bridge_streams_max": max,
    "bridge_fleet_connected": min,
    "bridge_fleet_instances": max,
}
"""Those that are not added up."""

Key = tuple[str, tuple[tuple[str, str], ...]]


def families(registry: CollectorRegistry) -> list[Family]:
    """All metrics of a process, as they travel."""
    return [
        Family(
            metric.name,
            metric.type,
            metric.documentation,
            [Sample(each.name, each.labels, each.value) for each in metric.samples],
        )
        for metric in registry.collect()
    ]


def merged(
    processes: Mapping[str, Iterable[Family]], gone: Iterable[Family]
) -> list[Family]:
    """Put the metrics of processes together.

    Args:
        processes: By name.
        gone: What those that are no more had counted.
    """
    sums = _Sums()
    sums.add(gone)
    for name, found in processes.items():
        for family in found:
            if family.name.startswith(OF_PROCESS):
                sums.add([_named(family, name)])
                continue
            sums.add([family])
            if family.name == "bridge_streams_active":
                text = "Streams of each worker"
                each = _named(family, name, "bridge_worker_streams_active")
                sums.add([Family(each.name, each.kind, text, each.samples)])
    return sums.families()


def retired(gone: Iterable[Family], left: Iterable[Family]) -> list[Family]:
    """Add what a process counted that is no more; what it measured is over."""
    sums = _Sums()
    sums.add(gone)
    sums.add(
        each
        for each in left
        if each.kind in ("counter", "histogram")
        and not each.name.startswith(OF_PROCESS)
    )
    return sums.families()


def text(found: Iterable[Family]) -> bytes:
    """Write metrics in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(_Told(found))
    return generate_latest(registry)


class _Sums:
    """Numbers of the same name and labels, added up."""

    def __init__(self) -> None:
        self._families: dict[str, Family] = {}
        self._values: dict[str, dict[Key, float]] = {}

    def add(self, found: Iterable[Family]) -> None:
        for family in found:
            self._families.setdefault(family.name, family)
            values = self._values.setdefault(family.name, {})
            for sample in family.samples:
                key = sample.name, tuple(sample.labels.items())
                if key in values:
                    rule = _rule(family, sample)
                    values[key] = rule(values[key], sample.value)
                else:
                    values[key] = sample.value

    def families(self) -> list[Family]:
        return [
            Family(
                name,
                family.kind,
                family.text,
                [
                    Sample(sample, dict(labels), value)
                    for (sample, labels), value in self._values[name].items()
                ],
            )
            for name, family in self._families.items()
        ]


def _rule(family: Family, sample: Sample) -> Callable[[float, float], float]:
    if sample.name.endswith("_created"):
        return min
    return GAUGES.get(family.name, lambda one, other: one + other)


def _named(family: Family, worker: str, name: str = "") -> Family:
    """Tell whose numbers they are."""
    samples = [
        Sample(name or each.name, {**each.labels, "worker": worker}, each.value)
        for each in family.samples
    ]
    return Family(name or family.name, family.kind, family.text, samples)


class _Told(Collector):
    """Metrics that were collected elsewhere."""

    def __init__(self, found: Iterable[Family]) -> None:
        self._found = found

    def collect(self) -> Iterator[Metric]:
        for family in self._found:
            metric = Metric(family.name, family.text, family.kind)
            for sample in family.samples:
                metric.add_sample(sample.name, sample.labels, sample.value)
            yield metric
