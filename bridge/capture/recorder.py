"""Writes captures from a thread, so that no call waits for a disk.

The loop only appends to queues; twice a second the thread empties them into the
files. What waits is bounded for all calls together: beyond it records are dropped,
and the file says where, and how many. A file that cannot be written ends its capture,
and nothing else.
"""

import collections
import contextlib
import logging
import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

from bridge import private_files
from bridge.capture import format as capture_format
from bridge.capture.format import Header, Record, SocketEvent
from bridge.errors import ConfigError

__all__ = ["Recorder", "Tape"]

_LOG = logging.getLogger(__name__)

WRITE_EVERY_S = 0.5
"""A process that is killed loses so much of its calls."""

MOST_WAITING_BYTES = 64 * 1024 * 1024
"""Of all calls: 18 minutes of one, 3 s of 300, while a disk does nothing."""

RECORD_BYTES = 200
"""What a record takes in memory beside its text."""

CLOSE_S = 5.0
"""How long the last writing may take."""

SUFFIX = ".capture"


class Tape:
    """Takes down one call; made by `Recorder.begin`.

    Its methods are the loop's, except `write`.

    Args:
        path: The file; it is made at the first writing.
        header: What it says of itself.
        budget: Shared by all tapes.
        now: A monotonic clock in seconds.
    """

    def __init__(
        self, path: Path, header: Header, budget: "Budget", now: Callable[[], float]
    ) -> None:
        self.path = path
        self.is_finished = False
        """Whether all that there will be is written, or can't be."""
        self._budget = budget
        self._now = now
        self._began_s = now()
        self._waiting: collections.deque[Record | tuple[float, bytes, bool]] = (
            collections.deque()
        )
        self._unwritten_header: Header | None = header
        self._dropped = 0
        self._is_closed = False
        self._has_failed = False
        self._file: int | None = None

    def received(self, text: bytes) -> None:
        """Take down a message of the far end."""
        self._take(text, is_received=True)

    def sent(self, text: bytes) -> None:
        """Take down a message of ours."""
        self._take(text, is_received=False)

    def event(
        self, event: SocketEvent, code: int | None = None, text: str = ""
    ) -> None:
        """Take down what happened to the socket; there is always room for that."""
        if not self._is_closed:
            self._note_dropped()
            t = round(self._now() - self._began_s, 6)
            self._waiting.append(Record(t, event=event, code=code, text=text))

    def close(self) -> None:
        """The call is over; what waits will be written."""
        self._note_dropped()
        self._is_closed = True

    def _take(self, text: bytes, *, is_received: bool) -> None:
        if self._is_closed:
            return
        if not self._budget.take(len(text)):
            self._dropped += 1
            return
        if self._dropped:
            self._note_dropped()
        self._waiting.append((self._now() - self._began_s, text, is_received))

    def _note_dropped(self) -> None:
        if self._dropped and not self._is_closed:
            t = round(self._now() - self._began_s, 6)
            dropped, self._dropped = self._dropped, 0
            self._waiting.append(Record(t, event=SocketEvent.DROPPED, count=dropped))

    # -------------------------------------------------------------- the thread's

    def write(self) -> None:
        """Write what waits."""
        # Looked at first: what is appended before it closes is in the queue then.
        is_last = self._is_closed
        lines: list[Header | Record] = []
        size = 0
        if self._unwritten_header is not None:
            lines.append(self._unwritten_header)
            self._unwritten_header = None
        for _ in range(len(self._waiting)):
            item = self._waiting.popleft()
            if isinstance(item, Record):
                lines.append(item)
            else:
                t, text, is_received = item
                size += len(text) + RECORD_BYTES
                record = capture_format.message(
                    round(t, 6), text, is_received=is_received
                )
                lines.append(record)
        self._budget.give_back(size)
        if lines and not self._has_failed:
            self._append(capture_format.pack(lines))
        if is_last:
            self._finish()

    def fail(self) -> None:
        """Write no more; what is taken down meanwhile is thrown away next time."""
        self._has_failed = self._is_closed = True

    def _append(self, data: bytes) -> None:
        if self._file is None:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
            self._file = private_files.opener(str(self.path), flags)
        while data:
            data = data[os.write(self._file, data) :]

    def _finish(self) -> None:
        self.is_finished = True
        if self._file is not None:
            with contextlib.suppress(OSError):
                os.close(self._file)
            self._file = None


class Budget:
    """How much may wait; two counters, each with one writer, need no lock."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._taken_bytes = 0
        self._given_back_bytes = 0

    def take(self, count: int) -> bool:
        """Take room for a record, on the loop; False if there is none."""
        waiting = self._taken_bytes - self._given_back_bytes
        if waiting + count + RECORD_BYTES > self._most_bytes:
            return False
        self._taken_bytes += count + RECORD_BYTES
        return True

    def give_back(self, count: int) -> None:
        """Give room back, in the thread."""
        self._given_back_bytes += count


class Recorder:
    """Captures the calls of a process.

    Args:
        folder: Where the files go; made, for its owner alone, if it is not there.
        now: A monotonic clock in seconds. The default is finer than a loop's, which
            may tell milliseconds, and the same time for all that came at once.
        most_waiting_bytes: Of all calls together.

    Raises:
        ConfigError: If there can be no such folder.
    """

    def __init__(
        self,
        folder: Path,
        now: Callable[[], float] = perf_counter,
        most_waiting_bytes: int = MOST_WAITING_BYTES,
    ) -> None:
        try:
            private_files.make_folder(folder)
        except OSError as error:
            raise ConfigError(f"capture: {folder}: {error.strerror}") from error
        if not os.access(folder, os.W_OK | os.X_OK):
            raise ConfigError(f"capture: {folder}: no files can be made there")
        self._folder = folder
        self._now = now
        self._budget = Budget(most_waiting_bytes)
        self._new: collections.deque[Tape] = collections.deque()
        self._serial = 0
        self._stopping = threading.Event()
        # A disk that hangs must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="captures", daemon=True)
        self._thread.start()

    def begin(self, stream_id: str, header: Header) -> Tape:
        """Begin the capture of a call; its `began` is filled in."""
        began = datetime.now(UTC)
        header.began = began.isoformat(timespec="milliseconds")
        # The far end chose the stream's name: no part of it may lead elsewhere.
        name = private_files.safe_name(stream_id)
        self._serial += 1
        stamp = f"{began:%Y%m%dT%H%M%S}-{os.getpid()}-{self._serial}"
        path = self._folder / f"{stamp}-{name}{SUFFIX}"
        tape = Tape(path, header, self._budget, self._now)
        self._new.append(tape)
        return tape

    def close(self) -> None:
        """Write what waits, and stop; waits some seconds for the disk."""
        self._stopping.set()
        self._thread.join(CLOSE_S)
        if self._thread.is_alive():
            _LOG.error("captures in %s are not all written", self._folder)

    def _run(self) -> None:
        tapes: list[Tape] = []
        is_stopping = False
        while not is_stopping:
            is_stopping = self._stopping.wait(WRITE_EVERY_S)
            while self._new:
                tapes.append(self._new.popleft())
            for tape in tapes:
                self._write(tape, is_last=is_stopping)
            tapes = [tape for tape in tapes if not tape.is_finished]

    def _write(self, tape: Tape, *, is_last: bool) -> None:
        if is_last:
            tape.close()
        try:
            tape.write()
        except OSError as error:
            _LOG.error("capture %s ends: %s", tape.path, error.strerror)
            tape.fail()
        # The edge of a call's capture: the others' go on.
        except Exception:  # noqa: BLE001
            _LOG.exception("capture %s ends", tape.path)
            tape.fail()
