"""Who gets in, how many, and how fast."""

from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import SecretStr
from websockets.datastructures import Headers
from websockets.http11 import Request

from bridge.bots.echo import Echo
from bridge.call.bot import InService
from bridge.metrics import Metrics
from bridge.server.admission import Admission, Admitted
from bridge.server.guest import Refusal
from bridge.server.options import AccessOptions, ServerOptions


class Door:
    """An admission in virtual time."""

    def __init__(self, auth_token: SecretStr | None = None, **access: Any) -> None:
        self.now_s = 100.0
        self.metrics = Metrics()
        bots = {"echo": InService.of("echo", Echo(Echo.Options()))}
        options = ServerOptions(max_streams=3, access=AccessOptions(**access))
        self.admission = Admission(
            bots, options, auth_token, self.metrics, lambda: self.now_s
        )
        self.admission.is_ready = True
        self.streams: list[Any] = []

    def knock(
        self, path: str = "/stream", peer: str = "1.1.1.1", **headers: str
    ) -> Admitted:
        given = Headers([("Host", "h"), ("Upgrade", "websocket"), *headers.items()])
        return self.admission.admit(Request(path, given), peer, self.streams)

    def open(self, peer: str = "1.1.1.1") -> None:
        admitted = self.knock(peer=peer)
        self.streams.append(SimpleNamespace(address=admitted.address))

    def refusal(self, path: str = "/stream", peer: str = "1.1.1.1") -> Refusal:
        with pytest.raises(Refusal) as caught:
            self.knock(path, peer)
        return caught.value

    @property
    def refused(self) -> dict[str, int]:
        return dict(self.metrics.streams_refused)


def test_who_is_let_in_is_known() -> None:
    """Bot and address."""
    admitted = Door().knock("/stream/echo?lang=en&token=abc", "2.2.2.2")
    assert admitted.bot.name == "echo"
    assert admitted.address == "2.2.2.2"


def test_readiness_names_workers_that_are_silent() -> None:
    """This one takes streams all the same; a server that drains does not."""
    door = Door()

    def answer() -> tuple[int, str]:
        with pytest.raises(Refusal) as caught:
            door.admission.admit(Request("/readyz", Headers()), "1.1.1.1", [])
        return int(caught.value.status), caught.value.body

    assert answer() == (200, "ready\n")
    door.admission.silent_workers = (1, 3)
    assert answer() == (200, "ready; workers that do not answer: 1, 3\n")
    door.admission.is_ready = False
    assert answer() == (503, "draining\n")


def test_an_address_has_as_many_as_it_may() -> None:
    """Others are not its matter; Plivo is told to come again."""
    door = Door(max_streams_per_address=1)
    door.open("1.1.1.1")
    door.open("2.2.2.2")
    refusal = door.refusal(peer="1.1.1.1")
    assert (refusal.status, refusal.retry_after_s) == (503, 5)
    assert door.refused == {"address": 1}
    door.streams.pop(0)
    door.open("1.1.1.1")


def test_a_burst_is_let_in_and_a_flood_is_not() -> None:
    """Five seconds' worth at once; then as many as the rate says."""
    door = Door(handshakes_per_s=2.0)
    for _ in range(10):
        door.knock()
    assert door.refusal().status == 503
    door.now_s += 0.5
    door.knock()
    assert door.refusal().status == 503
    assert door.refused == {"handshakes": 2}


def test_who_is_wrong_again_and_again_is_cut_short() -> None:
    """Their address alone, and not for ever; who is right gets in from it all the same.

    Behind a proxy that nobody told us of, all have one address.
    """
    door = Door(refusals_per_minute=3, stream_secret=SecretStr("s" * 32))
    statuses = [door.refusal().status for _ in range(5)]
    assert statuses == [401, 401, 401, 429, 429]
    assert door.refusal(peer="2.2.2.2").status == 401
    assert door.refused == {"unauthorized": 6, "again_and_again": 2}
    door.now_s += 20
    assert door.refusal().status == 401


def test_what_is_full_is_no_fault_of_theirs() -> None:
    """However often they come: 503, not 429."""
    door = Door(refusals_per_minute=1)
    for _ in range(3):
        door.open()
    assert {door.refusal().status for _ in range(5)} == {503}


def test_a_long_url_is_refused() -> None:
    """414, and counted."""
    door = Door(max_url_bytes=100)
    assert door.refusal("/stream?" + "x" * 100).status == 414
    assert door.refused == {"url": 1}


def test_a_flood_of_addresses_is_forgotten() -> None:
    """Memory does not grow with them."""
    door = Door(stream_secret=SecretStr("s" * 32))
    for number in range(10_050):
        door.refusal(peer=str(number))
    assert len(door.admission._refusals) == 10_000


def test_an_account_has_as_many_as_it_may() -> None:
    """And without a limit, as many as fit."""
    assert not Door().admission.account_is_full("MA1", 1000)
    door = Door(max_streams_per_account=2)
    assert not door.admission.account_is_full("MA1", 1)
    assert door.admission.account_is_full("MA1", 2)
    assert door.refused == {"account": 1}
