"""The caller's half of a stream, with all that may go wrong on its way."""

import asyncio
import collections
import time
from collections.abc import Callable
from time import perf_counter

import numpy as np

from bridge.audio.pcm import FRAME_MS
from bridge.load.caller_plan import Spells, Trouble
from bridge.load.outgoing import Parts, outgoing
from bridge.load.record import Record
from bridge.stream import codec, messages
from bridge.stream.protocol import State, StreamProtocol

__all__ = ["Sending"]

STREAMING = State.STREAMING
"""Looked up once: a member of an enum costs as much as a call."""

MALFORMED = (
    b'{"event":"media","media":{"payload":',
    b'{"event":"media","media":{"track":"inbound","payload":"%%%"}}',
    b'{"event":"media","media":{"track":"inbound"}}',
    b'{"event":"media","media":[]}',
    b'{"event":"media","media":{"payload":null,"chunk":"many"}}',
    b'{"sequenceNumber":1}',
    b"[]",
    b"{{{",
)
"""What no reader can take: cut off, no base64, no payload, no object, no event, ..."""

Write = Callable[[bytes], None]

Sent = Callable[[float], None] | None
"""Told when a frame left."""


class Sending:
    """Numbers frames and sends them, or loses, delays and spoils them.

    Args:
        trouble: What happens on the way.
        record: Of the stream.
        rng: Decides what is left to chance.
    """

    __slots__ = (
        *("line", "_is_clear", "_protocol", "_began_ms", "_media", "_parts"),
        *("_payload", "_write", "_record", "_began_s", "_extra_headers", "_free_s"),
        *("_held", "_rng", "_stream_id", "_trouble"),
    )

    def __init__(
        self, trouble: Trouble, record: Record, rng: np.random.Generator
    ) -> None:
        self._protocol: StreamProtocol
        self._write: Write
        self.line = outgoing()
        """Where it stands."""
        self._parts: Parts = (b"", b"", b"", b"", b"")
        self._media = b""
        """A message of audio, but for its numbers and payload."""
        self._trouble = trouble
        self._record = record
        self._rng = rng
        self._stream_id = ""
        self._extra_headers: object = ""
        self._payload = b""
        """Of the last frame."""
        self._began_s = perf_counter()
        self._began_ms = time.time_ns() // 1_000_000
        self._held: collections.deque[Callable[[], None]] = collections.deque()
        self._free_s = 0.0
        """Nothing leaves before what was held back until then."""
        self._is_clear = trouble == Trouble()

    def go_over(self, write: Write, protocol: StreamProtocol) -> None:
        """Send over a new socket, where messages are numbered anew."""
        self._write, self._protocol = write, protocol
        self.line.number = 0

    def start(self, start: messages.Start) -> None:
        """Open the stream."""
        self._stream_id = start.start.stream_id or ""
        self._extra_headers = start.extra_headers
        self._parts = _parts(self._stream_id, start.extra_headers)
        self._media = _template(self._parts)
        self._write(self._protocol.send(start))
        self.line.number += 1

    def say(self, texts: tuple[bytes, ...]) -> None:
        """From now on frames may be sent without asking: of this sound, in base64."""
        if self._is_clear:
            self.line.say(texts, self._parts, self._began_ms)

    def settle(self) -> None:
        """Count frames that were."""
        self._record.frames_sent += self.line.sent
        self.line.sent = 0

    def frame(self, payload: bytes, on_sent: Sent) -> None:
        """Send a frame, in base64; `on_sent` is told when it left, if it did."""
        self.line.chunk = chunk = self.line.chunk + 1
        if self._is_clear:
            self._leave(chunk, payload, on_sent)
        else:
            self._through_trouble(chunk, payload, on_sent)

    def press(self, digit: str) -> None:
        """Send a key."""
        body = messages.DtmfBody(track="inbound", digit=digit, timestamp=self._stamp())
        self._say(
            messages.Dtmf(
                stream_id=self._stream_id, dtmf=body, extra_headers=self._extra_headers
            )
        )
        self._record.count("keys_sent")

    def played(self, name: str) -> None:
        """Acknowledge a checkpoint."""
        self._say(messages.PlayedStream(stream_id=self._stream_id, name=name))

    def cleared(self) -> None:
        """Acknowledge a clear."""
        self._say(messages.ClearedAudio(stream_id=self._stream_id))

    def lasts_s(self, size_bytes: int) -> float:
        """How much audio there is in so many bytes of the stream."""
        message_bytes = len(self._media) + len(self._payload)
        return size_bytes / max(1, message_bytes) * FRAME_MS / 1000

    # ------------------------------------------------------------------- inside

    def _stamp(self) -> str:
        # It is the audio's time: it counts frames, whenever they leave.
        return str(self._began_ms + self.line.chunk * FRAME_MS)

    def _through_trouble(self, chunk: int, payload: bytes, on_sent: Sent) -> None:
        # Always the same draws for a frame, so that a seed repeats all of them.
        chance, late, kind = self._rng.random(3)
        trouble = self._trouble
        late_s = float(late) * trouble.jitter_ms / 1000
        if chance * 100 < trouble.loss_percent:
            self._record.count("own_frames_lost")
        elif chance * 100 < trouble.loss_percent + trouble.malformed_percent:
            text = MALFORMED[int(kind * len(MALFORMED))]
            self._hold(lambda: self._spoil(text), late_s)
        else:
            self._hold(lambda: self._leave(chunk, payload, on_sent), late_s)

    def _hold(self, send: Callable[[], None], late_s: float) -> None:
        """Send something after all that is held back already, so much later."""
        now_s = perf_counter()
        self._free_s = max(self._free_s, self._stalled_until(now_s), now_s + late_s)
        if self._free_s <= now_s and not self._held:
            send()
            return
        self._held.append(send)
        asyncio.get_running_loop().call_later(self._free_s - now_s, self._release)

    def _stalled_until(self, now_s: float) -> float:
        stalls: Spells | None = self._trouble.stalls
        if stalls is None:
            return now_s
        into_s = (now_s - self._began_s) % stalls.every_s
        # They begin at the end of each period, so that a stream begins well.
        begins_s = stalls.every_s - stalls.for_s
        return now_s if into_s < begins_s else now_s + stalls.every_s - into_s

    def _release(self) -> None:
        if self._held:
            self._held.popleft()()

    def _spoil(self, text: bytes) -> None:
        self._record.count("own_frames_malformed")
        self._write(text)

    def _leave(self, chunk: int, payload: bytes, on_sent: Sent) -> None:
        if self._protocol.state is not STREAMING:
            return
        self.line.number = number = self.line.number + 1
        stamp_ms = self._began_ms + chunk * FRAME_MS
        text = self._media % (number, payload, stamp_ms, chunk)
        self._payload = payload
        if on_sent is None:
            self._write(text)
        else:
            now_s = perf_counter()
            self._write(text)
            on_sent(now_s)
        self._record.frames_sent += 1

    def _say(self, message: messages.Numbered) -> None:
        if self._is_clear:
            self._say_now(message)
        else:
            self._hold(lambda: self._say_now(message), 0.0)

    def _say_now(self, message: messages.Numbered) -> None:
        if self._protocol.state is STREAMING:
            self.line.number += 1
            message.sequence_number = self.line.number
            self._write(codec.dump(message))


def _parts(stream_id: str, extra_headers: object) -> Parts:
    """A message of audio around its number, payload, time and chunk.

    It is what is written with others in their places, which are in this order.
    """
    body = messages.MediaBody(
        track="inbound", timestamp="1111111111", chunk=2222222222, payload=b"3333"
    )
    message = messages.Media(
        stream_id=stream_id,
        sequence_number=4444444444,
        media=body,
        extra_headers=extra_headers,
    )
    # Stream and headers, which may be anything, are before and behind all of them.
    before_number, rest = _cut(codec.dump(message), b":", b"4444444444", b",")
    before_payload, rest = _cut(rest, b'"', b"MzMzMw==", b'"')
    before_time, rest = _cut(rest, b'"', b"1111111111", b'"')
    before_chunk, rest = _cut(rest, b":", b"2222222222", b"}")
    return before_number, before_payload, before_time, before_chunk, rest


def _cut(
    text: bytes, before: bytes, value: bytes, behind: bytes
) -> tuple[bytes, bytes]:
    """What stands before a value, and what behind it."""
    begin, found, rest = text.partition(before + value + behind)
    assert found, f"no {value!r} in {text!r}"
    return begin + before, behind + rest


def _template(parts: Parts) -> bytes:
    """A message, to be filled in by `%`."""
    first, second, third, fourth, last = (part.replace(b"%", b"%%") for part in parts)
    return b"".join((first, b"%d", second, b"%b", third, b"%d", fourth, b"%d", last))
