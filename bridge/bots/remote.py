"""A bot elsewhere, behind a WebSocket of its own.

With `protocol = "raw"` it is spoken to in samples and small JSON events, as
`bridge.speech.raw_line` tells; with `protocol = "plivo"` it is a server of Plivo's
stream protocol, as it would run behind Plivo itself.
"""

from typing import Literal

from pydantic import BaseModel, Field, SecretStr
from websockets.exceptions import ConnectionClosed

from bridge.call.call import Call
from bridge.errors import ConfigError
from bridge.speech.elsewhere import connected
from bridge.speech.feed import Outbox
from bridge.speech.plivo_line import PlivoLine
from bridge.speech.raw_line import RawLine
from bridge.stream.content_type import ContentType
from bridge.tasks import background

__all__ = ["Remote"]

MOST_WAITING_S = 60.0
"""As much as Plivo keeps."""


class Remote:
    """Hands the call to a bot elsewhere, over a WebSocket of its own."""

    class Options(BaseModel):
        """What can be set."""

        url: str = Field(description="Of the bot: ws:// or wss://", pattern=r"^wss?://")
        protocol: Literal["raw", "plivo"] = Field(
            default="raw", description="How it is spoken to"
        )
        content_type: Literal[
            "audio/x-l16;rate=8000",
            "audio/x-l16;rate=16000",
            "audio/x-l16;rate=24000",
            "audio/x-mulaw;rate=8000",
        ] = Field(
            default="audio/x-l16;rate=8000",
            description="Of the audio to it; with plivo it may answer in any other",
        )
        authorization: SecretStr = Field(
            default=SecretStr(""), description="Sent as that header; as env:BOT_TOKEN"
        )

    def __init__(self, options: Options) -> None:
        self.options = options
        self._content_type = ContentType.parse(options.content_type)
        if options.protocol == "raw" and self._content_type.encoding != "audio/x-l16":
            raise ConfigError("remote: a raw line carries audio/x-l16")
        self.sample_rate_hz = self._content_type.rate_hz

    async def __call__(self, call: Call) -> None:
        """Pass audio and events both ways until one side ends."""
        options = self.options
        given = options.authorization.get_secret_value()
        headers = {"Authorization": given} if given else {}
        outbox = Outbox(call, MOST_WAITING_S)
        async with (
            connected("remote bot", options.url, headers) as socket,
            background() as spawn,
        ):
            line: RawLine | PlivoLine
            if options.protocol == "plivo":
                line = PlivoLine(call, socket, outbox, self._content_type)
            else:
                line = RawLine(call, socket, outbox, spawn)
            spawn("outbox", outbox.run())
            spawn("to the bot", _listen(call, line))
            await line.read()
            # It has said all it had to say; that is heard before the call ends.
            await outbox.finished()


async def _listen(call: Call, line: RawLine | PlivoLine) -> None:
    """Tell the bot what happens."""
    try:
        await line.start()
        async for event in call.events():
            await line.tell(event)
    except ConnectionClosed:
        # Whoever reads sees that, too, and knows why.
        return
