"""What the caller says, on its way in: looked at for gaps, resampled, handed on.

`Hearing.hear_framed` is in the middle of the fast path, which runs 50 times a second
for each call. All the way from the socket to the bot, and back when it answers, that is

    framing.data_received -> Hearing.hear_framed -> Inbound.push_audio
    Call.speak -> Outbound.speak_on -> framing.send_framed

Each step does the usual thing at once, in as few calls as it can be said in, and leaves
what is unusual to another function: nearly every frame is the one that was to come, and
is answered by the one that is due. Among hundreds of streams, what costs is neither
arithmetic nor calls, but each piece of memory that others have used since: so there are
few objects, and few of their attributes are written.

A function that is kept in a slot is read before it is called (`now = self._now`): until
Python 3.12 that is faster. A method of an object that is kept is faster still.
"""

from collections.abc import Callable

import numpy as np

from bridge.audio.codecs import CODECS
from bridge.audio.line import FromWire
from bridge.audio.pcm import INT16
from bridge.call.events import Audio, Coached, Gap, Member
from bridge.call.inbound import Inbound
from bridge.metrics import Metrics
from bridge.stream.content_type import ContentType
from bridge.stream.messages import Media, Numbered
from bridge.stream.prediction import Prediction
from bridge.stream.sequence import Anomaly, GapDetector

__all__ = ["Hearing"]


class Hearing:
    """Turns frames of one stream into events for the bot.

    Args:
        content_type: Of the stream.
        sample_rate_hz: What the bot hears.
        inbound: Where events go.
        metrics: Counts frames and gaps.
    """

    __slots__ = (
        *("_bytes_per_ms", "_filter", "_from_wire", "_gaps", "_inbound", "_metrics"),
        *("_prediction", "_predictor"),
        *("coach", "on_dropped", "on_gap", "received_samples"),
    )

    def __init__(
        self,
        content_type: ContentType,
        sample_rate_hz: int,
        inbound: Inbound,
        metrics: Metrics,
    ) -> None:
        self.on_gap: Callable[[str], None] = lambda _kind: None
        """Told of each irregularity of the numbering."""
        self.on_dropped: Callable[[], None] = lambda: None
        """Told when a bot that listens too slowly has lost some audio."""
        self.received_samples = 0
        """At the bot's rate."""
        self.coach: Member | None = None
        """Who speaks to us alone just now."""
        self._from_wire = FromWire(
            CODECS[content_type.encoding], content_type.rate_hz, sample_rate_hz
        )
        self._filter = self._from_wire.filter
        self._bytes_per_ms = content_type.bytes_per_ms
        self._gaps = GapDetector()
        self._prediction = Prediction(content_type, self._gaps)
        self._predictor = self._prediction.predictor
        self._inbound = inbound
        self._metrics = metrics

    def hear_next(self, text: bytes) -> bool:
        """Take a message if it is the frame that was to come; say whether it was."""
        payload = self._predictor.take(text)
        if payload is None:
            return False
        self._metrics.frames_received += 1
        self._push(payload)
        return True

    def hear_framed(self, data: bytes) -> bool:
        """Do the same with a masked frame of WebSocket, if that is all of the data."""
        payload = self._predictor.take_framed(data)
        if payload is None:
            return False
        self._metrics.frames_received += 1
        if self._filter is None or self.coach is not None:
            self._push(payload)
            return True
        samples = np.frombuffer(self._filter.process(payload), INT16)
        place = self.received_samples
        self.received_samples = place + len(samples)
        if self._inbound.push_audio(Audio(samples, place)):
            self.on_dropped()
        return True

    def hear(self, message: Media, text: bytes) -> None:
        """Take a frame that had to be parsed.

        Args:
            message: The frame.
            text: As it was written: the next may be like it.
        """
        media = message.media
        # A bidirectional stream can only be inbound, but some say it echoes us.
        if media.track != "inbound" and media.track is not None:
            return
        self._metrics.frames_received += 1
        duration_ms = len(media.payload) // self._bytes_per_ms
        self._prediction.tell()
        is_repeated = not self._gaps.follows(
            message, duration_ms
        ) and self._is_repeated(message, duration_ms)
        self._prediction.learn(text, message)
        self._prediction.go_on()
        if not is_repeated:
            self._push(media.payload)

    def observe(self, message: Numbered) -> None:
        """Look at the number of a message that is no frame."""
        self._prediction.tell()
        self._observe(message)
        self._prediction.go_on()

    def begin_anew(self) -> None:
        """The numbering begins anew: there is another socket."""
        self._prediction.forget()
        self._gaps.forget()

    def _push(self, payload: bytes) -> None:
        samples = self._from_wire.samples(payload)
        count, place = len(samples), self.received_samples
        self.received_samples = place + count
        if count and self.coach is not None:
            self._inbound.push(Coached(samples, place, self.coach))
        elif count and self._inbound.push_audio(Audio(samples, place)):
            self.on_dropped()

    def _observe(self, message: Numbered) -> None:
        found = self._gaps.observe(message)
        if found is not None:
            self._count(found.anomaly)

    def _is_repeated(self, message: Media, duration_ms: int) -> bool:
        """Look at what is irregular with a frame; True if it is not to be heard."""
        found = self._gaps.observe_audio(message, duration_ms)
        self._observe(message)
        if found is None:
            return False
        self._count(found.anomaly)
        if found.anomaly is Anomaly.MISSING_AUDIO:
            self._inbound.push(Gap(found.count / 1000, "lost on the way"))
        return found.anomaly is Anomaly.REPEATED_AUDIO

    def _count(self, anomaly: Anomaly) -> None:
        self._metrics.gaps[anomaly.value] += 1
        self.on_gap(anomaly.value)
