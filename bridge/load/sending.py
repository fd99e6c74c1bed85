"""The caller's half of a stream, with all that may go wrong on its way."""

import asyncio
import collections
import time
from collections.abc import Callable
from time import perf_counter

import numpy as np

from bridge.audio.pcm import FRAME_MS
from bridge.load.caller_plan import Spells, Trouble
from bridge.load.record import Record
from bridge.stream import messages
from bridge.stream.messages import Message
from bridge.stream.protocol import State, StreamProtocol

__all__ = ["Sending"]

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

Sent = Callable[[float], None] | None
"""Told when a frame left."""


class Sending:
    """Numbers frames and sends them, or loses, delays and spoils them.

    Args:
        write: Puts a message on the socket.
        trouble: What happens on the way.
        record: Of the stream.
        rng: Decides what is left to chance.
    """

    def __init__(
        self,
        write: Callable[[bytes], None],
        trouble: Trouble,
        record: Record,
        rng: np.random.Generator,
    ) -> None:
        self.protocol: StreamProtocol
        self._write = write
        self._trouble = trouble
        self._record = record
        self._rng = rng
        self._stream_id = ""
        self._extra_headers: object = ""
        self._chunk = 0
        self._message_bytes = 1
        self._began_s = perf_counter()
        self._began_ms = time.time_ns() // 1_000_000
        self._held: collections.deque[Callable[[], None]] = collections.deque()
        self._free_s = 0.0
        """Nothing leaves before what was held back until then."""
        self._is_clear = trouble == Trouble()

    def start(self, start: messages.Start) -> None:
        """Open the stream."""
        self._stream_id = start.start.stream_id or ""
        self._extra_headers = start.extra_headers
        self._write(self.protocol.send(start))

    def frame(self, payload: bytes, on_sent: Sent) -> None:
        """Send a frame; `on_sent` is told when it left, if it did."""
        self._chunk += 1
        media = messages.Media(
            stream_id=self._stream_id,
            media=messages.MediaBody(
                track="inbound",
                timestamp=self._stamp(),
                chunk=self._chunk,
                payload=payload,
            ),
            extra_headers=self._extra_headers,
        )
        if self._is_clear:
            self._leave(media, on_sent)
        else:
            self._through_trouble(media, on_sent)

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
        return size_bytes / self._message_bytes * FRAME_MS / 1000

    # ------------------------------------------------------------------- inside

    def _stamp(self) -> str:
        # It is the audio's time: it counts frames, whenever they leave.
        return str(self._began_ms + self._chunk * FRAME_MS)

    def _through_trouble(self, media: messages.Media, on_sent: Sent) -> None:
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
            self._hold(lambda: self._leave(media, on_sent), late_s)

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

    def _leave(self, media: messages.Media, on_sent: Sent) -> None:
        if self.protocol.state is not State.STREAMING:
            return
        text = self.protocol.send(media)
        self._message_bytes = len(text)
        now_s = perf_counter()
        self._write(text)
        self._record.frames_sent += 1
        if on_sent is not None:
            on_sent(now_s)

    def _say(self, message: Message) -> None:
        if self._is_clear:
            self._say_now(message)
        else:
            self._hold(lambda: self._say_now(message), 0.0)

    def _say_now(self, message: Message) -> None:
        if self.protocol.state is State.STREAMING:
            self._write(self.protocol.send(message))
