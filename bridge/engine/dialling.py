"""Makes legs of what a request wants dialled."""

import dataclasses
import uuid

from bridge.engine.ai_leg import AiLeg, AiLegOptions
from bridge.engine.lines import Dial, Line
from bridge.engine.phone import Phone
from bridge.engine.phonebook import Phonebook
from bridge.engine.reporter import Reporter
from bridge.engine.targets import shown
from bridge.multiparty.requests import AddParticipant
from bridge.multiparty.vocabulary import Role
from bridge.stream.content_type import ContentType

__all__ = ["Dialling"]


class Dialling:
    """Knows what there is to dial.

    Args:
        phonebook: What the simulated phones do.
        options: How AI agents' streams are run.
        reporter: Is told of their streams.
    """

    def __init__(
        self, phonebook: Phonebook, options: AiLegOptions, reporter: Reporter
    ) -> None:
        self._phonebook = phonebook
        self._options = options
        self._reporter = reporter

    def lines(self, request: AddParticipant) -> list[Line]:
        """Calls for a request, not yet dialled; one, or for agents several.

        Raises:
            StreamError: If an AI agent's content type is none that streams.
        """
        if request.role is Role.AI_AGENT:
            return [self._ai_agent(request)]
        lines = [
            self._phone(request, number, place)
            for place, number in enumerate(request.destinations)
        ]
        if len(lines) > 1:
            request_uuid = str(uuid.uuid4())
            for line in lines:
                line.rivals = lines
                line.request_uuid = request_uuid
        return lines

    def incoming(self, number: str, to: str) -> Line:
        """A phone that calls us, and speaks as its script says."""
        script = self._phonebook.script(number)
        call_uuid = str(uuid.uuid4())
        line = Line(call_uuid, Phone(number, script), number, to)
        line.direction = "inbound"
        return line

    def _phone(self, request: AddParticipant, number: str, place: int) -> Line:
        leg = Phone(number, self._phonebook.script(number))
        line = Line(str(uuid.uuid4()), leg, request.from_ or "", number)
        line.dial = Dial(
            request.seconds("ring_timeout", place), request.seconds("delay_dial", place)
        )
        return line

    def _ai_agent(self, request: AddParticipant) -> Line:
        call_uuid = str(uuid.uuid4())
        url = request.ai_agent_stream_service_url or ""
        leg = AiLeg(
            url,
            ContentType.parse(request.ai_agent_stream_content_type),
            request.ai_agent_stream_extra_headers,
            call_uuid,
            self._options,
        )
        # The address is shown and logged; a token in its query is not.
        address = shown(url).removesuffix("?...")
        line = Line(call_uuid, leg, request.from_ or "", address)
        line.dial = dataclasses.replace(
            line.dial,
            ring_s=request.seconds("ring_timeout", 0),
            delay_s=request.seconds("delay_dial", 0),
        )
        leg.on_state = lambda state, facts: self._reporter.stream(
            line, state, stream_id=leg.stream_id, **facts
        )
        return line
