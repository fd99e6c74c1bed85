"""The fleet of many, in a Redis of its own; its instances are in one process here."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from bridge.errors import ConfigError
from bridge.metrics import Metrics
from bridge.server import redis_backlog
from bridge.server.fleet import Answer, Fleet, Outcome
from bridge.server.redis_fleet import RedisFleet
from bridge.server.redis_registry import GIVEN_UP_S, MERCY_S
from tests.fakes.redis_server import BINARY, RedisServer, redis_server
from tests.needs import needs
from tests.server.fleet_contract import CONTRACT, Here, Make, a_call, an_event, numbers

pytestmark = [
    needs(BINARY, "Redis: apt install redis-server"),
    pytest.mark.usefixtures("swept"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[RedisServer]:
    async with redis_server(tmp_path) as server:
        yield server


class Instance:
    """One of a fleet."""

    def __init__(self, url: str, name: str) -> None:
        self.here = Here()
        self.metrics = Metrics()
        self.fleet = RedisFleet(
            SecretStr(url), "test", name, self.here.carrier, self.metrics
        )


@asynccontextmanager
async def instances(url: str, *names: str) -> AsyncIterator[list[Instance]]:
    async with AsyncExitStack() as stack:
        made = [Instance(url, name) for name in names]
        for each in made:
            await stack.enter_async_context(each.fleet.running())
        yield made


async def until(
    is_so: Callable[[], Awaitable[bool] | bool], seconds: float = 40
) -> float:
    """Wait for something; how long it took, in seconds."""
    began_s = time.monotonic()
    async with asyncio.timeout(seconds):
        while True:
            answer = is_so()
            if answer if isinstance(answer, bool) else await answer:
                return time.monotonic() - began_s
            await asyncio.sleep(0.01)


async def streams(fleet: Fleet) -> list[str]:
    return [call.stream_id for call in (await fleet.calls()).calls]


@pytest.mark.parametrize("promise", CONTRACT, ids=lambda promise: promise.__name__)
async def test_it_keeps_the_contract(
    redis: RedisServer, promise: Callable[[Make], Awaitable[None]]
) -> None:
    """The same as that of one."""

    @asynccontextmanager
    async def make(name: str, here: Here) -> AsyncIterator[Fleet]:
        url = SecretStr(redis.url)
        fleet = RedisFleet(url, "test", name, here.carrier, Metrics())
        async with fleet.running():
            assert fleet.is_connected
            yield fleet

    await promise(make)


async def test_each_sees_the_calls_of_all(redis: RedisServer) -> None:
    """What begins, learns its Multiparty Call, and ends; and who leaves is gone."""
    async with instances(redis.url, "one", "two") as (one, two):
        one.fleet.announce(a_call(1))
        two.fleet.announce(a_call(2, "two"))
        both = (a_call(1, mpc_uuid="m"), a_call(2, "two"))
        one.fleet.placed("s1", "m")

        async def all_see() -> bool:
            seen = [await each.fleet.calls() for each in (one, two)]
            return all(census.calls == both for census in seen)

        await until(all_see)
        assert (await one.fleet.calls()).instances == ("one", "two")
        assert await one.fleet.find("c2") == a_call(2, "two")
        one.fleet.retire("s1")
        await until(lambda: _are(two.fleet, "s2"))
        async with instances(redis.url, "three") as (three,):
            three.fleet.announce(a_call(3, "three"))
            await until(lambda: _are(one.fleet, "s2", "s3"))
        left = await one.fleet.calls()
        assert left.instances == ("one", "two")
        assert left.lost == ()
        await until(lambda: b"instances 2.0" in one.metrics.exposition())


def _has_taken(instance: Instance, count: int) -> bool:
    return len(instance.here.taken) >= count


async def _are(fleet: Fleet, *expected: str) -> bool:
    return await streams(fleet) == list(expected)


async def test_callbacks_reach_all_others_in_order_and_once(redis: RedisServer) -> None:
    """However many at a time; and those of one fleet only."""
    async with instances(redis.url, "one", "two", "three") as (one, two, three):
        stranger = Instance(redis.url, "stranger")
        stranger.fleet = RedisFleet(
            SecretStr(redis.url), "other", "x", stranger.here.carrier, Metrics()
        )
        async with stranger.fleet.running():
            for number in range(500):
                one.fleet.publish_callback(an_event(number))
            expected = list(range(500))
            for each in (two, three):
                await until(partial(_has_taken, each, 500))
                assert numbers(each.here.taken) == expected
                assert each.here.taken[7].key == an_event(7).key
            assert one.here.taken == []
            assert stranger.here.taken == []
    assert one.metrics.fleet_callbacks == {"sent": 500}
    assert two.metrics.fleet_callbacks == {"received": 500}


async def test_who_comes_later_is_told_what_was(redis: RedisServer) -> None:
    """So that it knows who is in a Multiparty Call whose stream it gets."""
    async with instances(redis.url, "one", "two") as (one, two):
        one.fleet.publish_callback(an_event(1))
        await until(lambda: len(two.here.taken) == 1)
        async with instances(redis.url, "three") as (three,):
            assert numbers(three.here.taken) == [1]


async def test_a_call_is_shown_and_ended_from_anywhere(redis: RedisServer) -> None:
    """By whoever carries it; a bug there is no silence here."""
    async with instances(redis.url, "one", "two", "three") as (one, two, three):
        ids = ("s1", "broken", "no json", "ended just now")
        for number, stream_id in enumerate(ids):
            two.fleet.announce(a_call(number, "two", stream_id=stream_id))
        two.here.streams["s1"] = {"seconds": 1.5}
        await until(
            lambda: _are(one.fleet, "s1", "broken", "no json", "ended just now")
        )

        shown = await one.fleet.show("s1")
        broken = await three.fleet.show("broken")
        no_json = await three.fleet.show("no json")
        missed = await three.fleet.end("ended just now", "x")
        done = await three.fleet.end("s1", "an operator said so")

        assert shown == Answer(Outcome.DONE, {"seconds": 1.5})
        assert no_json.outcome is Outcome.FAILED
        assert (broken.outcome, missed.outcome, done.outcome) == (
            Outcome.FAILED,
            Outcome.NOT_FOUND,
            Outcome.DONE,
        )
        assert two.here.ended[-1] == ("s1", "an operator said so")
        assert one.here.ended == three.here.ended == []
        assert three.metrics.fleet_questions["done"] == 1


async def test_without_redis_there_is_what_is_here(tmp_path: Path) -> None:
    """It starts without, says so once, and finds the others when Redis comes."""
    redis = RedisServer(tmp_path)
    async with instances(redis.url, "one", "two") as (one, two):
        one.here.streams["s1"] = {}
        one.fleet.announce(a_call(1))
        one.fleet.publish_callback(an_event(1))
        alone = await one.fleet.calls()
        assert (alone.calls, alone.is_complete) == ((a_call(1),), False)
        assert (await one.fleet.show("s1")).outcome is Outcome.DONE
        assert (await one.fleet.show("s2")).outcome is Outcome.UNREACHABLE
        assert b"bridge_fleet_connected 0.0" in one.metrics.exposition()
        await redis.start()
        try:
            await until(lambda: _are(two.fleet, "s1"))
            await until(lambda: numbers(two.here.taken) == [1])
            assert b"bridge_fleet_connected 1.0" in one.metrics.exposition()
        finally:
            await redis.stop()


@pytest.mark.parametrize("keeps", [False, True], ids=["forgets", "keeps"])
async def test_an_outage_loses_nothing(
    tmp_path: Path, keeps: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Callbacks, calls that began and ended meanwhile; no instance is given up."""
    caplog.set_level(logging.WARNING)
    redis = RedisServer(tmp_path)
    await redis.start(keeps=keeps)
    async with instances(redis.url, "one", "two") as (one, two):
        one.fleet.announce(a_call(1))
        one.fleet.publish_callback(an_event(1))
        await until(lambda: _are(two.fleet, "s1"))
        await until(lambda: numbers(two.here.taken) == [1])
        await redis.stop()
        await until(lambda: not (one.fleet.is_connected or two.fleet.is_connected))
        one.fleet.retire("s1")
        one.fleet.announce(a_call(2))
        for number in range(2, 52):
            one.fleet.publish_callback(an_event(number))
        # Longer than it takes to give an instance up, and than a new Redis is lenient.
        await asyncio.sleep(GIVEN_UP_S + MERCY_S - 2)
        await redis.start(keeps=keeps)
        try:
            await until(lambda: _are(two.fleet, "s2"))
            await until(lambda: len(two.here.taken) >= 51)
            await asyncio.sleep(4.5)
            census = await two.fleet.calls()
            assert census.instances == ("one", "two")
            assert (len(census.calls), census.lost) == (1, ())
            told = [each for each in caplog.messages if "Redis is away" in each]
            assert len(told) == 2
            assert not [each for each in caplog.messages if "is gone" in each]
            assert one.metrics.fleet_outages == two.metrics.fleet_outages == 1
        finally:
            await redis.stop()
    assert numbers(two.here.taken) == list(range(1, 52))


async def test_a_redis_that_hangs_delays_nobody(
    redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Questions are answered in bounded time; then all is as it was."""
    async with instances(redis.url, "one", "two") as (one, two):
        one.fleet.announce(a_call(1))
        await until(lambda: _are(two.fleet, "s1"))
        redis.freeze()
        began_s = time.monotonic()
        assert (await two.fleet.show("s1")).outcome is Outcome.UNREACHABLE
        assert not (await two.fleet.calls()).is_complete
        assert time.monotonic() - began_s < 20
        one.fleet.publish_callback(an_event(1))
        await asyncio.sleep(4)
        redis.thaw()
        await until(lambda: numbers(two.here.taken) == [1])
        await until(lambda: _are(two.fleet, "s1"))
        await asyncio.sleep(4.5)
        assert (await two.fleet.calls()).lost == ()
    assert not [each for each in caplog.messages if "is gone" in each]


async def test_a_redis_whose_clock_is_behind_is_read(redis: RedisServer) -> None:
    """What it writes is below what was seen of the one before it."""
    client = Redis.from_url(redis.url)
    fields: dict[Any, Any] = {
        "seat": "far#1",
        "params": json.dumps(an_event(1).params()),
    }
    await client.xadd("test:callbacks", fields, id="9000000000000-0")
    await client.aclose()
    async with instances(redis.url, "one", "two") as (one, two):
        await until(lambda: numbers(two.here.taken) == [1])
        await redis.stop()
        await until(lambda: not (one.fleet.is_connected or two.fleet.is_connected))
        await redis.start()
        await until(lambda: one.fleet.is_connected and two.fleet.is_connected)
        one.fleet.publish_callback(an_event(2))
        await until(lambda: numbers(two.here.taken) == [1, 2])


async def test_what_others_write_is_no_harm(redis: RedisServer) -> None:
    """Entries of another version, or of nobody's; what comes after them is read."""
    client = Redis.from_url(redis.url)
    async with instances(redis.url, "one", "two") as (one, two):
        for fields in (
            {"something": "else"},
            {"seat": "far#1", "params": "{"},
            {"seat": "far#1", "params": '{"EventName": "Unheard", "MPCUUID": "m"}'},
            {"letter": '{"type": "proclamation"}'},
            {"seat": b"\xff", "params": b"\xff"},
        ):
            await client.xadd("test:callbacks", fields)  # type: ignore[arg-type]
        one.fleet.publish_callback(an_event(1))
        await until(lambda: numbers(two.here.taken) == [1])
        assert two.metrics.fleet_outages == 0
    await client.aclose()


async def test_too_many_callbacks_drop_the_oldest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And are counted."""
    monkeypatch.setattr(redis_backlog, "MOST_WAITING", 10)
    redis = RedisServer(tmp_path)
    async with instances(redis.url, "one", "two") as (one, two):
        for number in range(15):
            one.fleet.publish_callback(an_event(number))
        await redis.start()
        try:
            await until(lambda: len(two.here.taken) >= 10)
        finally:
            await redis.stop()
    assert numbers(two.here.taken) == list(range(5, 15))
    assert one.metrics.fleet_callbacks["dropped"] == 5


async def test_the_password_is_nowhere(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """In no log, no repr, no error; the right one opens, a wrong one does not."""
    caplog.set_level(logging.DEBUG)
    async with redis_server(tmp_path, password="open-sesame") as redis:
        async with instances(redis.url, "one") as (one,):
            assert one.fleet.is_connected
            said = [repr(one.fleet), repr(vars(one.fleet))]
        wrong = redis.url.replace("open", "shut")
        async with instances(wrong, "two") as (two,):
            assert not two.fleet.is_connected
            said += [repr(two.fleet)]
    for url in ("redis://:shut-sesame@host:port/0", "http://:shut-sesame@host/"):
        with pytest.raises(ConfigError) as error:
            Instance(url, "three")
        said += [str(error.value)]
    said += caplog.messages
    assert "sesame" not in "\n".join(said)
    assert any("Redis is away" in each for each in caplog.messages)


async def test_nothing_is_left_behind(redis: RedisServer) -> None:
    """What stays in Redis expires, but for what is one key a fleet."""
    async with instances(redis.url, "one", "two") as (one, two):
        one.fleet.announce(a_call(1))
        two.fleet.announce(a_call(2, "two"))
        one.fleet.publish_callback(an_event(1))
        await until(lambda: _are(one.fleet, "s1", "s2"))
        await one.fleet.show("s2")
    client = Redis.from_url(redis.url, decode_responses=True)
    keys = {str(key): await client.ttl(key) for key in await client.keys("*")}
    await client.aclose()
    forever = {key for key, left_s in keys.items() if left_s == -1}
    assert forever <= {"test:callbacks", "test:watch"}
    assert not [key for key in keys if key.startswith("test:calls:")]
