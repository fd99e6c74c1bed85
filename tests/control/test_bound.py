"""The Multiparty Call of a stream, found and driven."""

import httpx
import pytest

from bridge.control.bound import BoundCall
from bridge.control.client import MpcClient
from bridge.errors import UnavailableError

MPCS = [
    {"mpc_uuid": uuid, "friendly_name": uuid, "status": "Active"}
    for uuid in ("m1", "m2")
]
MEMBERS = [
    {"member_id": "1", "mpc_uuid": "m2", "role": "customer", "call_uuid": "c1"},
    {"member_id": "2", "mpc_uuid": "m2", "role": "ai-agent", "call_uuid": "leg"},
]


class Api:
    """Two calls go on; the leg is in the second."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.partition("MultiPartyCall/")[2]
        self.asked.append(f"{request.method} {path}")
        if not path:
            meta = {"count": 2, "limit": 20, "offset": 0}
            return httpx.Response(200, json={"meta": meta, "objects": MPCS})
        if path.endswith("Participant/"):
            wanted = request.url.params.get("call_uuid")
            found = [m for m in MEMBERS if wanted in (None, m["call_uuid"])]
            objects = found if path.startswith("uuid_m2") else []
            meta = {"count": len(objects), "limit": 20, "offset": 0}
            return httpx.Response(200, json={"meta": meta, "objects": objects})
        if request.method == "DELETE":
            return httpx.Response(204)
        body = {"message": "ok", "recording_id": "r", "recording_url": "http://r"}
        return httpx.Response(202, json=body)

    def bound(self, leg: str = "leg", told: str = "") -> BoundCall:
        transport = httpx.MockTransport(self.answer)
        client = MpcClient("MA", "token", transport=transport)
        return BoundCall(client, leg, lambda: told)


async def test_what_a_callback_told_is_not_looked_for() -> None:
    """It is known already."""
    api = Api()
    bound = api.bound(told="m9")
    assert await bound.uuid() == "m9"
    assert "m9" in repr(bound)
    assert api.asked == []


async def test_without_callbacks_it_is_found_once() -> None:
    """By the leg, among the calls that go on."""
    api = Api()
    bound = api.bound()
    assert "not known" in repr(bound)
    assert await bound.uuid() == "m2"
    count = len(api.asked)
    assert await bound.uuid() == "m2"
    assert len(api.asked) == count


async def test_a_leg_in_no_call_is_an_error() -> None:
    """That names it."""
    with pytest.raises(UnavailableError, match="no call that goes on has the leg x"):
        await Api().bound("x").uuid()


async def test_customers_are_held_and_calls_recorded() -> None:
    """By uuid; nobody else is held."""
    api = Api()
    bound = api.bound(told="m2")
    await bound.hold(is_held=True)
    await bound.record(is_on=True)
    await bound.record(is_on=False)
    assert api.asked == [
        "GET uuid_m2/Participant/",
        "POST uuid_m2/Participant/1/",
        "POST uuid_m2/Record/",
        "DELETE uuid_m2/Record/",
    ]
