"""What a request wants dialled."""

from pathlib import Path

from bridge.engine.ai_leg import AiLeg
from bridge.engine.phone import Phone
from bridge.multiparty.requests import AddParticipant
from tests.engine.setting import engine


async def test_each_destination_is_a_call(tmp_path: Path) -> None:
    """Rivals of one request, each ringing in its own way."""
    request = AddParticipant.model_validate(
        {"role": "agent", "from": "+1", "to": "+2<+3", "ring_timeout": "5<6"}
    )
    async with engine(tmp_path) as house:
        first, second = house.exchange.parts.dialling.lines(request)
        assert isinstance(first.leg, Phone)
        assert (first.address, second.address) == ("+2", "+3")
        assert (first.dial.ring_s, second.dial.ring_s) == (5.0, 6.0)
        assert first.request_uuid == second.request_uuid
        assert first.rivals == second.rivals == [first, second]
        assert first.role == "caller"


async def test_an_ai_agent_is_a_stream(tmp_path: Path) -> None:
    """One call, whose uuid is its request's."""
    request = AddParticipant.model_validate(
        {"role": "ai-agent", "ai_agent_stream_service_url": "wss://u:p@h/s?t=1#x"}
    )
    async with engine(tmp_path) as house:
        (line,) = house.exchange.parts.dialling.lines(request)
        assert isinstance(line.leg, AiLeg)
        assert line.address == "wss://h/s"
        assert line.request_uuid == line.call_uuid
        assert line.rivals == []


async def test_a_phone_can_call_in(tmp_path: Path) -> None:
    """With what its script says."""
    async with engine(tmp_path) as house:
        line = house.exchange.parts.dialling.incoming("+2", "+9")
        assert (line.sender, line.address, line.direction) == ("+2", "+9", "inbound")
