"""What the parent keeps for workers that start later."""

import pytest

from bridge.server.workers import kept as kept_module
from bridge.server.workers.kept import Kept
from bridge.server.workers.letters import (
    Bound,
    Family,
    Hello,
    Left,
    Letter,
    Sample,
    Snapshot,
    Spent,
    Told,
)
from tests.server.fleet_contract import a_call

WINDOW_S = 600.0


def of(kept: Kept, kind: type) -> list[Letter]:
    return [letter for letter in kept.letters() if isinstance(letter, kind)]


def test_it_keeps_what_does_not_end_with_a_worker() -> None:
    """In the order in which it was told."""
    told: list[Letter] = [
        Told({"n": "1"}),
        Told({"n": "2"}),
        Spent("one", 1000.0),
        Spent("two", 1001.0),
        Bound("t1", "c1"),
    ]
    kept = Kept(WINDOW_S)
    for letter in (*told, Hello("one"), Bound("t1", "c2")):
        kept.note(letter)
    assert list(kept.letters()) == [*told, Left(0, [], [])]


def test_signatures_are_forgotten_when_they_may_come_again() -> None:
    """As each worker does."""
    kept = Kept(WINDOW_S)
    for letter in (Spent("old", 1000.0), Spent("new", 1001.0), Spent("now", 1600.5)):
        kept.note(letter)
    assert of(kept, Spent) == [Spent("new", 1001.0), Spent("now", 1600.5)]


def test_it_does_not_grow_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are the oldest are forgotten first."""
    monkeypatch.setattr(kept_module, "MOST_REMEMBERED", 2)
    kept = Kept(WINDOW_S)
    for number in range(4):
        kept.note(Spent(f"s{number}", 1000.0))
        kept.note(Bound(f"t{number}", "c"))
    assert of(kept, Spent) == [Spent("s2", 1000.0), Spent("s3", 1000.0)]
    assert of(kept, Bound) == [Bound("t2", "c"), Bound("t3", "c")]


def test_what_a_worker_leaves_is_kept() -> None:
    """Its calls as lost, its counts added to those of others before it."""
    kept = Kept(WINDOW_S)
    family = Family("x", "counter", "X", [Sample("x_total", {}, 2.0)])
    for number in (1, 2):
        left = kept.bury(1, [a_call(number)], Snapshot([family]))
        assert [call.stream_id for call in left.lost] == [f"s{number}"]
    (last,) = of(kept, Left)
    assert isinstance(last, Left)
    assert [call.stream_id for call in last.lost] == ["s1", "s2"]
    assert all(call.lost_s for call in last.lost)
    assert last.retired[0].samples[0].value == 4.0
