"""Has processes that write to the same log write one line after the other."""

import contextlib
import fcntl
import os
import select
import tempfile
from collections.abc import Iterator

__all__ = ["Turns", "shared_turns"]

LONGEST_WAIT_MS = 5
"""No call shall wait for the log of another: a line that is mixed up is less bad."""


class Turns:
    """A lock among processes that have the same file, under the same number.

    It is the kernel's: with a process that dies its turn is over. Threads of a process
    do not wait for each other.

    Args:
        descriptor: Of a file that nobody closes while it is used.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def __repr__(self) -> str:
        return f"<Turns {self.descriptor}>"

    @contextlib.contextmanager
    def mine(self) -> Iterator[None]:
        """Have the turn while the block runs; it is not waited for long."""
        has_turn = self._take()
        try:
            yield
        finally:
            if has_turn:
                fcntl.lockf(self.descriptor, fcntl.LOCK_UN)

    def _take(self) -> bool:
        for _ in range(LONGEST_WAIT_MS):
            try:
                fcntl.lockf(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                # Of nothing: a millisecond passes.
                select.poll().poll(1)
            else:
                return True
        return False


@contextlib.contextmanager
def shared_turns() -> Iterator[Turns]:
    """Make turns that children may have part in while the block runs."""
    with contextlib.ExitStack() as stack:
        if hasattr(os, "memfd_create"):
            # It needs no folder that can be written to.
            descriptor = os.memfd_create("turns")
            stack.callback(os.close, descriptor)
        else:
            file = stack.enter_context(tempfile.TemporaryFile())
            descriptor = file.fileno()
        yield Turns(descriptor)
