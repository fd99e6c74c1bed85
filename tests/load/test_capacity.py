"""Where the edge is, told from trials of servers whose edge is known."""

import asyncio

import numpy as np
import pytest

from bridge.load.capacity import Capacity, Trial, find_capacity


def search(
    edge: float, noise: float = 0.0, seed: int = 0, most: int = 2000
) -> Capacity:
    rng = np.random.default_rng(seed)

    async def attempt(streams: int) -> Trial:
        is_over = streams > edge * np.exp(rng.normal(0, noise) if noise else 0.0)
        broken = ("underruns_per_minute > 0.5",) if is_over else ()
        return Trial(streams, broken, is_reliable=True, cores=streams / 500)

    return asyncio.run(find_capacity(attempt, 10, most))


@pytest.mark.parametrize("edge", [37, 150, 480, 1400])
def test_a_sharp_edge_is_found(edge: int) -> None:
    capacity = search(edge + 0.5)
    assert capacity.highest is not None
    assert capacity.lowest <= edge <= capacity.highest
    assert capacity.likely == pytest.approx(edge, rel=0.1)
    assert capacity.calls_per_core == pytest.approx(500)


def test_the_interval_holds_a_blurred_edge_as_often_as_it_says() -> None:
    held = 0
    for seed in range(60):
        capacity = search(300, noise=0.07, seed=seed)
        assert capacity.highest is not None
        held += capacity.lowest <= 300 <= capacity.highest
    assert held >= 52


def test_a_server_that_never_breaks_carries_at_least_the_most() -> None:
    capacity = search(10_000, most=400)
    assert (capacity.lowest, capacity.highest) == (400, None)


def test_a_server_that_breaks_at_once() -> None:
    capacity = search(3.2)
    assert capacity.highest is not None
    assert capacity.lowest <= 3 <= capacity.highest


def test_callers_at_their_end_are_no_edge() -> None:
    async def attempt(streams: int) -> Trial:
        return Trial(streams, (), is_reliable=streams < 100, cores=None)

    capacity = asyncio.run(find_capacity(attempt))
    assert capacity.highest is None
    assert 50 < capacity.lowest < 100
    assert capacity.calls_per_core is None
