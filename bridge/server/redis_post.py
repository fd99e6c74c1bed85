"""What instances tell each other, as it travels through Redis Streams.

Under a prefix, `callbacks` has every callback that reached any instance, and `to:SEAT`
the letters to one seat. Who reads remembers the last id it has seen, so that what was
written while its connection was away is read when it is back.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import msgspec

from bridge.server.fleet import Answer
from bridge.server.redis_client import Client

__all__ = ["BLOCK_S", "Letter", "News", "Post", "Question", "Reply", "Told", "written"]

BLOCK_S = 1.0
"""One read waits no longer than that for something to come."""

MOST_CALLBACKS = 10_000
"""Of more the oldest are dropped: a minute's outage of a very busy fleet."""

MOST_LETTERS = 1000
MOST_AT_ONCE = 100
LETTERS_KEPT_S = 60

HISTORY_S = 28_800
"""A Multiparty Call lasts no longer: what was told before is of none that goes on."""


class Question(msgspec.Struct, frozen=True, tag="question"):
    """Asks the carrier of a stream."""

    number: int
    seat: str
    """Whom to answer."""
    stream_id: str
    end_reason: str | None = None
    """To end it; None to show it."""


class Reply(msgspec.Struct, frozen=True, tag="reply"):
    """Answers a question."""

    number: int
    answer: Answer


Letter: TypeAlias = Question | Reply


@dataclasses.dataclass(frozen=True, slots=True)
class Told:
    """A callback that another instance took: its parameters."""

    params: Mapping[str, str]


@dataclasses.dataclass(frozen=True, slots=True)
class News:
    """One thing that was read."""

    what: Told | Letter
    sent_ms: int
    """When, on the clock of Redis."""


class Post:
    """Writes and reads for one seat.

    Every method raises one of `redis_client.AWAY` where Redis does not do its work;
    what was to be written may then be there. It outlives its connections: `use`
    gives it others, and it goes on where it was.

    Args:
        prefix: What every key begins with.
        seat: Whose.
    """

    def __init__(self, prefix: str, seat: str) -> None:
        self._client: Client
        self._seat = seat
        self._letters = f"{prefix}:to:"
        self._callbacks = f"{prefix}:callbacks"
        self._seen: dict[str, str] = {}

    async def use(self, client: Client, now_ms: int) -> None:
        """Go on over other connections.

        The first time, callbacks begin with those that may still matter, which tell
        who is in which Multiparty Call; letters begin now.
        """
        self._client = client
        if not self._seen:
            self._seen = {
                self._callbacks: f"{max(0, now_ms - HISTORY_S * 1000)}-0",
                self._letters + self._seat: f"{max(0, now_ms)}-0",
            }
        newest = await self._client.run(
            "XREVRANGE", self._callbacks, "+", "-", "COUNT", 1
        )
        # A Redis that has forgotten, and whose clock is behind the one before it,
        # would write below what was seen: then all of it is new.
        last = newest[0][0].decode() if newest else "0-0"
        if _place(last) < _place(self._seen[self._callbacks]):
            beginning = max(0, now_ms - HISTORY_S * 1000)
            self._seen[self._callbacks] = f"{beginning}-0"
        letters = self._letters + self._seat
        if _place(self._seen[letters])[0] > now_ms:
            self._seen[letters] = f"{now_ms}-0"

    async def tell(self, callbacks: Sequence[bytes]) -> None:
        """Tell all instances of callbacks, as `written`, in order."""
        await self._client.run_all(
            *(
                (
                    *("XADD", self._callbacks, "MAXLEN", "~", MOST_CALLBACKS, "*"),
                    *("seat", self._seat, "params", params),
                )
                for params in callbacks
            )
        )

    async def send(self, seat: str, letter: Letter) -> None:
        """Write to one seat."""
        key = self._letters + seat
        await self._client.run_all(
            (
                *("XADD", key, "MAXLEN", "~", MOST_LETTERS, "*"),
                *("letter", msgspec.json.encode(letter)),
            ),
            ("EXPIRE", key, LETTERS_KEPT_S),
        )

    async def read(self, *, wait: bool) -> list[News] | None:
        """Read what came, or wait for it; None if nothing did, within `BLOCK_S`."""
        block = ("BLOCK", int(BLOCK_S * 1000)) if wait else ()
        words = ("XREAD", *block, "COUNT", MOST_AT_ONCE, "STREAMS")
        streams = await self._client.run(*words, *self._seen, *self._seen.values())
        if not streams:
            return None
        news = []
        for stream, entries in streams:
            for place, fields in entries:
                self._seen[stream.decode()] = place.decode()
                what = self._what(fields)
                if what is not None:
                    news.append(News(what, _place(place.decode())[0]))
        return news

    def _what(self, fields: Mapping[bytes, bytes]) -> Told | Letter | None:
        """What an entry says; None if it is our own, or another version's."""
        try:
            if b"letter" in fields:
                letter: Letter = msgspec.json.decode(fields[b"letter"], type=Letter)
                return letter
            if fields[b"seat"].decode() == self._seat:
                return None
            return Told(msgspec.json.decode(fields[b"params"], type=dict[str, str]))
        except (msgspec.MsgspecError, KeyError, UnicodeError):
            return None


def written(params: Mapping[str, str]) -> bytes:
    """A callback's parameters, as they travel."""
    return msgspec.json.encode(params)


def _place(entry_id: str) -> tuple[int, int]:
    """An id of an entry, to be compared."""
    milliseconds, _, number = entry_id.partition("-")
    return int(milliseconds), int(number or 0)
