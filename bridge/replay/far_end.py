"""Does again what the far end of a captured call did, and takes down what it gets."""

import asyncio
import enum
from collections.abc import Awaitable, Callable

from bridge.audio.codecs import CODECS
from bridge.capture.format import Capture, Header, Record, SocketEvent, message
from bridge.engine.far_buffer import DEFAULT_LIMIT_S, FarBuffer
from bridge.errors import StreamError
from bridge.replay.socket import FarSocket
from bridge.replay.story import FRAME_S, Story
from bridge.stream import codec, messages
from bridge.stream.messages import Side
from bridge.tasks import Change, background

__all__ = ["Dial", "FarEnd", "Manners"]

GOODBYE_S = 2.0
"""So long after the captured end of a call the bridge may still end it by itself."""

NORMAL = 1000
"""The WebSocket code of a call that is over."""

Dial = Callable[
    [Callable[[bytes], None], Callable[[FarSocket, int, str], None]],
    Awaitable[FarSocket],
]
"""Opens a socket: takes what is called with each message, and at its end."""


class Manners(enum.Enum):
    """How checkpoints and clears are answered."""

    RECORDED = "recorded"
    """As they were: the same answers at the same times (once we have asked)."""
    MODEL = "model"
    """As Plivo would: when what we send now has been played, plus the recorded line's
    delay."""


class FarEnd:
    """One captured call's far end.

    Args:
        story: The captured call.
        dial: Opens a socket to the bridge.
        manners: How it answers.
    """

    def __init__(self, story: Story, dial: Dial, manners: Manners) -> None:
        self._story = story
        self._dial = dial
        self._manners = manners
        self._now = asyncio.get_running_loop().time
        self._began_s = 0.0
        self._socket: FarSocket
        self._is_over = False
        self._change = Change()
        self._taken: list[Record] = []
        self._asked: set[str] = set()
        self._early: dict[str, bytes] = {}
        self._ever_asked = {ack.name for ack in story.acks}
        """Of the recorded call."""
        rate_hz = story.rate_hz
        self._frame = rate_hz // round(1 / FRAME_S)
        self._buffer = FarBuffer(round(DEFAULT_LIMIT_S * rate_hz))
        self._decode = CODECS[story.content_type.encoding].decode

    async def live(self, header: Header) -> Capture:
        """Be in the call until it ends, on either side.

        Args:
            header: Of what comes out.

        Returns:
            The call as it was now, from this end.

        Raises:
            UnavailableError: If the bridge does not let us in.
        """
        self._socket = await self._dial(self._take, self._lost)
        self._began_s = self._now()
        async with background(playing=self._play()):
            for record in self._story.capture.records:
                await self._until(record.t)
                if self._is_over:
                    break
                await self._do(record)
            await self._leave()
        await self._socket.gone()
        return Capture(header, self._taken)

    # ---------------------------------------------------------- what was done then

    async def _do(self, record: Record) -> None:
        text = record.message
        if text is not None and record.is_received:
            self._say(text)
        match record.event:
            case SocketEvent.BROKEN:
                self._note(SocketEvent.BROKEN)
                self._socket.abort()
            case SocketEvent.ATTACHED:
                self._socket = await self._dial(self._take, self._lost)
                self._note(SocketEvent.ATTACHED)
            case SocketEvent.CLOSED:
                self._note(SocketEvent.CLOSED, record.code)
                self._socket.close(record.code or NORMAL)
                self._ended(None, record.text)
            case SocketEvent.PAUSED:
                self._note(SocketEvent.PAUSED)
                self._socket.pause()
            case SocketEvent.RESUMED:
                self._note(SocketEvent.RESUMED)
                self._socket.resume()

    def _say(self, text: bytes) -> None:
        """Send a message of then, unless it is an answer to what we have not heard."""
        try:
            said = codec.parse(text, Side.PLATFORM)
        except StreamError:
            said = None
        if isinstance(said, messages.PlayedStream | messages.ClearedAudio):
            if self._manners is Manners.MODEL:
                return
            name = getattr(said, "name", None)
            if name in self._ever_asked and name not in self._asked:
                self._early[str(name)] = text
                return
        self._send(text)
        if isinstance(said, messages.Stop):
            self._ended(None, said.reason or "")

    async def _until(self, t: float) -> None:
        due_s = self._began_s + t
        while not self._is_over and self._now() < due_s:
            try:
                async with asyncio.timeout_at(due_s):
                    await self._change.wait()
            except TimeoutError:
                return

    async def _leave(self) -> None:
        """Let the bridge end the call, if it did so then; else do it for it."""
        end = self._story.end
        if end is not None and end.code is not None:
            await self._until(self._now() - self._began_s + GOODBYE_S)
        if not self._is_over:
            self._note(SocketEvent.CLOSED, NORMAL)
            self._ended(None, "the capture ends")
        # Also after a stop, or a break that no new socket followed.
        self._socket.close(NORMAL)

    # ------------------------------------------------------------- what comes now

    def _take(self, text: bytes) -> None:
        if self._is_over:
            return
        self._taken.append(message(self._at(), text, is_received=False))
        try:
            got = codec.parse(text, Side.BRIDGE)
        except StreamError:
            return
        match got:
            case messages.PlayAudio():
                payload = got.media.payload
                if not len(payload) % self._story.content_type.bytes_per_sample:
                    self._buffer.play(self._decode(payload))
            case messages.Checkpoint():
                self._asked.add(got.name)
                if got.name in self._early:
                    self._send(self._early.pop(got.name))
                if self._buffer.checkpoint(got.name):
                    self._reached(got.name)
            case messages.ClearAudio():
                self._buffer.clear()
                self._answer(messages.ClearedAudio(stream_id=got.stream_id))

    async def _play(self) -> None:
        """Play what has come, 20 ms at a time."""
        due_s = self._began_s
        while True:
            await asyncio.sleep(max(0.0, due_s - self._now()))
            due_s += FRAME_S
            _heard, reached = self._buffer.take(self._frame)
            for name in reached:
                self._reached(name)

    def _reached(self, name: str) -> None:
        stream_id = self._story.start.start.stream_id
        self._answer(messages.PlayedStream(name=name, stream_id=stream_id))

    def _answer(self, answer: messages.Message) -> None:
        """Answer by the model, if that is who answers."""
        if self._manners is Manners.MODEL:
            text = codec.dump(answer)
            loop = asyncio.get_running_loop()
            loop.call_later(self._story.line_s, lambda: self._send(text))

    def _send(self, text: bytes) -> None:
        if not self._is_over:
            self._taken.append(message(self._at(), text, is_received=True))
            self._socket.send(text)

    # -------------------------------------------------------------------- its end

    def _lost(self, socket: FarSocket, code: int, reason: str) -> None:
        # One that another has replaced is closed, and the call goes on.
        if socket is self._socket and not socket.is_leaving:
            self._ended(code, reason)

    def _ended(self, code: int | None, reason: str) -> None:
        if not self._is_over:
            self._note(SocketEvent.ENDED, code, reason)
            self._is_over = True
            self._change.announce()

    def _note(
        self, event: SocketEvent, code: int | None = None, text: str = ""
    ) -> None:
        if not self._is_over:
            self._taken.append(Record(self._at(), event=event, code=code, text=text))

    def _at(self) -> float:
        return round(self._now() - self._began_s, 6)
