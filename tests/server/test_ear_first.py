"""An ear is asked first, where a library reads by itself."""

import asyncio
import dataclasses

from bridge.server.ear_first import EarFirst
from bridge.server.framing import MOST_AT_ONCE
from tests.server.test_framing import Foreseen, Owner


class Reading:
    """Writes down what no ear took."""

    def __init__(self, *foreseen: bytes) -> None:
        self.ear = Foreseen(*foreseen)
        self.is_between = True
        self.has_received = False
        self.got: list[bytes] = []

    def receive(self, data: bytes) -> None:
        self.got.append(data)


@dataclasses.dataclass
class Told(asyncio.BufferedProtocol):
    """Writes down what it is told."""

    told: list[str] = dataclasses.field(default_factory=list)

    def eof_received(self) -> bool:
        self.told.append("eof")
        return True

    def pause_writing(self) -> None:
        self.told.append("pause")

    def resume_writing(self) -> None:
        self.told.append("resume")

    def connection_lost(self, error: Exception | None) -> None:
        self.told.append(f"lost by {error}")


def test_what_no_ear_takes_is_the_librarys() -> None:
    """And in the middle of a frame no ear is asked."""
    reading = Reading(b"one")
    made = EarFirst(reading, Owner(), Told())
    for data in (b"one", b"two"):
        made.data_received(data)
    assert reading.has_received
    reading.is_between = False
    made.data_received(b"one")

    assert reading.ear.asked == [b"one", b"two"]
    assert reading.got == [b"two", b"one"]


def test_what_an_ear_takes_counts_as_frames() -> None:
    """Else a flood of them would be nobody's matter."""
    reading, owner = Reading(b"one"), Owner()
    made = EarFirst(reading, owner, Told())
    for _ in range(2 * MOST_AT_ONCE):
        made.data_received(b"one")

    assert owner.most == 10**9 - 2 * MOST_AT_ONCE


def test_the_library_is_told_all_else() -> None:
    """It passes on what is not for itself."""
    told = Told()
    made = EarFirst(Reading(), Owner(), told)
    made.pause_writing()
    made.resume_writing()
    assert made.eof_received()
    made.connection_lost(None)

    assert told.told == ["pause", "resume", "eof", "lost by None"]
