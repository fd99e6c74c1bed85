"""How many calls a server carries: trials with more and more, then around the edge.

A single run says little: near the edge the same number of calls passes and fails in
turn. So every trial counts as evidence for where the edge is, and the answer is an
interval that holds it with 95 % probability.
"""

import dataclasses
from collections.abc import Awaitable, Callable, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["Capacity", "Trial", "find_capacity"]

GROWTH = 1.5
"""How much larger each trial is while nothing breaks."""

WIDTHS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3)
"""How sharp an edge may be, as a share of it: so far from it one trial in four goes
the other way. The trials tell which is likely."""

LAPSE = 0.02
"""Trials that fail or pass for reasons of their own."""

NARROW = 1.1
"""Upper over lower end of the interval at which the search is content."""

EVIDENCE = (0.025, 0.5, 0.975)


@dataclasses.dataclass(frozen=True, slots=True)
class Trial:
    """One run."""

    streams: int
    broken: tuple[str, ...]
    """Bounds that did not hold."""
    is_reliable: bool
    cores: float | None
    """What the server used."""


@dataclasses.dataclass(frozen=True, slots=True)
class Capacity:
    """Where the edge is."""

    lowest: int
    likely: int
    highest: int | None
    """None where nothing broke, or the callers gave out first."""
    trials: tuple[Trial, ...]

    @property
    def calls_per_core(self) -> float | None:
        """Calls at the edge, for each core the server used there."""
        near = [
            trial.streams / trial.cores
            for trial in self.trials
            if trial.cores and 0.7 * self.likely <= trial.streams <= 1.3 * self.likely
        ]
        return float(np.median(near)) if near else None


async def find_capacity(
    attempt: Callable[[int], Awaitable[Trial]],
    first: int = 10,
    most: int = 2000,
    trials: int = 16,
) -> Capacity:
    """Look for the most calls that break no bound.

    Args:
        attempt: Makes a run with so many streams.
        first: Of the first trial.
        most: No trial is larger.
        trials: How many there may be.
    """
    made: list[Trial] = []
    streams = first
    while len(made) < trials:
        made.append(await attempt(streams))
        if made[-1].broken or not made[-1].is_reliable or streams == most:
            break
        streams = min(most, max(streams + 1, round(streams * GROWTH)))
    # Callers that are late are at their own end: of more streams nothing is learned.
    while made[-1].is_reliable and len(made) < trials:
        if not any(trial.broken for trial in made):
            break
        lowest, likely, highest = _edge(made, most)
        if highest <= lowest * NARROW or highest <= 1:
            break
        made.append(await attempt(max(1, min(most, likely))))
    believed = [trial for trial in made if trial.is_reliable]
    if not any(trial.broken for trial in believed):
        held = max((trial.streams for trial in believed), default=0)
        return Capacity(held, held, None, tuple(made))
    lowest, likely, highest = _edge(believed, most)
    return Capacity(lowest, likely, highest, tuple(made))


def _edge(trials: Sequence[Trial], most: int) -> tuple[int, int, int]:
    """Where the edge is: 2.5, 50 and 97.5 % of what the trials make probable.

    Each place and each sharpness is as probable as the trials are if the edge were so,
    a trial's chance to pass falling from one to nothing around it. Before, all places
    on a logarithmic scale are alike, and all of `WIDTHS`.
    """
    places: NDArray[np.float64] = np.geomspace(0.2, most + 0.5, 2000)
    widths = np.array(WIDTHS)[:, np.newaxis]
    weights = np.zeros((len(WIDTHS), len(places)))
    for trial in trials:
        distance = np.log(places / trial.streams) / widths
        passes = LAPSE + (1 - 2 * LAPSE) / (1 + np.exp(-np.clip(distance, -50, 50)))
        weights += np.log(1 - passes if trial.broken else passes)
    shares = np.cumsum(np.exp(weights - weights.max()).sum(axis=0))
    low, mid, high = np.interp(EVIDENCE, shares / shares[-1], places)
    return int(low), round(mid), -int(-high // 1)
