"""The AI agent's leg: Plivo's side of the audio stream.

What Plivo does not document about an ai-agent's stream is done as with a bidirectional
`<Stream>`: the inbound track is the mix of what the agent may hear, and `callId` is
the participant's call.
"""

import asyncio
import contextlib
import dataclasses
import datetime
import io
import logging
import sys
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import SecretStr
from websockets.exceptions import ConnectionClosed, WebSocketException

from bridge.audio import files, mixing
from bridge.audio.codecs import CODECS
from bridge.audio.pcm import FRAME_MS, Samples
from bridge.audio.resampling import Resampler, resampler
from bridge.engine.addresses import Reach
from bridge.engine.far_buffer import DEFAULT_LIMIT_S, FarBuffer
from bridge.engine.key_tones import KeyTones
from bridge.engine.legs import RATE_HZ, TICK_SAMPLES
from bridge.engine.resolver import Resolver
from bridge.engine.stream_socket import StreamSocket, open_socket
from bridge.errors import ConfigError, StreamError, UnavailableError
from bridge.multiparty import signatures
from bridge.multiparty.callbacks import StreamState
from bridge.stream import messages
from bridge.stream.content_type import ContentType
from bridge.stream.messages import Message, Side, Unknown
from bridge.stream.protocol import State, StreamProtocol
from bridge.tasks import background

__all__ = ["AiLeg", "AiLegOptions"]

_LOG = logging.getLogger(__name__)

ATTEMPTS = 3
"""Plivo tries to connect twice more."""

RETRY_S = 0.5

SEND_QUEUE_S = 40.0
"""How much a slow server may lag behind before its stream is dropped."""

DEGRADED_AT = (0.3, 0.6, 0.9)
"""How full of unsent audio a stream is when that is told."""

MOST_TYPES = 16
"""Spellings of content types that are remembered; a server may invent more."""

ERRORS_TOLD = 16
"""A stream's first errors are told, then those that double their number: a server
that sends without end makes 50 000 a second, and each told takes longer than made."""

CONTAINERS = ("wav", "audio/wav", "audio/x-wav")


@dataclasses.dataclass(frozen=True, slots=True)
class AiLegOptions:
    """How AI agents' streams are run."""

    account_id: str = "MALOCALENGINE0000000"
    """Told to stream servers."""
    auth_token: SecretStr = dataclasses.field(default_factory=lambda: SecretStr(""))
    """Signs the upgrade."""
    reconnects: bool = False
    """Whether a socket that breaks is connected anew; else the participant exits."""
    resolver: Resolver = dataclasses.field(default_factory=lambda: Resolver(Reach()))
    """Says where streams may go."""


class AiLeg:
    """A leg to a stream server, spoken to in Plivo's protocol.

    Args:
        url: `ws://` or `wss://`.
        content_type: Of the stream.
        extra_headers: Passed on as they are.
        call_uuid: The participant's call.
        options: How it is run.
    """

    def __init__(
        self,
        url: str,
        content_type: ContentType,
        extra_headers: str,
        call_uuid: str,
        options: AiLegOptions,
    ) -> None:
        self.on_keys: Callable[[str], None] = lambda _digits: None
        self.on_state: Callable[[StreamState, Mapping[str, Any]], None] = (
            lambda _state, _facts: None
        )
        """Told what becomes of the stream, for its status callbacks."""
        self.far_buffer = FarBuffer(round(DEFAULT_LIMIT_S * RATE_HZ))
        self.stream_id = str(uuid.uuid4())
        self.stream_errors = 0
        self._url = url
        self._content_type = content_type
        self._extra_headers = extra_headers
        self._call_uuid = call_uuid
        self._options = options
        self._encode = CODECS[content_type.encoding].encode
        self._to_stream = resampler(RATE_HZ, content_type.rate_hz)
        self._from_stream: dict[ContentType, Resampler] = {}
        self._types: dict[tuple[str | None, int | None], ContentType] = {}
        """What the words of messages have turned out to mean."""
        self._socket: StreamSocket | None = None
        self._protocol = StreamProtocol(Side.PLATFORM)
        self._outgoing: asyncio.Queue[bytes] = asyncio.Queue(
            round(SEND_QUEUE_S * 1000 / FRAME_MS)
        )
        self._keys = KeyTones(RATE_HZ)
        self._chunk = 0
        self._began_ms = 0
        self._fullness = 0
        self._is_broken = False
        self._is_hung_up = False
        self._down = asyncio.Event()
        """The socket is of no more use, for whichever reason."""

    def __repr__(self) -> str:
        return f"<AiLeg {self.stream_id} {self._protocol.state.value}>"

    async def run(self, answered: Callable[[], None]) -> None:
        """Connect, stream, and return when either side closes.

        Raises:
            UnavailableError: If no attempt to connect succeeds.
        """
        is_answered = False
        began_s = asyncio.get_running_loop().time()
        try:
            while not self._is_hung_up:
                async with contextlib.AsyncExitStack() as stack:
                    socket = await self._connect(stack)
                    if self._is_hung_up:
                        return
                    await self._begin(socket)
                    if not is_answered:
                        is_answered = True
                        answered()
                    await self._stream(socket)
                if not (self._is_broken and self._options.reconnects):
                    return
                _LOG.warning("%r: its socket broke, connecting again", self)
                self._reset()
        except UnavailableError as error:
            reason = {"reason": "connection_failed", "error": str(error.detail)}
            self.on_state(StreamState.DROPPED, reason)
            raise
        except asyncio.CancelledError:
            # Whoever rang ran out of patience; who hung up knows.
            if not is_answered and not self._is_hung_up:
                reason = {"reason": "connection_failed", "error": "no answer in time"}
                self.on_state(StreamState.DROPPED, reason)
            raise
        finally:
            if is_answered and sys.exception() is None:
                self._tell_of_end(asyncio.get_running_loop().time() - began_s)

    def say(self) -> Samples:
        """Play 20 ms of what the agent sent."""
        said, reached = self.far_buffer.take(TICK_SAMPLES)
        for name in reached:
            self._played(name)
        if self._keys.is_playing:
            said = mixing.mix([said, self._keys.take(TICK_SAMPLES)])
        return said

    def hear(self, samples: Samples) -> None:
        """Stream 20 ms to the agent."""
        self._chunk += 1
        timestamp_ms = self._began_ms + (self._chunk - 1) * FRAME_MS
        self._send(
            messages.Media(
                stream_id=self.stream_id,
                media=messages.MediaBody(
                    track="inbound",
                    timestamp=str(timestamp_ms),
                    chunk=self._chunk,
                    payload=self._encode(self._to_stream.process(samples)),
                ),
                extra_headers=self._extra_headers,
            )
        )

    def press(self, digit: str) -> None:
        """Tell the agent of a key."""
        timestamp_ms = self._began_ms + self._chunk * FRAME_MS
        body = messages.DtmfBody(
            track="inbound", digit=digit, timestamp=str(timestamp_ms)
        )
        self._send(
            messages.Dtmf(
                stream_id=self.stream_id, dtmf=body, extra_headers=self._extra_headers
            )
        )

    def hang_up(self) -> None:
        """Close the stream."""
        self._is_hung_up = True
        self._down.set()

    # ---------------------------------------------------------------- the stream

    async def _begin(self, socket: StreamSocket) -> None:
        try:
            await socket.send(self._start().decode())
        except ConnectionClosed as closed:
            raise UnavailableError("start stream", None, str(closed)) from closed
        self.on_state(StreamState.STARTED, {})

    async def _stream(self, socket: StreamSocket) -> None:
        self._socket = socket
        socket.hand_over(self._receive)
        try:
            async with background(
                reader=self._read(socket), writer=self._write(socket)
            ):
                await self._down.wait()
        finally:
            socket.let_go()
            if self._is_broken:
                # Whoever reads nothing would not read a close frame either.
                socket.transport.abort()
            self._socket = None

    def _reset(self) -> None:
        """Forget what belonged to the broken socket."""
        if not self._is_hung_up:
            self._down.clear()
        self._is_broken = False
        self._protocol = StreamProtocol(Side.PLATFORM)
        while not self._outgoing.empty():
            self._outgoing.get_nowait()

    def _tell_of_end(self, lasted_s: float) -> None:
        facts = {"reason": "completed", "duration_s": round(lasted_s, 3)}
        if self._is_broken:
            text = "connection disconnected with the remote service"
            broken = {**facts, "reason": "connection_failed", "error": text}
            self.on_state(StreamState.DROPPED, broken)
        else:
            self.on_state(StreamState.STOPPED, facts)

    # ------------------------------------------------------------------- sending

    def _headers(self) -> dict[str, str]:
        """The signature of the upgrade: as a GET, of the URL with `http://`."""
        url = "http://" + self._url.partition("://")[2]
        token = self._options.auth_token.get_secret_value()
        signed = signatures.headers(token, "GET", url, uuid.uuid4().hex)
        return {name: value for name, value in signed.items() if "V3" in name}

    async def _connect(self, stack: contextlib.AsyncExitStack) -> StreamSocket:
        error: Exception | None = None
        for attempt in range(ATTEMPTS):
            if attempt:
                await asyncio.sleep(RETRY_S)
            try:
                return await open_socket(
                    stack, self._url, self._options.resolver, self._headers()
                )
            except (OSError, TimeoutError, WebSocketException) as failure:
                error = failure
                _LOG.info("%r: attempt %d to connect: %s", self, attempt + 1, error)
        raise UnavailableError("connect stream", None, str(error)) from error

    def _start(self) -> bytes:
        now = datetime.datetime.now(datetime.UTC)
        self._began_ms = int(now.timestamp() * 1000)
        body = messages.StartBody(
            call_id=self._call_uuid,
            stream_id=self.stream_id,
            account_id=self._options.account_id,
            tracks=["inbound"],
            media_format=messages.MediaFormat(
                encoding=self._content_type.encoding,
                sample_rate=self._content_type.rate_hz,
            ),
        )
        return self._protocol.send(
            messages.Start(start=body, extra_headers=self._extra_headers)
        )

    def _send(self, message: Message) -> None:
        # Between two sockets nothing can be said, and what is said is lost.
        if self._down.is_set() or self._protocol.state is not State.STREAMING:
            return
        text = self._protocol.send(message)
        # What waits is written first; where nothing does, nobody has to wake.
        socket = self._socket if self._outgoing.empty() else None
        if socket is not None and socket.write(text):
            self._fullness = 0
            return
        try:
            self._outgoing.put_nowait(text)
        except asyncio.QueueFull:
            _LOG.warning(
                "%r: its server reads too slowly, dropped after %.0f s",
                self,
                SEND_QUEUE_S,
            )
            self._is_broken = True
            self._down.set()
        else:
            self._watch_fullness()

    def _watch_fullness(self) -> None:
        """Tell when unsent audio passes a mark on its way up."""
        share = self._outgoing.qsize() / self._outgoing.maxsize
        fullness = sum(share >= mark for mark in DEGRADED_AT)
        if fullness > self._fullness:
            reason = f"buffer {DEGRADED_AT[fullness - 1]:.0%} full"
            self.on_state(StreamState.DEGRADED, {"reason": reason})
        self._fullness = fullness

    def _played(self, name: str) -> None:
        self._send(messages.PlayedStream(stream_id=self.stream_id, name=name))

    async def _write(self, socket: StreamSocket) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                message = await self._outgoing.get()
                await socket.send(message, text=True)

    # ----------------------------------------------------------------- receiving

    async def _read(self, socket: StreamSocket) -> None:
        try:
            # It ends with a clean close, and raises on any other.
            async for text in socket:
                self._receive(text)
        except ConnectionClosed:
            self._is_broken = not self._down.is_set()
        self._down.set()

    def _receive(self, text: str | bytes) -> None:
        try:
            self._take(self._protocol.receive(text))
        except (StreamError, ConfigError) as error:
            self.stream_errors += 1
            number = self.stream_errors
            if number <= ERRORS_TOLD or not number & (number - 1):
                _LOG.warning("stream %s: < error %d: %s", self.stream_id, number, error)

    def _take(self, message: Message | Unknown) -> None:
        match message:
            case messages.PlayAudio():
                if not self.far_buffer.play(self._decoded(message.media)):
                    raise StreamError("buffer_overflow: the playback queue is full")
            case messages.Checkpoint():
                if self.far_buffer.checkpoint(message.name):
                    self._played(message.name)
            case messages.ClearAudio():
                self.far_buffer.clear()
                self._send(messages.ClearedAudio(stream_id=self.stream_id))
            case messages.SendDtmf():
                self._keys.press(message.dtmf)
                self.on_keys(message.dtmf)
            case messages.Stop():
                self.hang_up()
            case Unknown():
                raise StreamError(f"unknown event {message.event}")

    def _decoded(self, body: messages.PlayAudioBody) -> Samples:
        """The samples of one message, in whatever type it says it has."""
        words = (body.content_type, body.sample_rate)
        content_type = self._types.get(words)
        if content_type is None:
            named = (body.content_type or str(self._content_type)).lower()
            if named in CONTAINERS:
                # One second too much is refused by the buffer, and hours are as well.
                most_s = DEFAULT_LIMIT_S + 1.0
                return files.read(io.BytesIO(body.payload), RATE_HZ, most_s)
            content_type = ContentType.parse(named, body.sample_rate)
            if len(self._types) < MOST_TYPES:
                self._types[words] = content_type
        content_type.whole_samples(body.payload)
        if content_type not in self._from_stream:
            self._from_stream[content_type] = resampler(content_type.rate_hz, RATE_HZ)
        samples = CODECS[content_type.encoding].decode(body.payload)
        return self._from_stream[content_type].process(samples)
