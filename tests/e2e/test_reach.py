"""Where the engine's requests lead: to the address that was checked, and no other."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import httpx
import pytest
from pydantic import SecretStr

from bridge.engine import pinned
from bridge.engine.addresses import OutOfReachError, Reach
from bridge.engine.ai_leg import AiLeg, AiLegOptions
from bridge.engine.app import running
from bridge.engine.fetcher import Fetcher, FetchError
from bridge.engine.options import EngineOptions
from bridge.engine.resolver import Resolver
from bridge.engine.targets import Target
from bridge.errors import UnavailableError
from bridge.stream.content_type import ContentType

HERE = Reach.parse("loopback", "")
NOWHERE = Reach.parse("none", "")


class Web:
    """A server that answers the same to everything, and keeps what it got."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.got: list[bytes] = []
        self.port = 0

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.got.append(await reader.read(4096))
        writer.write(self.answer)
        with contextlib.suppress(OSError):
            await writer.drain()
            writer.close()
            await writer.wait_closed()


@contextlib.asynccontextmanager
async def web(answer: bytes = b"HTTP/1.1 200 OK\r\n\r\nyes") -> AsyncIterator[Web]:
    made = Web(answer)
    async with await asyncio.start_server(made.serve, "127.0.0.1", 0) as server:
        made.port = server.sockets[0].getsockname()[1]
        yield made


async def fetched(resolver: Resolver, url: str) -> bytes:
    async with pinned.client(resolver) as http:
        return await Fetcher(http, SecretStr("secret")).get(Target(url, "GET"))


async def test_a_name_is_looked_up_once_and_that_address_is_asked() -> None:
    """The server still sees the name; a second look could be told something else."""
    looked: list[str] = []

    def look_up(host: str, port: int) -> list[str]:
        looked.append(host)
        return ["127.0.0.1"] if len(looked) == 1 else ["10.0.0.1"]

    async with web() as server:
        url = f"http://rebinds.example:{server.port}/x"
        assert await fetched(Resolver(HERE, look_up), url) == b"yes"

    assert looked == ["rebinds.example"]
    assert f"Host: rebinds.example:{server.port}".encode() in server.got[0]


async def test_tls_asks_for_the_name() -> None:
    """Not for the address: the certificate is checked against the name."""
    async with web(b"no TLS at all") as server:
        resolver = Resolver(HERE, lambda host, port: ["127.0.0.1"])
        with pytest.raises(FetchError, match="SSL"):
            await fetched(resolver, f"https://names.example:{server.port}/x")

    assert b"names.example" in server.got[0]


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "127.0.0.1", "127.1", "2130706433", "0177.0.0.1", "0x7f000001"),
        *("[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "0", "[::]", "169.254.169.254"),
    ],
)
async def test_no_way_of_writing_an_address_gets_past(host: str) -> None:
    """Nobody is connected to; the error says what it was, and how to allow it."""
    async with web() as server:
        resolver = Resolver(NOWHERE)
        with pytest.raises(FetchError, match="`reachable` lists it|Invalid IPv4"):
            await fetched(resolver, f"http://{host}:{server.port}/x")

    assert server.got == []


async def test_one_bad_address_among_good_ones_is_enough() -> None:
    """Such a name is not what it seems."""
    resolver = Resolver(NOWHERE, lambda host, port: ["8.8.8.8", "127.0.0.1"])
    with pytest.raises(OutOfReachError, match="two.example: 127.0.0.1 is a loopback"):
        await resolver.addresses("two.example", 80)


async def test_a_redirect_leads_nowhere() -> None:
    """Where to is not even looked at."""
    answer = b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\n\r\n"
    async with web(answer) as server:
        with pytest.raises(FetchError, match="HTTP 302: redirects are not followed"):
            await fetched(Resolver(HERE), f"http://127.0.0.1:{server.port}/x")


async def test_the_next_address_is_tried() -> None:
    """Where the first does not answer."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.2", 0))
        async with web() as server:
            resolver = Resolver(HERE, lambda host, port: ["127.0.0.2", "127.0.0.1"])
            url = f"http://two.example:{server.port}/x"
            assert await fetched(resolver, url) == b"yes"


@pytest.mark.parametrize("name", ["no-such-name.invalid", "a" * 70 + ".example"])
async def test_a_name_that_is_none_is_said(name: str) -> None:
    """As an error of the URL, whatever the system thinks of the name."""
    with pytest.raises(FetchError, match="ConnectError"):
        await fetched(Resolver(HERE), f"http://{name}/x")


def leg(url: str, reach: Reach) -> AiLeg:
    options = AiLegOptions(resolver=Resolver(reach))
    return AiLeg(url, ContentType.parse("audio/x-l16;rate=8000"), "", "call", options)


async def test_an_ai_agents_stream_leads_nowhere_else() -> None:
    """It is refused at once, and not tried again."""
    async with web() as server:
        for host in ("localhost", "2130706433", "[::ffff:127.0.0.1]"):
            with pytest.raises(UnavailableError, match="is a loopback address"):
                await leg(f"ws://{host}:{server.port}/s", NOWHERE).run(lambda: None)
    assert server.got == []


async def test_a_stream_server_sends_nobody_elsewhere() -> None:
    """A redirect to another address is not followed."""
    async with web() as inside:
        there = f"Location: ws://127.0.0.2:{inside.port}/"
        answer = f"HTTP/1.1 302 Found\r\n{there}\r\nContent-Length: 0\r\n\r\n"
        async with web(answer.encode()) as server:
            with pytest.raises(UnavailableError, match="cannot follow|redirect"):
                await leg(f"ws://127.0.0.1:{server.port}/s", HERE).run(lambda: None)
    assert inside.got == []


async def test_an_engine_that_others_reach_asks_nobody_at_home(
    tmp_path: object,
) -> None:
    """Listening everywhere, it tells no loopback receiver; the list shows why."""
    options = EngineOptions(host="0.0.0.0", port=0, database=":memory:")
    auth = (options.auth_id, options.auth_token.get_secret_value())
    async with web() as receiver, running(options) as engine:
        port = engine.url.rpartition(":")[2]
        base = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient(auth=auth, base_url=base) as http:
            wanted = {
                "role": "customer",
                "from": "+1",
                "to": "+2",
                "status_callback_url": f"http://127.0.0.1:{receiver.port}/cb",
            }
            account = f"/v1/Account/{options.auth_id}"
            path = f"{account}/MultiPartyCall/name_demo/Participant/"
            assert (await http.post(path, json=wanted)).is_success
            told: list[dict[str, str]] = []
            while not told or any(each["state"] == "waiting" for each in told):
                await asyncio.sleep(0.05)
                told = (await http.get("/engine/callbacks")).json()["objects"]
    assert told
    assert {each["state"] for each in told} == {"refused"}
    assert all("is a loopback address" in each["error"] for each in told)
    assert receiver.got == []
