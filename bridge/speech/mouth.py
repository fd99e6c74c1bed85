"""Says one thing at a time, and knows what was heard of it, word by word.

An utterance is kept until it has been played out. So it can be silenced on a doubt,
and go on later from where it was heard to, or be dropped.
"""

import asyncio
import bisect
import math
from collections.abc import AsyncIterator

import msgspec
import numpy as np

from bridge.audio.pcm import Samples, frame_samples, silence
from bridge.call.call import Call
from bridge.call.events import Heard
from bridge.call.playback import Playback
from bridge.speech.synthesis import Speech
from bridge.tasks import Change

__all__ = ["Mouth", "Spoken"]

AHEAD_S = 15.0
"""So much speech is made in advance of what is being heard."""

PIECE_S = 0.2

ECHO_LASTS_S = 1.0
"""So long after our last word its echo may come."""

FILTERS_LAG_S = 0.004

LOOK_S = 0.02


class Spoken(msgspec.Struct, frozen=True):
    """What became of an utterance."""

    samples: int
    """So many were heard, at least."""
    words: int
    """So many were heard to their end."""
    is_complete: bool
    certainty: str


class Utterance:
    """Speech as it is made: samples, and where its words end.

    Args:
        rate_hz: Of the samples.
    """

    def __init__(self, rate_hz: int) -> None:
        self.words: list[str] = []
        self.is_complete = False
        self.samples = 0
        self.change = Change()
        self._ends: list[int] = []
        self._parts: list[Samples] = []
        self._starts: list[int] = []
        self._piece = round(PIECE_S * rate_hz)

    def add(self, speech: Speech) -> None:
        """Add what was made."""
        for word in speech.words:
            self.words.append(word.text)
            end = min(word.end_samples, len(speech.samples))
            self._ends.append(self.samples + end)
        if len(speech.samples):
            self._starts.append(self.samples)
            self._parts.append(speech.samples)
            self.samples += len(speech.samples)
        self.change.announce()

    def complete(self) -> None:
        """That was all."""
        self.is_complete = True
        self.change.announce()

    def words_until(self, position: int) -> int:
        """How many words have been said to their end at a position."""
        return bisect.bisect_right(self._ends, position)

    def word_start(self, position: int) -> int:
        """Where the word that is being said at a position begins."""
        said = self.words_until(position)
        start = self._ends[said - 1] if said else 0
        # Without words, or in a long pause, no sound is said twice.
        return start if said < len(self._ends) else position

    def between(self, begin: int, end: int) -> Samples:
        """A stretch of it; silence before it and behind what is made."""
        stretch = silence(end - begin)
        for start, part in zip(self._starts, self._parts, strict=True):
            first, last = max(begin, start), min(end, start + len(part))
            if first < last:
                stretch[first - begin : last - begin] = part[
                    first - start : last - start
                ]
        return stretch

    async def pieces(self, begin: int) -> AsyncIterator[Samples]:
        """Yield it from a position on, as it is made."""
        while True:
            rest = self._from(begin)
            if len(rest):
                piece = rest[: self._piece]
                begin += len(piece)
                yield piece
            elif self.is_complete:
                return
            else:
                await self.change.wait()

    def _from(self, begin: int) -> Samples:
        place = bisect.bisect_right(self._starts, begin) - 1
        if place < 0:
            return np.zeros(0, np.int16)
        return self._parts[place][begin - self._starts[place] :]


class Mouth:
    """Speaks in a call.

    Args:
        call: The call.
    """

    def __init__(self, call: Call) -> None:
        self.is_held = False
        self.audible_from_s: float | None = None
        """When the running utterance was first heard, as modelled."""
        self._call = call
        self._utterance: Utterance | None = None
        self._playback: Playback | None = None
        self._base = 0
        """Where in the utterance the running playback begins."""
        self._heard = 0
        self._certainty = "confirmed"
        self._change = Change()
        self._loop = asyncio.get_running_loop()
        self._past = Utterance(call.sample_rate_hz)
        """What was said last, as long as it may come back as an echo."""
        self._past_since_s = -math.inf

    @property
    def is_busy(self) -> bool:
        """Whether something is being said, or silenced and not decided about."""
        return self._utterance is not None

    @property
    def heard_samples(self) -> int:
        """How much of the utterance was heard by now, at least."""
        if self._playback is not None:
            self._book(self._playback.so_far())
        return self._heard

    def recent(self, seconds: float, ahead_s: float) -> Samples:
        """What is being heard about now: so much of the past, so much to come."""
        utterance, now = self._utterance, self.heard_samples
        if utterance is None:
            utterance, now = self._past, self._heard
            if self._loop.time() - self._past_since_s > ECHO_LASTS_S:
                return silence(0)
        rate_hz = self._call.sample_rate_hz
        begin, end = now - round(seconds * rate_hz), now + round(ahead_s * rate_hz)
        return utterance.between(begin, end)

    def text(self, first: int, last: int) -> str:
        """Some of the utterance's words."""
        return " ".join(self._utterance.words[first:last]) if self._utterance else ""

    @property
    def words_heard(self) -> int:
        """How many of the utterance's words have been heard to their end, at least."""
        if self._utterance is None:
            return 0
        return self._utterance.words_until(self.heard_samples)

    @property
    def words(self) -> int:
        """How many words the utterance has so far."""
        return len(self._utterance.words) if self._utterance else 0

    # --------------------------------------------------------------- speaking

    def begin(self) -> None:
        """Begin to say something; what was being said is dropped."""
        self.drop()
        self._utterance = Utterance(self._call.sample_rate_hz)
        self._base = self._heard = 0
        self._certainty = "confirmed"
        self.audible_from_s = None

    async def add(self, speech: Speech) -> None:
        """Say more; waits while much of it has not been heard yet."""
        utterance = self._utterance
        if utterance is None:
            return
        utterance.add(speech)
        if self._playback is None and not self.is_held and utterance.samples:
            self._play(utterance.word_start(self._heard))
        most = AHEAD_S * self._call.sample_rate_hz
        while self._utterance is utterance and self._call.is_open:
            if utterance.samples - self.heard_samples <= most:
                return
            await asyncio.sleep(PIECE_S)

    async def caught_up(self) -> None:
        """Wait until what has been said so far has been heard; more may follow."""
        utterance = self._utterance
        # A part of a frame waits for what may follow, and filters lag a little.
        frame = frame_samples(self._call.sample_rate_hz)
        slack = round(FILTERS_LAG_S * self._call.sample_rate_hz)
        while utterance is not None and self._utterance is utterance:
            left = utterance.samples - self.heard_samples
            is_heard = left <= utterance.samples % frame + slack
            if (is_heard and not self.is_held) or not self._call.is_open:
                return
            await asyncio.sleep(LOOK_S)

    async def done(self) -> Spoken:
        """That was all: wait until it has been played out, or was dropped."""
        utterance = self._utterance
        if utterance is None:
            return Spoken(0, 0, is_complete=False, certainty="confirmed")
        utterance.complete()
        while self._utterance is utterance and self._call.is_open:
            if not self.is_held and self._heard >= utterance.samples:
                break
            await self._change.wait()
        spoken = self._spoken(utterance)
        if self._utterance is utterance:
            self._end()
        return spoken

    # ------------------------------------------------------------ interrupting

    def hold(self) -> None:
        """Be silent at once; it may go on."""
        if self.is_held or self._utterance is None:
            return
        self.is_held = True
        if self._playback is not None:
            self._call.interrupt()
            self._book(self._playback.so_far())
            self._playback = None

    def resume(self) -> None:
        """Go on from where it was heard to, beginning with the word that was cut."""
        if not self.is_held:
            return
        self.is_held = False
        utterance = self._utterance
        if utterance is None:
            return
        if utterance.samples and self._heard < utterance.samples:
            self._play(utterance.word_start(self._heard))
        self._change.announce()

    def drop(self) -> Spoken:
        """Say no more of it."""
        utterance = self._utterance
        if utterance is None:
            return Spoken(0, 0, is_complete=True, certainty="confirmed")
        self.hold()
        spoken = self._spoken(utterance)
        self._end()
        # Whoever still makes it, or waits for it, need not.
        utterance.complete()
        self._change.announce()
        return spoken

    async def unheld(self) -> None:
        """Wait until nothing is against speaking."""
        while self.is_held and self._call.is_open:
            await self._change.wait()

    # ------------------------------------------------------------------ inside

    def _end(self) -> None:
        if self._utterance is not None:
            self._past, self._past_since_s = self._utterance, self._loop.time()
        self._utterance = self._playback = None
        self.is_held = False

    def _play(self, begin: int) -> None:
        assert self._utterance is not None
        self._base = begin
        playback = self._call.play(self._utterance.pieces(begin))
        self._playback = playback
        playback.on_settled(lambda: self._played(playback))
        playback.on_cut(lambda: self._loop.call_soon(self._was_cut, playback))

    def _was_cut(self, playback: Playback) -> None:
        """The line broke, and what was on it is lost: it is said again."""
        if playback is self._playback and self._call.is_open:
            self.hold()
            self.resume()

    def _played(self, playback: Playback) -> None:
        if playback is not self._playback:
            return
        heard = playback.so_far()
        self._book(heard)
        if heard.complete and self._utterance is not None:
            # All of it was heard, even if a rounding of rates says one sample less.
            self._heard = max(self._heard, self._utterance.samples)
        elif self._utterance is not None and self._call.is_open:
            self._play(self._utterance.word_start(self._heard))
        self._change.announce()

    def _book(self, heard: Heard) -> None:
        if heard.samples or heard.complete:
            self._certainty = heard.certainty.value
        self._heard = max(self._heard, self._base + heard.samples)
        if self.audible_from_s is None and self._playback is not None:
            self.audible_from_s = self._playback.audible_from_s

    def _spoken(self, utterance: Utterance) -> Spoken:
        is_complete = utterance.is_complete and self._heard >= utterance.samples
        words = utterance.words_until(self._heard)
        return Spoken(self._heard, words, is_complete, self._certainty)
