"""Two protocols joined without a network."""

import asyncio
from typing import cast

from bridge.replay.memory import join


class Noted(asyncio.Protocol):
    """Notes what happens to it."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self.notes.append(data.decode())

    def eof_received(self) -> None:
        self.notes.append("eof")

    def connection_lost(self, error: Exception | None) -> None:
        self.notes.append(f"lost {type(error).__name__}")

    def pause_writing(self) -> None:
        self.notes.append("pause")

    def resume_writing(self) -> None:
        self.notes.append("resume")


def joined() -> tuple[Noted, Noted]:
    first, second = Noted(), Noted()
    join(first, second)
    return first, second


async def test_what_is_written_arrives_in_order() -> None:
    """Before the end, which comes once, to both."""
    first, second = joined()
    first.transport.write(b"one")
    first.transport.write(b"two")
    first.transport.close()
    first.transport.write(b"too late")
    first.transport.close()
    await asyncio.sleep(1)

    assert second.notes == ["one", "two", "eof", "lost NoneType"]
    assert [note for note in first.notes if note.startswith("lost")] == [
        "lost NoneType"
    ]
    assert first.transport.is_closing()
    assert second.transport.is_closing()


async def test_an_abort_is_a_reset() -> None:
    """The other end gets no end of file."""
    first, second = joined()
    first.transport.abort()
    second.transport.write(b"nobody hears this")
    await asyncio.sleep(1)

    assert second.notes == ["lost ConnectionResetError"]
    assert first.notes == ["lost NoneType"]


async def test_who_does_not_read_holds_the_other_up() -> None:
    """And gets all of it later."""
    first, second = joined()
    first.transport.pause_reading()
    second.transport.write(b"one")
    second.transport.write(b"two")
    await asyncio.sleep(1)
    assert (first.notes, second.notes) == ([], ["pause"])

    first.transport.resume_reading()
    assert first.notes == []
    await asyncio.sleep(0)

    assert (first.notes, second.notes) == (["one", "two"], ["pause", "resume"])


async def test_it_has_no_socket() -> None:
    """But a name."""
    first, _second = joined()

    assert first.transport.get_extra_info("socket") is None
    assert first.transport.get_extra_info("peername") == "in memory"
