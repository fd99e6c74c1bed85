"""A thread for what may hang."""

import subprocess
import sys
import threading

import pytest

from bridge.engine.patient_thread import PatientThread


def test_it_does_one_thing_after_the_other() -> None:
    """In the order they were given, and tells each what came of it."""
    thread = PatientThread("test")
    done: list[int] = []

    given = [thread.submit(done.append, number) for number in range(100)]
    failing = thread.submit(lambda: 1 // 0)
    name = thread.submit(lambda: threading.current_thread().name)

    assert name.result(10) == "test"
    assert done == list(range(100))
    assert all(each.done() for each in given)
    assert isinstance(failing.exception(), ZeroDivisionError)
    thread.shutdown(wait=True)


def test_what_was_cancelled_is_not_done() -> None:
    """And what comes after it is."""
    thread = PatientThread("test")
    gate = threading.Event()
    done: list[str] = []
    thread.submit(gate.wait, 10)
    thread.submit(done.append, "cancelled").cancel()
    after = thread.submit(done.append, "after")

    gate.set()

    after.result(10)
    assert done == ["after"]
    thread.shutdown(wait=True)


@pytest.mark.slow
def test_a_process_does_not_wait_for_one_that_hangs() -> None:
    """As those of an ordinary pool are waited for."""
    code = (
        "import threading; from bridge.engine.patient_thread import PatientThread; "
        "thread = PatientThread('disk'); thread.submit(threading.Event().wait); "
        "thread.shutdown()"
    )

    assert subprocess.run([sys.executable, "-c", code], timeout=30).returncode == 0
