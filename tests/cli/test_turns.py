"""Several processes that write to one log."""

import collections
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bridge.cli import turns
from bridge.cli.turns import shared_turns
from tests.patience import PATIENCE_S

WRITER = """
import logging, sys
from bridge.cli import logs, turns
number, descriptor = map(int, sys.argv[1:])
# However slow the machine is.
turns.LONGEST_WAIT_MS = 20_000
taken = turns.Turns(descriptor)
logs.configure_logging("info", "json", worker=number, turns=taken)
for count in range(200):
    logging.info("%d %s", count, str(number) * (10 if count % 2 else 6000))
"""

HOLDER = """
import sys, time
from bridge.cli.turns import Turns
with Turns(int(sys.argv[1])).mine():
    print("mine", flush=True)
    time.sleep(600)
"""


def test_lines_of_processes_are_whole(tmp_path: Path) -> None:
    """However long they are; each says whose it is."""
    file = tmp_path / "log"
    with shared_turns() as shared, file.open("wb") as log:
        descriptor = shared.descriptor
        writers = [
            subprocess.Popen(
                [sys.executable, "-c", WRITER, str(number), str(descriptor)],
                stderr=log,
                pass_fds=[descriptor],
            )
            for number in (1, 2, 3)
        ]
        codes = [writer.wait(PATIENCE_S) for writer in writers]
    assert codes == [0, 0, 0]

    counts: collections.Counter[int] = collections.Counter()
    for line in map(json.loads, file.read_text().splitlines()):
        count, _, text = line["message"].partition(" ")
        number = line["worker"]
        assert int(count) == counts[number]
        assert set(text) == {str(number)}
        counts[number] += 1
    assert counts == {1: 200, 2: 200, 3: 200}


@contextmanager
def holder(descriptor: int) -> Iterator[int]:
    """The pid of a process that has the turn and keeps it."""
    words = [sys.executable, "-c", HOLDER, str(descriptor)]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, pass_fds=[descriptor]
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"mine\n"
            yield process.pid
        finally:
            process.kill()


def test_a_turn_that_does_not_come_is_not_waited_for() -> None:
    """The other may have been stopped in the middle of a line."""
    with shared_turns() as shared, holder(shared.descriptor):
        began_s = time.perf_counter()
        with shared.mine():
            pass
        # Generous: it is some milliseconds, or for ever.
        assert time.perf_counter() - began_s < PATIENCE_S


def test_a_turn_ends_with_who_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that is killed holds up no log."""
    with shared_turns() as shared, holder(shared.descriptor) as pid:
        assert not shared._take()
        os.kill(pid, signal.SIGKILL)
        monkeypatch.setattr(turns, "LONGEST_WAIT_MS", 20_000)
        assert shared._take()


def test_without_files_in_memory_there_is_one_on_disk(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not every platform has them."""
    monkeypatch.delattr(os, "memfd_create", raising=False)
    with shared_turns() as shared, shared.mine():
        assert os.fstat(shared.descriptor).st_size == 0
