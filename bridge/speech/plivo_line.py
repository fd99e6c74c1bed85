"""A line to a bot elsewhere: Plivo's stream protocol, with us in Plivo's place."""

import io
import logging

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from bridge.audio import files
from bridge.audio.codecs import CODECS
from bridge.audio.pcm import Samples
from bridge.audio.resampling import Resampler, resampler
from bridge.call.call import Call
from bridge.call.events import Audio, Dtmf, Ended, Event, Played
from bridge.errors import BridgeError, ServiceError, StreamError
from bridge.speech.feed import Outbox
from bridge.stream import messages
from bridge.stream.content_type import ContentType
from bridge.stream.headers import format_extra_headers
from bridge.stream.messages import Message, Side, Unknown
from bridge.stream.protocol import State, StreamProtocol

__all__ = ["PlivoLine"]

CONTAINERS = ("wav", "audio/wav", "audio/x-wav")

_LOG = logging.getLogger(__name__)


class PlivoLine:
    """Plivo's stream protocol, with us in Plivo's place.

    Args:
        call: The call.
        socket: To the bot.
        outbox: What it says.
        content_type: Of the audio to it.
    """

    def __init__(
        self,
        call: Call,
        socket: ClientConnection,
        outbox: Outbox,
        content_type: ContentType,
    ) -> None:
        self._call = call
        self._socket = socket
        self._outbox = outbox
        self._protocol = StreamProtocol(Side.PLATFORM)
        self._content_type = content_type
        self._resamplers: dict[int, Resampler] = {}
        self._headers = format_extra_headers(dict(call.headers))
        self._chunk = 0

    async def start(self) -> None:
        """Say what call it is."""
        call = self._call
        body = messages.StartBody(
            call_id=call.call_uuid,
            stream_id=call.stream_id,
            account_id=call.account_id,
            tracks=["inbound"],
            media_format=messages.MediaFormat(
                encoding=self._content_type.encoding, sample_rate=call.sample_rate_hz
            ),
        )
        await self._send(messages.Start(start=body, extra_headers=self._headers))

    async def tell(self, event: Event) -> None:
        """Pass an event on, if the protocol has it."""
        match event:
            case Audio():
                await self._send(self._media(event.samples))
            case Dtmf():
                body = messages.DtmfBody(track="inbound", digit=event.digit)
                await self._send(
                    messages.Dtmf(
                        stream_id=self._call.stream_id,
                        dtmf=body,
                        extra_headers=self._headers,
                    )
                )
            case Played():
                # A checkpoint that was cleared is never acknowledged.
                if event.name and event.heard.complete:
                    await self._send(
                        messages.PlayedStream(
                            stream_id=self._call.stream_id, name=event.name
                        )
                    )
            case Ended():
                if self._protocol.state is State.STREAMING:
                    stop = messages.Stop(stream_id=self._call.stream_id)
                    await self._send(stop)
                await self._socket.close()

    async def read(self) -> None:
        """Do what the bot says, until it goes.

        Raises:
            ServiceError: If its socket breaks.
        """
        try:
            async for text in self._socket:
                try:
                    await self._take(self._protocol.receive(text))
                except BridgeError as error:
                    _LOG.warning("remote bot: < %s", error)
        except ConnectionClosed as error:
            if self._call.is_open:
                raise ServiceError("remote bot", str(error)) from error

    async def _take(self, message: Message | Unknown) -> None:
        match message:
            case messages.PlayAudio():
                self._play(message.media)
            case messages.Checkpoint():
                self._outbox.mark(message.name)
            case messages.ClearAudio():
                self._outbox.clear()
                await self._send(messages.ClearedAudio(stream_id=self._call.stream_id))
            case messages.SendDtmf():
                self._call.send_dtmf(message.dtmf)
            case messages.Stop():
                await self._outbox.finished()
                self._call.hang_up()
            case Unknown():
                raise StreamError(f"unknown event {message.event}")

    def _play(self, body: messages.PlayAudioBody) -> None:
        if not self._outbox.say(self._decoded(body)):
            raise StreamError("buffer_overflow: the playback queue is full")

    def _decoded(self, body: messages.PlayAudioBody) -> Samples:
        """Audio of whatever type it says it is, at the call's rate."""
        name = (body.content_type or str(self._content_type)).lower()
        if name in CONTAINERS:
            return files.read(io.BytesIO(body.payload), self._call.sample_rate_hz)
        if name == "raw":
            name = str(self._content_type)
        named = ContentType.parse(name, body.sample_rate)
        named.whole_samples(body.payload)
        if named.rate_hz not in self._resamplers:
            self._resamplers[named.rate_hz] = resampler(
                named.rate_hz, self._call.sample_rate_hz
            )
        samples = CODECS[named.encoding].decode(body.payload)
        return self._resamplers[named.rate_hz].process(samples)

    def _media(self, samples: Samples) -> messages.Media:
        self._chunk += 1
        body = messages.MediaBody(
            track="inbound",
            chunk=self._chunk,
            payload=CODECS[self._content_type.encoding].encode(samples),
        )
        return messages.Media(
            stream_id=self._call.stream_id, media=body, extra_headers=self._headers
        )

    async def _send(self, message: Message) -> None:
        if self._protocol.state is State.STOPPED:
            return
        await self._socket.send(self._protocol.send(message), text=True)
