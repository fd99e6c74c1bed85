"""One piece of speech on its way out, and how much of it was heard."""

import asyncio
import collections
import dataclasses
from collections.abc import Callable

import numpy as np

from bridge.audio.pcm import Samples
from bridge.call.events import Heard
from bridge.call.heard import Bounds, Certainty

__all__ = ["Playback"]


@dataclasses.dataclass(slots=True)
class Span:
    """A stretch of the stream that carried this playback, in wire samples."""

    start: int
    count: int


class Playback:
    """Something being said: its samples, and what became of them.

    Made by `Call.play` and `Call.speak`; a bot awaits `done()`.

    Args:
        sample_rate_hz: Of the samples, the bot's rate.
        wire_rate_hz: Of the stream that carries them.
        name: Comes back in the `Played` event.
        is_live: Whether samples come as they are made (`speak`), so that it ends
            only where something else begins.
        bounds: Tells how far the stream has been played.
    """

    __slots__ = (
        *("_added_samples", "_bounds", "_chunks", "_delay_samples", "_end"),
        *("_folded", "_lost", "_outcome", "_rate_hz", "_spans", "_tell_of_cut"),
        *("_wire_rate_hz", "audible_from_s", "is_complete", "is_live"),
        *("name", "queued_samples"),
    )

    def __init__(
        self,
        sample_rate_hz: int,
        wire_rate_hz: int,
        name: str = "",
        *,
        is_live: bool = False,
        bounds: Callable[[], Bounds] | None = None,
    ) -> None:
        self.name = name
        self.is_live = is_live
        self.audible_from_s: float | None = None
        """When its first sample is played, on the loop's clock, as modelled when it
        was sent; the line's way to the far end comes on top. None until then."""
        self.queued_samples = 0
        self.is_complete = False
        """Whether no more samples will be added."""
        self._chunks: collections.deque[Samples] = collections.deque()
        self._added_samples = 0
        self._rate_hz = sample_rate_hz
        self._wire_rate_hz = wire_rate_hz
        self._spans: collections.deque[Span] = collections.deque()
        self._folded = 0
        self._lost = 0
        self._delay_samples = 0
        self._end: int | None = None
        self._bounds = bounds
        self._tell_of_cut: Callable[[], object] = lambda: None
        self._outcome: asyncio.Future[Heard] = (
            asyncio.get_running_loop().create_future()
        )

    def __repr__(self) -> str:
        state = "done" if self._outcome.done() else f"{self.queued_samples} queued"
        return f"<Playback {self.name!r} {self._added_samples} samples, {state}>"

    @property
    def is_settled(self) -> bool:
        """Whether it is known what was heard."""
        return self._outcome.done()

    @property
    def has_begun(self) -> bool:
        """Whether any of it has been sent."""
        return bool(self._spans) or self._folded > 0

    @property
    def is_empty(self) -> bool:
        """Whether there was nothing to say: a checkpoint."""
        return not self._added_samples

    async def done(self) -> Heard:
        """Wait until it has been played out, was interrupted, or the call ended.

        Never hangs on an acknowledgement that does not come: `Heard.certainty` says
        how it is known.
        """
        return await asyncio.shield(self._outcome)

    def so_far(self) -> Heard:
        """How much has been heard by now; what came of it, once that is known."""
        if self.is_settled:
            return self._outcome.result()
        if self._bounds is None:
            return Heard(0, 0, Certainty.ESTIMATED, False, self._rate_hz)  # noqa: FBT003
        return self.heard(self._bounds())

    # ------------------------------------------- for the call that carries it

    def on_settled(self, act: Callable[[], object]) -> None:
        """Call back once when it is settled."""
        self._outcome.add_done_callback(lambda _outcome: act())

    def on_cut(self, act: Callable[[], object]) -> None:
        """Call back whenever some of it was lost on the way, and it goes on."""
        self._tell_of_cut = act

    def add(self, samples: Samples) -> None:
        """Queue samples; after it is settled they go nowhere."""
        if not self.is_settled and len(samples):
            # A copy: bots fill the same array again and again.
            self._chunks.append(samples.copy())
            self.queued_samples += len(samples)
            self._added_samples += len(samples)

    def pass_by(self, count: int) -> None:
        """Note samples that are sent without having been queued."""
        self._added_samples += count

    def take(self, count: int) -> Samples:
        """Remove up to `count` samples from the front."""
        first = self._chunks[0]
        if len(first) > count:
            self._chunks[0] = first[count:]
            self.queued_samples -= count
            return first[:count]
        parts = [self._chunks.popleft()]
        taken = len(first)
        while taken < count and self._chunks:
            part = self._chunks[0]
            room = count - taken
            if len(part) > room:
                self._chunks[0] = part[room:]
                part = part[:room]
            else:
                self._chunks.popleft()
            parts.append(part)
            taken += len(part)
        self.queued_samples -= taken
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def book(self, start: int, count: int, delay_samples: int) -> None:
        """Note that wire samples from a position of the stream on carried some of it.

        Args:
            start: Position in the stream.
            count: How many.
            delay_samples: How far the resampler lags, at the wire's rate.
        """
        self._delay_samples = delay_samples
        if self._spans:
            last = self._spans[-1]
            if last.start + last.count == start:
                last.count += count
                return
        self._spans.append(Span(start, count))

    def cut(self, position: int) -> None:
        """Book what was sent beyond a position as lost: nobody heard it."""
        lost = self._lost
        while self._spans and self._spans[-1].start + self._spans[-1].count > position:
            last = self._spans.pop()
            kept = max(0, position - last.start)
            self._lost += last.count - kept
            if kept:
                self._spans.append(Span(last.start, kept))
        if self._lost > lost:
            self._tell_of_cut()

    def sent(self, end: int) -> None:
        """Note that all of it has been sent, up to a position of the stream."""
        self._end = end

    def fold(self, position: int) -> None:
        """Keep no details of what is heard for sure, up to a position."""
        while self._spans and self._spans[0].start + self._spans[0].count <= position:
            self._folded += self._spans.popleft().count

    def heard(self, bounds: Bounds) -> Heard:
        """How much of it was heard, by what is known of the stream."""
        least, most = self._heard(bounds.least), self._heard(bounds.most)
        is_reached = self._end is not None and bounds.least >= self._end
        complete = is_reached and not self._lost
        return Heard(least, most, bounds.certainty, complete, self._rate_hz)

    def spans(self, position: int) -> bool:
        """Whether the sample at a position of the stream is one of ours."""
        return any(
            span.start <= position < span.start + span.count for span in self._spans
        )

    def settle(self, heard: Heard) -> None:
        """Say what was heard, once; what is still queued is dropped."""
        self._chunks.clear()
        self.queued_samples = 0
        self.is_complete = True
        if not self._outcome.done():
            self._outcome.set_result(heard)

    def played_out(self, certainty: Certainty) -> Heard:
        """All of it was heard, but for what was lost on the way."""
        lost = self._lost * self._rate_hz // self._wire_rate_hz
        count = max(0, self._added_samples - lost)
        return Heard(count, count, certainty, not self._lost, self._rate_hz)

    def _heard(self, position: int) -> int:
        wire = self._folded + sum(
            min(span.count, max(0, position - span.start)) for span in self._spans
        )
        wire = max(0, wire - self._delay_samples)
        return min(self._added_samples, wire * self._rate_hz // self._wire_rate_hz)
