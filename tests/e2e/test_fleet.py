"""Three processes of `serve`, a Redis, and calls, when one of them goes."""

import asyncio
import base64
import contextlib
import json
import re
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from bridge import Call
from bridge.call.bot import InService
from bridge.errors import ConfigError
from bridge.server.app import BridgeServer, serving
from bridge.server.fleet import Fleet, Outcome
from bridge.server.options import ServerOptions
from bridge.tasks import background
from tests.e2e.test_commands import command, first_line
from tests.fakes.redis_server import BINARY, RedisServer, redis_server
from tests.needs import needs

pytestmark = [
    needs(BINARY, "Redis: apt install redis-server"),
    pytest.mark.usefixtures("swept"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

SOON_S = 40.0
"""Generous: what takes 4 s by itself may take longer where much else runs."""

UNDISTURBED_S = 4.0
"""No echo for longer than this, and a call was disturbed."""

BOT = '''
"""Echoes, and tells by key what it is told."""

from bridge import Audio, Joined, Left, Muted


async def teller(call):
    async for event in call.events():
        match event:
            case Audio(samples=samples):
                await call.speak(samples)
            case Joined(member=member):
                call.send_dtmf(member.member_id)
            case Left():
                call.send_dtmf("0")
            case Muted(is_muted=is_muted):
                call.send_dtmf("*" if is_muted else "#")
'''


class Line:
    """The far end of one stream, 50 frames a second, that listens to its echo."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.stream_id = f"00000000-0000-4000-8000-{number:012}"
        self.call_uuid = f"99999999-0000-4000-8000-{number:012}"
        self.keys = ""
        self.longest_silence_s = 0.0
        self.echoes = 0
        self.close_reason: str | None = None

    async def live(self, url: str) -> None:
        """Be in the call until it ends."""
        with contextlib.suppress(ConnectionClosed):
            async with connect(url, compression=None, ping_interval=None) as socket:
                await socket.send(json.dumps(self._start()))
                async with background(speaking=self._speak(socket)):
                    await self._listen(socket)
        self.close_reason = self.close_reason or "broken"

    def forget_silence(self) -> None:
        """What was before is no matter."""
        self.longest_silence_s = 0.0

    async def _listen(self, socket: ClientConnection) -> None:
        heard_s = time.monotonic()
        with contextlib.suppress(ConnectionClosed):
            async for text in socket:
                message = json.loads(text)
                if message["event"] == "playAudio":
                    now_s = time.monotonic()
                    silence_s, heard_s = now_s - heard_s, now_s
                    self.longest_silence_s = max(self.longest_silence_s, silence_s)
                    self.echoes += 1
                elif message["event"] == "sendDTMF":
                    self.keys += message["dtmf"]
        self.close_reason = socket.close_reason

    async def _speak(self, socket: ClientConnection) -> None:
        payload = base64.b64encode(b"\1\2" * 160).decode()
        media = {"track": "inbound", "payload": payload}
        text = json.dumps(
            {"event": "media", "streamId": self.stream_id, "media": media}
        )
        with contextlib.suppress(ConnectionClosed):
            while True:
                await socket.send(text)
                await asyncio.sleep(0.02)

    def _start(self) -> dict[str, Any]:
        start = {
            "callId": self.call_uuid,
            "streamId": self.stream_id,
            "accountId": "MAXXXXXXXXXXXXXXXXXX",
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-l16", "sampleRate": 8000},
        }
        return {"event": "start", "sequenceNumber": 1, "start": start}


class Instance:
    """A process."""

    def __init__(
        self, name: str, process: asyncio.subprocess.Process, facts: Any
    ) -> None:
        self.name = name
        self.process = process
        self.facts = facts
        self.lines: list[Line] = []

    async def tell(self, event: str, number: int, **more: str) -> None:
        """Post a callback about a member to it."""
        form = {
            "EventName": event,
            "MPCUUID": "the-room",
            "MemberID": str(number),
            "ParticipantRole": "agent",
            "ParticipantCallUUID": Line(number).call_uuid,
            **more,
        }
        async with httpx.AsyncClient() as http:
            answer = await http.post(self.facts["callbacks"], data=form)
        assert answer.status_code == 200

    async def count(self, name: str) -> float:
        """Read a number from its metrics."""
        async with httpx.AsyncClient() as http:
            url = f"http://127.0.0.1:{self.facts['port']}/metrics"
            text = (await http.get(url)).text
        found = re.search(rf"^{name} (.*)$", text, re.MULTILINE)
        return float(found[1]) if found else 0.0


class Field:
    """Three processes, a fourth instance in this one, and two calls on each process."""

    def __init__(self, redis: RedisServer, here: BridgeServer) -> None:
        self.redis = redis
        self.here = here
        self.fleet: Fleet = here.fleet
        self.instances: dict[str, Instance] = {}

    def lines(self, *names: str) -> list[Line]:
        return [line for name in names for line in self.instances[name].lines]

    async def listed(self) -> dict[str, set[str]]:
        """The streams of each instance that has some."""
        found: dict[str, set[str]] = {}
        for call in (await self.fleet.calls()).calls:
            found.setdefault(call.instance, set()).add(call.stream_id)
        return found

    def carried(self, *names: str) -> dict[str, set[str]]:
        return {
            name: {line.stream_id for line in self.instances[name].lines}
            for name in names
        }

    async def lists(self, *names: str) -> bool:
        return await self.listed() == self.carried(*names)


async def until(is_so: Callable[[], Awaitable[bool] | bool]) -> float:
    """Wait for something; how long it took, in seconds."""
    began_s = time.monotonic()
    async with asyncio.timeout(SOON_S):
        while True:
            answer = is_so()
            if answer if isinstance(answer, bool) else await answer:
                return time.monotonic() - began_s
            await asyncio.sleep(0.05)


async def quiet(call: Call) -> None:
    async for _frame in call.listen():
        pass


@asynccontextmanager
async def instance(name: str, bot: Path, redis: str) -> AsyncIterator[Instance]:
    words = ["--redis", redis, "--instance", name, "--drain-s", "0.2", "--callbacks"]
    ports = ["--port", "0", "--callbacks-port", "0", "--json"]
    async with command("serve", "--bot", f"{bot}:teller", *words, *ports) as process:
        # Nobody else reads it, and a full pipe would stop the process.
        async with background(log=_drop(process.stderr)):
            yield Instance(name, process, json.loads(await first_line(process)))


async def _drop(stream: asyncio.StreamReader | None) -> None:
    while stream is not None and await stream.read(4096):
        pass


@pytest.fixture
async def field(tmp_path: Path) -> AsyncIterator[Field]:
    bot = tmp_path / "teller.py"
    bot.write_text(BOT)
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(redis_server(tmp_path))
        options = ServerOptions(port=0, redis=SecretStr(redis.url), instance="here")
        bots = {"quiet": InService.of("quiet", quiet)}
        here = await stack.enter_async_context(serving(bots, options))
        made = Field(redis, here)
        starts = [
            stack.enter_async_context(instance(name, bot, redis.url)) for name in "ABC"
        ]
        for each in [await start for start in starts]:
            made.instances[each.name] = each
        spawn = await stack.enter_async_context(background())
        for number, each in enumerate([*made.instances.values()] * 2, 1):
            line = Line(number)
            each.lines.append(line)
            spawn(f"line {number}", line.live(each.facts["url"]))
        await until(lambda: made.lists("A", "B", "C"))
        await until(lambda: all(line.echoes for line in made.lines("A", "B", "C")))
        yield made


def undisturbed(lines: list[Line]) -> bool:
    return all(
        line.close_reason is None and line.longest_silence_s < UNDISTURBED_S
        for line in lines
    )


async def test_a_callback_to_one_tells_the_calls_of_another(field: Field) -> None:
    """Who is in the room, whoever was told first; each once."""
    a, c = field.instances["A"], field.instances["C"]
    line = c.lines[0]
    await a.tell("ParticipantJoin", line.number)
    await a.tell("ParticipantMute", line.number)
    await until(lambda: line.keys == "*")
    await field.instances["B"].tell("ParticipantJoin", 9)
    await until(lambda: line.keys == "*9")
    # A callback that comes again, to another instance, as after a lost answer.
    await c.tell("ParticipantJoin", 9)
    await a.tell("ParticipantUnmute", line.number)
    await a.tell("ParticipantExit", 9)
    await until(lambda: line.keys == "*9#0")

    assert [other.keys for other in field.lines("A", "B")] == [""] * 4
    call = await field.fleet.find(line.call_uuid)
    assert call is not None
    assert (call.mpc_uuid, call.instance, call.bot) == ("the-room", "C", "teller")
    assert call.account == "MAXXXXXXXXXXXXXXXXXX"
    assert abs(call.since_s - time.time()) < 60


async def test_a_call_is_shown_and_ended_from_elsewhere(field: Field) -> None:
    """Its far end hears why; the others go on."""
    line, other = field.instances["B"].lines
    shown = await field.fleet.show(line.stream_id)
    assert shown.outcome is Outcome.DONE
    assert shown.detail is not None
    assert shown.detail["call_uuid"] == line.call_uuid
    assert shown.detail["state"] == "open"

    ended = await field.fleet.end(line.stream_id, "the operator said so")
    again = await field.fleet.end("no such stream", "the operator said so")

    assert (ended.outcome, again.outcome) == (Outcome.DONE, Outcome.NOT_FOUND)
    await until(lambda: line.close_reason == "the operator said so")
    field.instances["B"].lines.remove(line)
    await until(lambda: field.lists("A", "B", "C"))
    assert undisturbed([other])


async def test_a_killed_instance_is_noticed_by_one(field: Field) -> None:
    """Its calls are listed as lost; those of others do not notice."""
    killed = field.instances["B"]
    others = field.lines("A", "C")
    for line in others:
        line.forget_silence()
    began_s = time.time()
    killed.process.send_signal(signal.SIGKILL)
    await until(lambda: field.lists("A", "C"))

    census = await field.fleet.calls()
    lost = {call.stream_id for call in census.lost}
    assert lost == {line.stream_id for line in killed.lines}
    assert all(call.instance == "B" for call in census.lost)
    assert all(began_s < (call.lost_s or 0) < time.time() + 1 for call in census.lost)
    assert census.instances == ("A", "C", "here")
    answer = await field.fleet.end(killed.lines[0].stream_id, "x")
    assert answer.outcome is Outcome.LOST
    found = await field.fleet.find(killed.lines[0].call_uuid)
    assert found in census.lost
    counts = [
        await field.instances[name].count("bridge_fleet_calls_lost_total")
        for name in "AC"
    ]
    assert sum(counts) + field.here.metrics.fleet_calls_lost == 2
    assert undisturbed(others)


async def test_a_killed_instance_that_is_not_noticed_yet_is_no_silence(
    field: Field,
) -> None:
    """Who asks it is answered in bounded time."""
    killed = field.instances["B"]
    killed.process.send_signal(signal.SIGKILL)
    await killed.process.wait()
    async with asyncio.timeout(SOON_S):
        answer = await field.fleet.show(killed.lines[0].stream_id)
    assert answer.outcome is Outcome.LOST


async def test_calls_outlive_redis(field: Field) -> None:
    """What callbacks tell, local calls learn at once, others on its return."""
    everybody = field.lines("A", "B", "C")
    a, c = field.instances["A"], field.instances["C"]
    for line in everybody:
        line.forget_silence()
    await field.redis.stop()
    await until(lambda: not field.fleet.is_connected)
    await a.tell("ParticipantMute", a.lines[0].number)
    await a.tell("ParticipantMute", c.lines[0].number)
    await until(lambda: a.lines[0].keys == "*")
    assert await a.count("bridge_fleet_connected") == 0
    assert (await field.fleet.calls()).instances == ("here",)
    await asyncio.sleep(1)
    assert c.lines[0].keys == ""
    await field.redis.start()
    await until(lambda: field.lists("A", "B", "C"))
    await until(lambda: c.lines[0].keys == "*")
    assert a.lines[0].keys == "*"
    # Nobody is taken for lost afterwards.
    await asyncio.sleep(5)
    census = await field.fleet.calls()
    assert (census.lost, len(census.calls)) == ((), 6)
    assert await a.count("bridge_fleet_connected") == 1
    assert undisturbed(everybody)


async def test_an_instance_that_stood_still_is_back(field: Field) -> None:
    """With its calls, which are no longer lost; what it missed, it learns."""
    stopped = field.instances["B"]
    line = stopped.lines[0]
    stopped.process.send_signal(signal.SIGSTOP)
    try:
        await until(lambda: field.lists("A", "C"))
        assert len((await field.fleet.calls()).lost) == 2
        await field.instances["A"].tell("ParticipantMute", line.number)
    finally:
        stopped.process.send_signal(signal.SIGCONT)
    await until(lambda: field.lists("A", "B", "C"))
    await until(lambda: line.keys == "*")
    assert (await field.fleet.calls()).lost == ()
    assert (await field.fleet.show(line.stream_id)).outcome is Outcome.DONE


async def test_a_stopped_instance_leaves(field: Field) -> None:
    """SIGTERM ends its calls; nothing is lost."""
    field.instances["C"].process.send_signal(signal.SIGTERM)
    await until(lambda: field.lists("A", "B"))
    async with asyncio.timeout(SOON_S):
        await field.instances["C"].process.wait()
    census = await field.fleet.calls()
    assert (census.instances, census.lost) == (("A", "B", "here"), ())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"redis": SecretStr("localhost:6379")}, "redis://, rediss://, unix://"),
        ({"redis": SecretStr("redis://h:port")}, "redis://:password@host:6379/0"),
        ({"instance": "a#b"}, "instance: 'a#b', allowed is text without #"),
    ],
    ids=["no scheme", "no port", "no name"],
)
async def test_what_is_no_option_is_told(options: dict[str, Any], said: str) -> None:
    """Before anything is served."""
    bots = {"quiet": InService.of("quiet", quiet)}
    with pytest.raises(ConfigError, match=re.escape(said)):
        async with serving(bots, ServerOptions(port=0, **options)):
            pass
