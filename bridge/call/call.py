"""What a bot is given: one call, to listen to and to speak in."""

import asyncio
import os
import uuid
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Iterable,
    Mapping,
)
from pathlib import Path
from typing import TypeAlias

import numpy as np

from bridge.audio import files
from bridge.audio.pcm import INT16, Samples
from bridge.audio.tones import DTMF_HZ
from bridge.call.control import CallControl
from bridge.call.events import Audio, Ended, Event, Heard, Member
from bridge.call.inbound import Inbound
from bridge.call.outbound import Outbound
from bridge.call.playback import Playback
from bridge.call.transcript import Turn
from bridge.errors import MisuseError
from bridge.stream.content_type import ContentType
from bridge.stream.headers import parse_extra_headers
from bridge.stream.messages import SendDtmf, StartBody
from bridge.stream.protocol import StreamProtocol
from bridge.tasks import Spawn

__all__ = ["Call", "CallFacts", "Source"]

Source: TypeAlias = (
    Samples | str | os.PathLike[str] | AsyncIterable[Samples] | Iterable[Samples]
)
"""What can be played: samples, a WAV or MP3 file, or samples as they are made."""


class CallFacts:
    """What the far end said about the call when it began."""

    def __init__(
        self,
        stream_id: str,
        call_uuid: str,
        account_id: str,
        headers: Mapping[str, str],
        content_type: ContentType,
    ) -> None:
        self.stream_id = stream_id
        self.call_uuid = call_uuid
        self.account_id = account_id
        self.headers = headers
        self.content_type = content_type

    @classmethod
    def of(cls, protocol: StreamProtocol) -> "CallFacts":
        """Read them from a stream that has started."""
        start = protocol.start
        body = start.start if start is not None else StartBody()
        extra = start.extra_headers if start is not None else None
        return cls(
            protocol.stream_id or str(uuid.uuid4()),
            body.call_id or "",
            body.account_id or "",
            parse_extra_headers(extra),
            protocol.content_type,
        )


class Call:
    """One call. Audio in and out is int16, shape `(n,)`, at `sample_rate_hz`.

    Made by the server for each stream; a bot gets it as its only argument.
    """

    def __init__(
        self,
        facts: CallFacts,
        sample_rate_hz: int,
        inbound: Inbound,
        outbound: Outbound,
        *,
        end: Callable[[str], None],
    ) -> None:
        self.stream_id: str = facts.stream_id
        """Plivo's name of the stream."""
        self.call_uuid: str = facts.call_uuid
        """Plivo's name of the participant's call; empty if it was not told."""
        self.account_id: str = facts.account_id
        """The account the call belongs to."""
        self.headers: Mapping[str, str] = facts.headers
        """The stream's extra headers, decoded."""
        self.content_type: ContentType = facts.content_type
        """How the far end writes audio; `sample_rate_hz` is what the bot sees."""
        self.sample_rate_hz: int = sample_rate_hz
        """Of all audio the bot hears and speaks."""
        self.members: dict[str, Member] = {}
        """The others in the Multiparty Call, by member id, as callbacks told of them;
        empty where none come."""
        self.ids: dict[str, str] = {
            "stream_id": facts.stream_id,
            "call_uuid": facts.call_uuid,
        }
        """By which lines of the log are found; more as they become known."""
        self.mpc_name: str = ""
        """The Multiparty Call it is in, by the name or uuid that the token in the
        stream's URL says; empty without."""
        self.began_s: float = asyncio.get_running_loop().time()
        """When it began, on the loop's clock."""
        self.is_open: bool = True
        """Whether the far end is still there."""
        self.mpc: CallControl | None = None
        """Drives the Multiparty Call around the stream; None without credentials."""
        self.on_turn: Callable[[Turn], None] = lambda _turn: None
        self.on_latency: Callable[[str, float], None] = lambda _stage, _seconds: None
        self._inbound = inbound
        self._outbound = outbound
        self._end = end
        self._spawn: Spawn | None = None

    def __repr__(self) -> str:
        state = "open" if self.is_open else "ended"
        return f"<Call {self.stream_id} {state} {self.sample_rate_hz} Hz>"

    @property
    def mpc_uuid(self) -> str:
        """The Multiparty Call it is in, once a callback told it."""
        return self.ids.get("mpc_uuid", "")

    @mpc_uuid.setter
    def mpc_uuid(self, mpc_uuid: str) -> None:
        self.ids["mpc_uuid"] = mpc_uuid

    # -------------------------------------------------------------- listening

    async def events(self) -> AsyncIterator[Event]:
        """Yield everything that happens, in order; `Ended` is the last.

        One reader at a time, but it may stop and another go on. A bot that reads too
        slowly loses the oldest audio; a `Gap` says how much.

        Raises:
            MisuseError: If another reader is waiting for the next event.
        """
        while True:
            filled = self._inbound.filled()
            if filled is not None:
                await filled
            event = self._inbound.take()
            if event is None:
                continue
            yield event
            if isinstance(event, Ended):
                return

    async def listen(self) -> AsyncIterator[Samples]:
        """Yield just the audio, some 20 ms at a time, until the call ends.

        Raises:
            MisuseError: If another reader is waiting for the next event.
        """
        inbound = self._inbound
        while True:
            filled = inbound.filled()
            if filled is not None:
                await filled
            event = inbound.take()
            if type(event) is Audio:
                # Not kept while we wait: memory is cheap that was used just now.
                yield (event.samples, event := None)[0]
            elif type(event) is Ended:
                return

    # --------------------------------------------------------------- speaking

    async def speak(self, samples: Samples) -> None:
        """Say samples right after what is being said.

        Waits while more than `queue_s` of speech is queued. After the call has ended
        it does nothing.

        Raises:
            MisuseError: If these are no int16 samples of shape `(n,)`.
        """
        if (
            type(samples) is not np.ndarray
            or samples.dtype is not INT16
            or samples.ndim != 1
        ):  # Hardly ever, and hardly ever wrong then.
            _check(samples)
        outbound = self._outbound
        if self.is_open and not outbound.speak_on(samples):
            playback = outbound.speak(samples)
            if outbound.is_full(playback):
                await outbound.room(playback)

    def play(self, source: Source, name: str = "") -> Playback:
        """Say something as a whole, after what is being said, and don't wait.

        Args:
            source: Samples, the path of a WAV or MP3 file (any rate), or an iterable of
                samples, read as they are needed; one that is not asynchronous is gone
                through in a thread.
            name: Comes back in the `Played` event.

        Returns:
            The playback, to await `done()` on. A source that fails ends the call as an
            exception of the bot does.

        Raises:
            MisuseError: If that is nothing that can be played.
        """
        pieces = self._pieces(source)
        playback = self._outbound.new(name)
        if not self.is_open:
            self._outbound.lost()
        elif isinstance(source, np.ndarray):
            playback.add(source)
            playback.is_complete = True
            self._outbound.pump()
        else:
            if self._spawn is None:
                raise MisuseError("the call has not begun")
            feeding = self._spawn(f"play {name}", self._feed(playback, pieces))
            playback.on_settled(feeding.cancel)
        return playback

    def interrupt(self) -> Heard:
        """Fall silent at once: drop all that is queued, here and at the far end.

        Returns:
            How much was heard of what was being said.
        """
        return self._outbound.interrupt()

    def checkpoint(self, name: str) -> Playback:
        """Mark this point of our speech; `Played(name)` comes when it is reached."""
        return self.play(np.empty(0, np.int16), name)

    def send_dtmf(self, digits: str) -> None:
        """Press keys, heard by the call as a participant's.

        Raises:
            MisuseError: If a key is none of `0-9 * # A-D`.
        """
        if not digits or any(digit not in DTMF_HZ for digit in digits):
            raise MisuseError(f"cannot press {digits!r}: allowed are 0-9 * # A-D")
        if self.is_open:
            self._outbound.on_message(SendDtmf(dtmf=digits))

    def hang_up(self) -> None:
        """Leave the call now; await the last playback's `done()` before, to finish."""
        self._end("hung up by the bot")

    # ------------------------------------------------------------------ telling

    def note(self, turn: Turn) -> None:
        """Add a turn to the call's transcript."""
        self.on_turn(turn)

    def measure(self, stage: str, seconds: float) -> None:
        """Count how long a stage of an answer took, for `bridge_response_seconds`."""
        self.on_latency(stage, seconds)

    # --------------------------------------- for the session that runs the call

    def begin(self, spawn: Spawn) -> None:
        """Let the call run tasks of its own, as long as it lasts."""
        self._spawn = spawn

    def let_go(self) -> None:
        """Forget the session: it is over."""
        self._end = lambda _reason: None
        self._spawn = None

    def _pieces(self, source: Source) -> AsyncIterable[Samples]:
        match source:
            case np.ndarray():
                _check(source)
                return _each([source])
            case str() | os.PathLike():
                return self._file(Path(source))
            case AsyncIterable():
                return source
            case Iterable():
                return _each(source)
        raise MisuseError(
            f"cannot play a {type(source).__name__}: allowed are int16 samples, the "
            "path of a file, or an iterable of samples"
        )

    async def _file(self, path: Path) -> AsyncIterator[Samples]:
        yield await asyncio.to_thread(files.read, path, self.sample_rate_hz)

    async def _feed(self, playback: Playback, pieces: AsyncIterable[Samples]) -> None:
        try:
            async for piece in pieces:
                _check(piece)
                # Our cancellation may come after the next piece, or, where a source
                # always has one at hand, never: this loop would be the whole process's.
                if playback.is_settled:
                    return
                playback.add(piece)
                self._outbound.pump()
                await self._outbound.room(playback)
        finally:
            # An interruption ends the making of speech, too, and at once.
            if isinstance(pieces, AsyncGenerator):
                await pieces.aclose()
        playback.is_complete = True
        self._outbound.pump()


async def _each(pieces: Iterable[Samples]) -> AsyncIterator[Samples]:
    """Go through an iterable in a thread: making the next piece may take long."""
    steps = iter(pieces)
    while (piece := await asyncio.to_thread(next, steps, None)) is not None:
        yield piece


def _check(samples: object) -> None:
    if not isinstance(samples, np.ndarray):
        raise MisuseError(
            f"samples are a numpy array of int16, got {type(samples).__name__}"
        )
    if samples.dtype != INT16 or samples.ndim != 1:
        hint = ""
        if np.issubdtype(samples.dtype, np.floating):
            hint = "; from -1 to 1: (floats * 32767).astype(numpy.int16)"
        raise MisuseError(
            f"samples are int16 of shape (n,), got {samples.dtype} of shape "
            f"{samples.shape}{hint}"
        )
