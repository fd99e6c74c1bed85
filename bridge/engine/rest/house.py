"""What the engine offers beside Plivo's API: callbacks shown, phones that call in."""

from http import HTTPStatus

from pydantic import BaseModel, ConfigDict, Field

from bridge.engine.exchange import Exchange
from bridge.engine.notifier import Notifier
from bridge.engine.rest.asking import Answer, ApiError, Ask
from bridge.engine.targets import Target
from bridge.errors import PeerError
from bridge.multiparty.requests import Method, Url

__all__ = ["House"]


class IncomingCall(BaseModel):
    """A phone calls a number of ours, whose answer URL says what becomes of it."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    from_: str = Field(alias="from", min_length=1)
    to: str = Field(min_length=1)
    answer_url: Url
    answer_method: Method = "POST"


class House:
    """The engine's own operations.

    Args:
        exchange: Whose.
        notifier: Whose callbacks are shown.
    """

    def __init__(self, exchange: Exchange, notifier: Notifier) -> None:
        self._exchange = exchange
        self._notifier = notifier

    async def callbacks(self, ask: Ask) -> Answer:
        """Show callbacks, the newest first, and what became of them."""
        wanted = ask.query.get("state")
        shown = [
            delivery.shown()
            for delivery in reversed(self._notifier.deliveries)
            if wanted in (None, delivery.state)
        ]
        return Answer(HTTPStatus.OK, {"objects": shown})

    async def call_in(self, ask: Ask) -> Answer:
        """Let a simulated phone call in, and do what the answer URL's XML says."""
        wanted = IncomingCall.model_validate(ask.body)
        line = self._exchange.parts.dialling.incoming(wanted.from_, wanted.to)
        params = {
            "CallUUID": line.call_uuid,
            "From": wanted.from_,
            "To": wanted.to,
            "Direction": "inbound",
            "CallStatus": "ringing",
            "Event": "StartApp",
        }
        target = Target(wanted.answer_url, wanted.answer_method)
        try:
            elements = await self._exchange.parts.announcer.instructions(
                target, params, line.call_uuid
            )
        except PeerError as error:
            raise ApiError(HTTPStatus.BAD_REQUEST, f"answer_url: {error}") from error
        line.script.extend(elements)
        self._exchange.call_in(line)
        body = {"message": "call fired", "request_uuid": line.call_uuid}
        return Answer(HTTPStatus.CREATED, body)
