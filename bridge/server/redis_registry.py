"""Which instances live and what they carry, as Redis keeps it.

Under a prefix there are:

* `alive`: a sorted set of seats by their last beat, in Redis's own milliseconds;
* `watch`: a hash, when anybody beat last, and until when nobody is given up;
* `calls:SEAT`: a hash of the seat's calls, by stream id;
* `lost`, `lost:calls`: the calls of seats that were given up, by time and by stream id.

A seat is one run of an instance: its name and some random characters, so that one that
is started anew under its name is not taken for the one that was killed. Each step is a
script, and so happens wholly or not at all, for everybody at the same moment.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from bridge.server.fleet import Census, FleetCall, census
from bridge.server.redis_client import Client

__all__ = ["BEAT_S", "GIVEN_UP_S", "Beat", "Registry", "name_of"]

BEAT_S = 0.75
GIVEN_UP_S = 3.5
"""Without a beat for so long, an instance is taken as gone."""

SILENCE_S = 1.5
"""No beat of anybody for so long: it was Redis that was away, not the instances."""

MERCY_S = 5.0
"""So long nobody is given up then: they are still coming back."""

KEPT_LOST_S = 3600
MOST_LOST = 1000
"""Of more lost calls the oldest are forgotten."""

UNTENDED_S = 3600
"""What a seat without a beat leaves behind is forgotten after so long."""

# KEYS: alive, watch, lost, lost:calls. ARGV: `calls:`, the seat, then milliseconds:
# given up, silence, mercy, kept lost, untended; and the most that are kept as lost.
# Returns whether the seat was known, how many there are, and the calls lost just now.
BEAT = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local known = redis.call('ZSCORE', KEYS[1], ARGV[2]) and 1 or 0
redis.call('ZADD', KEYS[1], now, ARGV[2])
redis.call('PEXPIRE', ARGV[1] .. ARGV[2], ARGV[7])
-- A clock that was set back must not let the dead live on.
for _, seat in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. now, '+inf')) do
  redis.call('ZADD', KEYS[1], now, seat)
end
local last = tonumber(redis.call('HGET', KEYS[2], 'last') or 0)
if now - last > tonumber(ARGV[4]) then
  redis.call('HSET', KEYS[2], 'mercy', now + ARGV[5])
end
redis.call('HSET', KEYS[2], 'last', now)
local fresh = {}
if now >= tonumber(redis.call('HGET', KEYS[2], 'mercy') or 0) then
  for _, seat in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[3])) do
    local calls = redis.call('HGETALL', ARGV[1] .. seat)
    for i = 1, #calls, 2 do
      local value = seat .. '\\n' .. now .. '\\n' .. calls[i + 1]
      redis.call('ZADD', KEYS[3], now, calls[i])
      redis.call('HSET', KEYS[4], calls[i], value)
      fresh[#fresh + 1] = value
    end
    redis.call('DEL', ARGV[1] .. seat)
    redis.call('ZREM', KEYS[1], seat)
    fresh[#fresh + 1] = seat
  end
end
local old = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', now - ARGV[6])
local over = redis.call('ZCARD', KEYS[3]) - ARGV[8] - 1
if over >= 0 then
  for _, stream in ipairs(redis.call('ZRANGE', KEYS[3], 0, over)) do
    old[#old + 1] = stream
  end
end
for _, stream in ipairs(old) do
  redis.call('ZREM', KEYS[3], stream)
  redis.call('HDEL', KEYS[4], stream)
end
return {known, redis.call('ZCARD', KEYS[1]), fresh}
"""

# KEYS: `calls:SEAT`, lost, lost:calls. ARGV: the seat, then streams and calls by turns.
REWRITE = """
redis.call('DEL', KEYS[1])
for i = 2, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
local mine = ARGV[1] .. '\\n'
local lost = redis.call('HGETALL', KEYS[3])
for i = 1, #lost, 2 do
  if string.sub(lost[i + 1], 1, #mine) == mine then
    redis.call('ZREM', KEYS[2], lost[i])
    redis.call('HDEL', KEYS[3], lost[i])
  end
end
"""

# KEYS: alive, lost:calls. ARGV: `calls:`.
CENSUS = """
local seats = redis.call('ZRANGE', KEYS[1], 0, -1)
local calls = {}
for i, seat in ipairs(seats) do calls[i] = redis.call('HVALS', ARGV[1] .. seat) end
return {seats, calls, redis.call('HVALS', KEYS[2])}
"""

# KEYS: alive, lost:calls. ARGV: `calls:`, the stream. Returns the seat, 1 if lost.
HOLDER = """
for _, seat in ipairs(redis.call('ZREVRANGE', KEYS[1], 0, -1)) do
  if redis.call('HEXISTS', ARGV[1] .. seat, ARGV[2]) == 1 then return seat end
end
return redis.call('HEXISTS', KEYS[2], ARGV[2])
"""


@dataclasses.dataclass(frozen=True, slots=True)
class Beat:
    """What a beat told."""

    was_known: bool
    """False: this seat is new to Redis, or was given up; its calls are to be told."""
    count: int
    """How many instances there are."""
    lost: tuple[FleetCall, ...]
    """Calls that this beat moved to the lost ones."""
    gone: tuple[str, ...]
    """Instances that this beat gave up."""


class Registry:
    """One seat's view.

    Every method raises one of `redis_client.AWAY` where Redis does not do its work;
    what was asked may then have been done.

    Args:
        client: The connections.
        prefix: What every key begins with.
        seat: Whose.
    """

    def __init__(self, client: Client, prefix: str, seat: str) -> None:
        self._client = client
        self._seat = seat
        self._calls = f"{prefix}:calls:"
        self._alive = f"{prefix}:alive"
        self._watch = f"{prefix}:watch"
        self._lost = (f"{prefix}:lost", f"{prefix}:lost:calls")

    async def now_ms(self) -> int:
        """The time that all agree on: that of Redis, since 1970."""
        seconds, microseconds = await self._client.run("TIME")
        return int(seconds) * 1000 + int(microseconds) // 1000

    async def beat(self) -> Beat:
        """Tell that this seat lives, and give up those that no longer do."""
        spans_s = (GIVEN_UP_S, SILENCE_S, MERCY_S, KEPT_LOST_S, UNTENDED_S)
        known, count, fresh = await self._run(
            BEAT,
            (self._alive, self._watch, *self._lost),
            (self._calls, self._seat, *(int(s * 1000) for s in spans_s), MOST_LOST),
        )
        return Beat(
            was_known=bool(known),
            count=count,
            lost=tuple(filter(None, (_lost(each) for each in fresh if b"\n" in each))),
            gone=tuple(name_of(each.decode()) for each in fresh if b"\n" not in each),
        )

    async def rewrite(self, calls: Iterable[FleetCall]) -> None:
        """Have these calls and no others; none of this seat is lost any more."""
        pairs: list[Any] = []
        for call in calls:
            pairs += (call.stream_id, msgspec.json.encode(call))
        await self._run(
            REWRITE,
            (self._calls + self._seat, *self._lost),
            (self._seat, *pairs),
        )

    async def write(self, changed: Mapping[str, FleetCall | None]) -> None:
        """Note calls, by stream id; None is one that ended."""
        key = self._calls + self._seat
        await self._client.run_all(
            *(
                ("HDEL", key, stream_id)
                if call is None
                else ("HSET", key, stream_id, msgspec.json.encode(call))
                for stream_id, call in changed.items()
            )
        )

    async def leave(self) -> None:
        """Have no calls, and be gone."""
        await self._client.run_all(
            ("ZREM", self._alive, self._seat), ("DEL", self._calls + self._seat)
        )

    async def census(self) -> Census:
        """All calls of all seats but this one, whose own may not be written yet."""
        seats, calls, lost = await self._run(
            CENSUS, (self._alive, self._lost[1]), (self._calls,)
        )
        others = [
            _call(each)
            for seat, theirs in zip(seats, calls, strict=True)
            if seat.decode() != self._seat
            for each in theirs
        ]
        names = {name_of(seat.decode()) for seat in seats}
        gone = [_lost(each) for each in lost]
        # What another version wrote is passed over.
        return census(filter(None, others), filter(None, gone), names)

    async def holder(self, stream_id: str) -> str | None:
        """The seat that carries a stream; empty if it is lost, None if unknown."""
        found = await self._run(
            HOLDER, (self._alive, self._lost[1]), (self._calls, stream_id)
        )
        if isinstance(found, bytes):
            return found.decode()
        return "" if found else None

    async def _run(
        self, script: str, keys: tuple[str, ...], arguments: tuple[Any, ...]
    ) -> Any:
        return await self._client.run("EVAL", script, len(keys), *keys, *arguments)


def name_of(seat: str) -> str:
    """The instance that sits there."""
    return seat.rpartition("#")[0]


def _call(text: bytes) -> FleetCall | None:
    try:
        call: FleetCall = msgspec.json.decode(text, type=FleetCall)
    except (msgspec.MsgspecError, UnicodeError):
        return None
    return call


def _lost(value: bytes) -> FleetCall | None:
    try:
        _seat, lost_ms, text = value.split(b"\n", 2)
        call = msgspec.json.decode(text, type=FleetCall)
        return msgspec.structs.replace(call, lost_s=int(lost_ms) / 1000)
    except (msgspec.MsgspecError, UnicodeError, ValueError):
        return None
