"""The file of a captured call: JSON lines in small gzip members.

The first line is a `Header`, each other one a `Record`. Every member stands for itself
and holds whole lines, so a file can be appended to, one that ends in the middle of a
member is read up to there, and one with a damaged member is read before and behind it.
`zcat` shows it; unpacked, and perhaps edited, it can be read as well.
"""

import dataclasses
import enum
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any

import msgspec

from bridge.errors import ConfigError

__all__ = [
    "FORMAT",
    "Capture",
    "Header",
    "Record",
    "SocketEvent",
    "pack",
    "read",
    "write",
]

FORMAT = 1
"""Files of a higher one are refused; fields may be added without changing it."""

GZIP = 31
"""For zlib: gzip's header and trailer around the largest window."""

LEVEL = 1
"""At 6 a call gets 3 % smaller, and costs half as much again."""

MAGIC = b"\x1f\x8b\x08"

PIECE_BYTES = 4096
"""What is unpacked at a time, and lost where a member turns out to be damaged."""

LONGEST_S = 2 * 86_400
"""A stream ends after a day; a time beyond is damage, and would be waited for."""

MEMBER_RECORDS = 100
"""What is written in one go has so many in a member; a second of a call."""

MOST_MEMBER_BYTES = 64 * 1024 * 1024
"""Unpacked; half a second of a call is some 30 KB."""


class SocketEvent(enum.Enum):
    """What else happened to a stream than messages."""

    ATTACHED = "attached"
    """The call goes on over a new socket."""
    BROKEN = "broken"
    """The socket broke without a close frame."""
    CLOSED = "closed"
    """The far end closed the socket."""
    PAUSED = "paused"
    """The far end does not read; we hold back what we have to say."""
    RESUMED = "resumed"
    """It reads again."""
    ENDED = "ended"
    """The call is over; the code is of our close frame, had we to send one."""
    DROPPED = "dropped"
    """Records are missing here: they came faster than they could be written."""


class Header(msgspec.Struct, kw_only=True):
    """What a capture says of itself."""

    capture: int = FORMAT
    """The format's number; what tells a capture from other files."""
    mpc_bridge: str = ""
    """Version of who wrote it."""
    python: str = ""
    bot: str = ""
    """Who answered, by the name it was served under."""
    bot_rate_hz: int = 0
    """What the bot heard and spoke at."""
    content_type: str = ""
    """Of the stream, as `audio/x-l16;rate=8000`."""
    began: str = ""
    """When, UTC, ISO 8601."""
    path: str = ""
    """Of the upgrade, without its query."""
    options: dict[str, float | int | str | bool] = {}
    """Those of playback and call that change what is sent, and when."""


class Record(msgspec.Struct, omit_defaults=True, frozen=True):
    """One line: a message, or something that happened to the socket."""

    t: Annotated[float, msgspec.Meta(ge=0, le=LONGEST_S)]
    """Seconds since the capture began, on a monotonic clock."""
    received: str | None = msgspec.field(default=None, name="in")
    """A message's text as the far end sent it, where it is UTF-8."""
    sent: str | None = msgspec.field(default=None, name="out")
    """A message's text as we sent it."""
    received_bytes: bytes | None = msgspec.field(default=None, name="in_bytes")
    """A message of the far end that is no UTF-8, in base64."""
    event: SocketEvent | None = None
    code: int | None = None
    """Of the close, where there was one."""
    text: str = ""
    """Why, in words."""
    count: int = 0
    """Of records dropped."""

    @property
    def message(self) -> bytes | None:
        """The text of the message, in either direction."""
        if self.received_bytes is not None:
            return self.received_bytes
        text = self.received if self.received is not None else self.sent
        return None if text is None else text.encode()

    @property
    def is_received(self) -> bool:
        """Whether it is a message of the far end."""
        return self.received is not None or self.received_bytes is not None


@dataclasses.dataclass(frozen=True, slots=True)
class Capture:
    """One call, read from a file."""

    header: Header
    records: Sequence[Record]
    damage: Sequence[str] = ()
    """What could not be read, in words."""

    @property
    def is_complete(self) -> bool:
        """Whether it holds the end of the call, and all before it."""
        ends = any(each.event is SocketEvent.ENDED for each in self.records)
        lacks = any(each.event is SocketEvent.DROPPED for each in self.records)
        return ends and not lacks and not self.damage


_ENCODER = msgspec.json.Encoder()
_HEADER = msgspec.json.Decoder(Header)
_RECORD = msgspec.json.Decoder(Record)


def message(t: float, text: bytes, *, is_received: bool) -> Record:
    """Make the record of a message."""
    try:
        words = text.decode()
    except UnicodeDecodeError:
        return Record(t, received_bytes=text)
    return Record(t, received=words) if is_received else Record(t, sent=words)


def pack(lines: Iterable[Header | Record]) -> bytes:
    """Write lines as one member."""
    # Of one time and place only in its content: the same lines are the same bytes.
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, GZIP)
    return packer.compress(_ENCODER.encode_lines(lines)) + packer.flush()


def write(capture: Capture) -> bytes:
    """Write a whole capture; the same one is the same bytes."""
    records = capture.records
    members = [
        pack(records[begin : begin + MEMBER_RECORDS])
        for begin in range(0, len(records), MEMBER_RECORDS)
    ]
    return b"".join([pack([capture.header]), *members])


def read(data: bytes) -> Capture:
    """Read a capture, as far as it is one.

    Raises:
        ConfigError: If it does not begin as a capture, or is of a later format.
    """
    damage: list[str] = []
    lines = _lines(data, damage)
    header = _header(next(lines, b""))
    records: list[Record] = []
    for line in lines:
        try:
            records.append(_RECORD.decode(line))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            damage.append(f"line {len(records) + len(damage) + 2}: {error}")
    return Capture(header, records, damage)


def _header(line: bytes) -> Header:
    try:
        # As any JSON first: a dict without `capture` would pass for a header.
        fields: Any = msgspec.json.decode(line)
        number = fields["capture"]
        if isinstance(number, int) and number > FORMAT:
            raise ConfigError(f"a capture of format {number}, known are up to {FORMAT}")
        return _HEADER.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(
            f"no capture: its first line is no header ({error})"
        ) from error
    except (KeyError, TypeError, IndexError) as error:
        raise ConfigError("no capture: its first line is no header") from error


def _lines(data: bytes, damage: list[str]) -> Iterator[bytes]:
    members = _members(data, damage) if data.startswith(MAGIC) else iter([data])
    for member in members:
        *whole, rest = member.split(b"\n")
        yield from filter(None, whole)
        if rest:
            damage.append(f"a line that ends in the middle, {len(rest)} bytes of it")


def _members(data: bytes, damage: list[str]) -> Iterator[bytes]:
    """Unpack member by member; behind a damaged one, look for the next."""
    at = 0
    while at < len(data):
        text, end, problem = _member(data, at)
        if problem:
            damage.append(f"byte {at}: {problem}")
            following = data.find(MAGIC, at + 1)
            end = following if following >= 0 else len(data)
        if text:
            yield text
        at = end


def _member(data: bytes, at: int) -> tuple[bytes, int, str]:
    """Unpack one member: its text as far as it goes, its end, and what is wrong."""
    view = memoryview(data)
    unpacker = zlib.decompressobj(GZIP)
    parts: list[bytes] = []
    size = 0
    while not unpacker.eof:
        if at >= len(data):
            return b"".join(parts), at, "the file ends in the middle of a member"
        piece = view[at : at + PIECE_BYTES]
        at += len(piece)
        try:
            parts.append(unpacker.decompress(piece, MOST_MEMBER_BYTES))
        except zlib.error as error:
            return b"".join(parts), at, f"a damaged member ({error})"
        size += len(parts[-1])
        if size >= MOST_MEMBER_BYTES:
            return b"", at, f"a member of more than {MOST_MEMBER_BYTES} bytes"
    return b"".join(parts), at - len(unpacker.unused_data), ""
