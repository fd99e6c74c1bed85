"""When calls begin: how many there should be, and how many have come by now."""

import math
from typing import Protocol

import numpy as np

from bridge.load.plan import Constant, Plan, Poisson, Ramp, Steps

__all__ = ["Arriving", "arriving", "step_of", "target"]


RAMP_PER_S = 50.0
"""As of the other arrivals."""


class Arriving(Protocol):
    """Says, for one of several workers, how many calls begin now."""

    turned_away: int
    """Calls that found as many as there may be."""

    def due(self, at_s: float, living: int) -> int:
        """How many begin at a time of the run, when so many are living."""
        ...


def arriving(plan: Plan, place: int, places: int) -> Arriving:
    """The share of a plan's calls that one of several workers makes."""
    if isinstance(plan.arrivals, Poisson):
        return _Random(plan, plan.arrivals, place, places)
    return _Crowd(plan, place, places)


def target(plan: Plan, at_s: float) -> int:
    """How many streams there should be at a time of the run."""
    match plan.arrivals:
        case Constant(streams=streams, per_s=per_s):
            return min(streams, 1 + math.floor(at_s * per_s))
        case Ramp(first=first, last=last):
            share = min(1.0, at_s / plan.duration_s)
            return first + math.floor((last - first) * share)
        case Steps() as steps:
            streams = steps.first + steps.step * step_of(steps, at_s)
            before = streams - steps.step if step_of(steps, at_s) else 0
            arrived = before + 1 + math.floor(at_s % steps.hold_s * steps.per_s)
            return min(streams, steps.last, arrived)
    raise TypeError(plan.arrivals)


def step_of(steps: Steps, at_s: float) -> int:
    """Which step a time belongs to, from 0."""
    return math.floor(at_s / steps.hold_s)


class _Crowd:
    """Keeps as many living as there should be."""

    turned_away = 0

    def __init__(self, plan: Plan, place: int, places: int) -> None:
        self._plan = plan
        self._place = place
        self._places = places
        self._at_s = 0.0
        self._allowed = 1.0

    def due(self, at_s: float, living: int) -> int:
        wanted = target(self._plan, at_s)
        # Worker 0 of 3 makes the calls 0, 3, 6, ...
        share = (wanted - self._place + self._places - 1) // self._places
        per_s = getattr(self._plan.arrivals, "per_s", RAMP_PER_S) / self._places
        # Who is hung up on at once is not replaced faster than calls come at first.
        most = max(1.0, per_s)
        self._allowed = min(most, self._allowed + per_s * (at_s - self._at_s))
        self._at_s = at_s
        begin = max(0, min(share - living, int(self._allowed)))
        self._allowed -= begin
        return begin


class _Random:
    """Lets calls begin at their times, whoever lives."""

    def __init__(self, plan: Plan, poisson: Poisson, place: int, places: int) -> None:
        rng = np.random.default_rng([plan.seed, 1])
        count = math.ceil(poisson.calls_per_s * plan.duration_s * 2) + 50
        gaps_s = rng.exponential(1 / poisson.calls_per_s, count)
        self._times_s = np.cumsum(gaps_s)[place::places]
        self._most = (poisson.most - place + places - 1) // places
        self._begun = 0
        self.turned_away = 0

    def due(self, at_s: float, living: int) -> int:
        come = int(np.searchsorted(self._times_s, at_s, "right"))
        new, self._begun = come - self._begun, come
        begin = min(new, max(0, self._most - living))
        self.turned_away += new - begin
        return begin
