"""A line to a bot elsewhere: samples as they are, and small JSON events.

Binary messages are int16 little-endian samples. Text messages to the bot:

    {"type": "start", "stream_id": ..., "call_uuid": ..., "account_id": ...,
     "headers": {...}, "sample_rate_hz": 16000}
    {"type": "dtmf", "digit": "5"}
    {"type": "gap", "duration_ms": 40}                audio is missing before the next
    {"type": "marked", "name": ...}                   all before the mark was heard
    {"type": "cleared", "heard_ms": 1240, "certainty": "bounded"}
                                    of what was said since the last mark that was heard
    {"type": "event", "event": "Joined", ...}         what callbacks tell
    {"type": "end", "reason": ...}

From the bot:

    {"type": "mark", "name": ...}      tell when all audio before this was heard
    {"type": "clear"}                  be silent at once
    {"type": "dtmf", "digits": "1#"}   press keys
    {"type": "turn", "who": "bot", "text": ...}       for the transcript
    {"type": "hang_up"}                once all was heard
"""

import asyncio
import json
import logging
from typing import Any

import msgspec
import numpy as np
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from bridge.call.call import Call
from bridge.call.events import Audio, Coached, Dtmf, Ended, Event, Gap, Played
from bridge.call.transcript import Turn
from bridge.errors import MisuseError, ServiceError
from bridge.speech.feed import Outbox
from bridge.tasks import Spawn

__all__ = ["RawLine"]

_LOG = logging.getLogger(__name__)


class RawLine:
    """Samples as they are, and small JSON events.

    Args:
        call: The call.
        socket: To the bot.
        outbox: What it says.
        spawn: Runs what goes on meanwhile.
    """

    def __init__(
        self, call: Call, socket: ClientConnection, outbox: Outbox, spawn: Spawn
    ) -> None:
        self._spawn = spawn
        self._call = call
        self._socket = socket
        self._outbox = outbox
        self._leaving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Say what call it is."""
        call = self._call
        await self._send(
            "start",
            stream_id=call.stream_id,
            call_uuid=call.call_uuid,
            account_id=call.account_id,
            headers=dict(call.headers),
            sample_rate_hz=call.sample_rate_hz,
        )

    async def tell(self, event: Event) -> None:
        """Pass an event on."""
        match event:
            case Audio():
                await self._socket.send(event.samples.astype("<i2").tobytes())
            case Dtmf():
                await self._send("dtmf", digit=event.digit)
            case Gap():
                await self._send("gap", duration_ms=round(event.duration_s * 1000))
            case Played():
                if event.name and event.heard.complete:
                    await self._send("marked", name=event.name)
            case Ended():
                await self._send("end", reason=event.reason)
                await self._socket.close()
            case Coached():
                # In its stream of samples it would be the caller's.
                return
            case _:
                facts = msgspec.to_builtins(event)
                await self._send("event", event=type(event).__name__, **facts)

    async def read(self) -> None:
        """Do what the bot says, until it goes.

        Raises:
            ServiceError: If its socket breaks.
        """
        try:
            async for message in self._socket:
                if isinstance(message, bytes):
                    self._hear(message)
                else:
                    await self._take(message)
        except ConnectionClosed as error:
            if self._call.is_open:
                raise ServiceError("remote bot", str(error)) from error

    def _hear(self, data: bytes) -> None:
        if len(data) % 2:
            _LOG.warning("remote bot: %d bytes are no whole samples", len(data))
            return
        if not self._outbox.say(np.frombuffer(data, "<i2").astype(np.int16)):
            _LOG.warning("remote bot: too much waits, more is dropped")

    async def _take(self, text: str) -> None:
        try:
            event: dict[str, Any] = json.loads(text)
            kind = event.get("type")
            if kind == "mark":
                self._outbox.mark(str(event["name"]))
            elif kind == "clear":
                if self._leaving is not None:
                    self._leaving.cancel()
                heard = self._outbox.clear()
                await self._send(
                    "cleared",
                    heard_ms=round(heard.duration_s * 1000),
                    certainty=heard.certainty.value,
                )
            elif kind == "dtmf":
                self._call.send_dtmf(str(event["digits"]))
            elif kind == "turn":
                self._note(str(event["who"]), str(event["text"]))
            elif kind == "hang_up":
                self._leaving = self._spawn("leave", self._leave())
            else:
                _LOG.warning("remote bot: no event of type %r", kind)
        except (ValueError, KeyError, AttributeError, MisuseError) as error:
            _LOG.warning("remote bot: %r: %s", text[:100], error)

    async def _leave(self) -> None:
        await self._outbox.finished()
        self._call.hang_up()

    def _note(self, who: str, text: str) -> None:
        now_s = asyncio.get_running_loop().time() - self._call.began_s
        self._call.note(Turn(who, text, round(now_s, 3), round(now_s, 3)))

    async def _send(self, kind: str, **facts: Any) -> None:
        await self._socket.send(json.dumps({"type": kind, **facts}))
