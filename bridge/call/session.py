"""The life of one call: a stream on one side, a bot on the other."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from bridge.call.attendance import attended
from bridge.call.bot import Answer, InService
from bridge.call.call import Call, CallFacts
from bridge.call.events import Dtmf, Ended, Event, Member
from bridge.call.figures import Figures
from bridge.call.hearing import Hearing
from bridge.call.ids import CALL_IDS
from bridge.call.inbound import Inbound
from bridge.call.link import NOBODY, Ear, Link
from bridge.call.options import CallOptions
from bridge.call.outbound import Outbound
from bridge.call.pacing import Wheel
from bridge.call.sender import Sender
from bridge.call.transcript import Transcript
from bridge.capture import SocketEvent, Tape
from bridge.errors import BridgeError, MisuseError, StreamError
from bridge.metrics import Metrics
from bridge.stream import messages
from bridge.stream.messages import Media, Message, Unknown
from bridge.stream.protocol import StreamProtocol
from bridge.tasks import background, failures_in

__all__ = ["CallOptions", "Session"]

_LOG = logging.getLogger(__name__)

MOST_ERRORS_IN_A_ROW = 100
"""So many unreadable messages, and nothing readable between: this is no stream."""


class Session:
    """Joins one stream to one run of a bot.

    The server feeds it text (`receive`) and tells it of the socket (`attach`,
    `detach`, `resume_writing`); `run` is the call's foreground and ends with it.

    Args:
        protocol: The stream's, which has taken `start`.
        bot: Who answers.
        link: The socket.
        wheel: The process's clockwork.
        metrics: The process's counts.
        options: How to run it.
    """

    __slots__ = (
        *("_bot", "_errors_in_a_row", "_heard_at_error", "_hearing", "_inbound"),
        *(
            "_log",
            "_metrics",
            "_options",
            "_outbound",
            "_over",
            "_sender",
            "call",
        ),
        *("end_kind", "end_reason", "facts", "figures", "on_happening"),
        *("resume_by_s", "start", "token_id", "transcript"),
    )

    def __init__(  # noqa: PLR0913 - each is a part of a call, made elsewhere
        self,
        protocol: StreamProtocol,
        bot: InService,
        link: Link,
        wheel: Wheel,
        metrics: Metrics,
        options: CallOptions,
    ) -> None:
        if protocol.start is None:
            raise MisuseError("a session begins with the stream's start")
        self.facts = CallFacts.of(protocol)
        self.start = protocol.start
        self.end_reason = ""
        self.end_kind = ""
        """How it ended, as the metrics count it."""
        self.resume_by_s = 0.0
        """Until when a call without a socket waits for another; the server's."""
        self.token_id = ""
        """Of the token that it began with; the server's."""
        self._bot = bot
        self._sender = Sender(link, protocol)
        self._sender.on_unwritable = self.pause_writing
        self._metrics = metrics
        self._options = options
        content_type = protocol.content_type
        self._errors_in_a_row = self._heard_at_error = 0
        self._over = asyncio.Event()
        self._inbound = Inbound(bot.sample_rate_hz, options.listen_s)
        self._hearing = Hearing(
            content_type, bot.sample_rate_hz, self._inbound, metrics
        )
        self._hearing.on_gap = lambda kind: self.on_happening("gap", kind)
        self._hearing.on_dropped = self._count_dropped
        self._outbound = Outbound(
            content_type, bot.sample_rate_hz, options.playback, wheel, metrics
        )
        self._outbound.on_audio = self._sender.audio
        self._outbound.on_message = self._sender.message
        self._outbound.on_run = self._sender.writing
        self._outbound.on_played = self._inbound.push
        self.call = Call(
            self.facts,
            bot.sample_rate_hz,
            self._inbound,
            self._outbound,
            end=lambda reason: self.end(reason, "hangup"),
        )
        # For what the socket does; in the call's own task, every line has them.
        self._log = logging.LoggerAdapter(_LOG, self.call.ids)
        self.on_happening: Callable[[str, object], None] = lambda _what, _detail: None
        """Told of what is neither sound nor speech: `key` (which), `gap` (its kind),
        `bad message`, `socket lost`, `socket back`, `bot failed` (its exception)."""
        folder = Path(options.transcripts) if options.transcripts else None
        self.transcript = Transcript(folder, self.facts.stream_id)
        self.transcript.on_lost = metrics.turn_lost
        self.call.on_turn = self.transcript.add
        self.figures = Figures(
            self._inbound, self._outbound, bot.sample_rate_hz, metrics
        )
        self.call.on_latency = self.figures.measured

    def __repr__(self) -> str:
        return f"<Session {self.facts.stream_id} {self.bot_name} {self.state}>"

    @property
    def tape(self) -> Tape | None:
        """Takes down what goes over the stream; there from the beginning, or never."""
        return self._sender.tape

    @tape.setter
    def tape(self, tape: Tape) -> None:
        self._sender.tape = tape

    # ------------------------------------------------------- for those who look on

    @property
    def bot_name(self) -> str:
        """Who answers."""
        return self._bot.name

    @property
    def state(self) -> str:
        """How it stands, in words."""
        return self.end_reason or (
            "open" if self._sender.link else "waiting for a socket"
        )

    @property
    def received_s(self) -> float:
        """How much audio came."""
        return self._hearing.received_samples / self.call.sample_rate_hz

    # ------------------------------------------------------- what the socket does

    @property
    def ear(self) -> Ear:
        """Takes frames that are as foreseen; a tape wants to have each message."""
        return self._hearing if self.tape is None else NOBODY

    def receive(self, text: bytes) -> None:
        """Take one message of the far end; what is wrong with it ends nothing."""
        tape = self._sender.tape
        if tape is not None:
            tape.received(text)
        if self._hearing.hear_next(text):
            return
        try:
            message = self._sender.protocol.receive(text)
            if type(message) is Media:
                self._hearing.hear(message, text)
            else:
                self._take(message)
        except StreamError as error:
            self._complain(error)
        else:
            self._errors_in_a_row = 0

    def attach(self, link: Link, protocol: StreamProtocol | None = None) -> None:
        """Go on over a new socket; what the far end had queued is taken as lost."""
        if self._sender.link is not None:
            self._sender.link.close(1000, "the stream goes on elsewhere")
            self._outbound.far_queue_lost()
        self._log.info("stream resumed on a new socket")
        self._metrics.streams_resumed += 1
        self.on_happening("socket back", "")
        self._sender.protocol = protocol or StreamProtocol(
            messages.Side.BRIDGE, resumed=self.start
        )
        self._hearing.begin_anew()
        self._sender.link = link
        self.resume_writing()

    def detach(self, link: Link) -> bool:
        """The socket broke; False if it was not ours (any more)."""
        if link is not self._sender.link or self._over.is_set():
            return False
        self._sender.link = None
        self._outbound.is_blocked = True
        self._outbound.far_queue_lost()
        self.on_happening("socket lost", "")
        return True

    @property
    def is_attached(self) -> bool:
        """Whether there is a socket."""
        return self._sender.link is not None

    def is_on(self, link: Link) -> bool:
        """Whether a socket is the call's own."""
        return self._sender.link is link

    def pause_writing(self) -> None:
        """The far end does not read: keep what we have to say."""
        self._outbound.is_blocked = True

    def resume_writing(self) -> None:
        """The far end reads again."""
        self._outbound.is_blocked = False
        self._outbound.pump()

    # ------------------------------------------------------------------- its life

    async def run(self) -> None:
        """Run the bot until the call ends; never raises but when cancelled."""
        CALL_IDS.set(self.call.ids)
        self._log.info("call begins, answered by %s", self._bot.name)
        try:
            failed = await self._held_by(self._bot.answer, "the bot")
            if failed:
                self._metrics.bot_errors[self._bot.name] += 1
            if failed and self._bot.fallback is not None and self.call.is_open:
                self._log.warning("the fallback takes over")
                self._metrics.fallbacks[self._bot.name] += 1
                self.call.interrupt()
                self._inbound.begin_anew()
                failed = await self._held_by(self._bot.fallback, "the fallback")
            if failed:
                self.end("the bot failed", "bot_error", code=1011)
        finally:
            self.end("the server stopped", "server", code=1001)
            if self.tape is not None:
                self.tape.close()
            await self.transcript.finish()
            self._log.info("call ended: %s", self.end_reason)
            self._let_go()

    def _let_go(self) -> None:
        """Break the circles that hold the call together.

        What is not in one is freed at once; else some 20 KB a call would wait until
        the collector comes, which it does rarely.
        """
        self._outbound.on_audio = self._outbound.on_message = _nobody
        self._outbound.let_go()
        self._sender.on_unwritable = _nobody
        self._hearing.on_gap = self._hearing.on_dropped = _nobody
        self.on_happening = _nobody
        self.call.let_go()

    async def _held_by(self, answer: Answer, who: str) -> bool:
        """Let somebody hold the conversation; True if they failed."""
        failed = False
        try:
            async with background() as spawn:
                self.call.begin(spawn)
                answering = spawn(f"bot {self.facts.stream_id}", answer(self.call))
                spawn("farewell", self._see_off(answering, who))
                spawn(
                    "attendance", attended(self._progress, self._options.bot_timeout_s)
                )
                await self._over.wait()
                if not answering.done():
                    await asyncio.wait({answering}, timeout=self._options.farewell_s)
                    self._warn_if_cancelled(answering)
        # The edge of a call: whatever a bot raises ends this call and no other.
        except* Exception as failures:  # noqa: BLE001
            failed = True
            for failure in failures_in(failures):
                self.on_happening("bot failed", failure)
                # Our own errors are sentences; others are for the bot's author.
                trace = None if isinstance(failure, BridgeError) else failure
                name = f"bot {self._bot.name}" if who == "the bot" else who
                self._log.error("%s failed: %s", name, failure, exc_info=trace)
        return failed

    def tell(self, event: Event) -> None:
        """Let the bot know of something that did not come by the stream."""
        if not self._over.is_set():
            self._inbound.push(event)

    def coached_by(self, member: Member | None) -> None:
        """What is heard from now on is said to us alone, or is not."""
        self._hearing.coach = member

    def end(self, reason: str, kind: str, code: int = 1000) -> None:
        """End the call, once: close the socket, tell the bot.

        Args:
            reason: In words, for the bot and the log.
            kind: One of few words, for the metrics.
            code: Of the WebSocket close.
        """
        if self._over.is_set():
            return
        self.end_reason, self.end_kind = reason, kind
        self._metrics.streams_ended[kind] += 1
        self.call.is_open = False
        self._outbound.lost()
        self._outbound.is_blocked = True
        link, self._sender.link = self._sender.link, None
        if self.tape is not None:
            self.tape.event(SocketEvent.ENDED, None if link is None else code, reason)
        if link is not None:
            link.close(code, reason)
        self._hearing.begin_anew()
        self._inbound.push(Ended(reason))
        self._over.set()

    async def _see_off(self, answering: asyncio.Task[None], who: str) -> None:
        """End the call once somebody has answered to their end, and was heard."""
        await asyncio.wait({answering})
        if answering.cancelled():
            # The group takes that for meant; here only the bot can have done it.
            raise RuntimeError(f"{who} cancelled itself")
        if self.call.is_open and not answering.exception():
            await self.call.checkpoint("").done()
            self.end(f"{who} finished", "bot_finished")

    def _progress(self) -> int | None:
        """How much the bot has listened to; None while it speaks, or hears nothing."""
        idle = self._outbound.is_silent and not self._inbound.is_empty
        return self._inbound.taken if idle and self.call.is_open else None

    def _warn_if_cancelled(self, answering: asyncio.Task[None]) -> None:
        if not answering.done():
            self._log.warning(
                "bot %s goes on %.1f s after the call ended: cancelled",
                self._bot.name,
                self._options.farewell_s,
            )

    # ------------------------------------------------------------------- messages

    def _count_dropped(self) -> None:
        if self.figures.count_dropped():
            self._log.warning(
                "bot %s listens more slowly than the caller speaks: more than %.1f s "
                "wait, the oldest are dropped",
                self._bot.name,
                self._options.listen_s,
            )

    def _take(self, message: Message | Unknown) -> None:
        match message:
            case messages.Dtmf():
                self._hearing.observe(message)
                self._inbound.push(Dtmf(str(message.dtmf.digit)))
                self.on_happening("key", str(message.dtmf.digit))
            case messages.PlayedStream():
                self._hearing.observe(message)
                self._outbound.acknowledge(message.name or "")
            case messages.ClearedAudio():
                self._hearing.observe(message)
            case messages.Stop():
                self.end(message.reason or "the far end stopped the stream", "stop")
            case Unknown():
                self._log.debug("passed over %s: %s", message.event, message.text)

    def _complain(self, error: StreamError) -> None:
        self._metrics.stream_errors += 1
        self.on_happening("bad message", "")
        # What was as foreseen came without our seeing it.
        heard = self._hearing.received_samples
        if heard != self._heard_at_error:
            self._errors_in_a_row = 0
        self._heard_at_error = heard
        self._errors_in_a_row += 1
        # One line tells it all; a flood of them would only hide it.
        if self._errors_in_a_row in (1, 10, MOST_ERRORS_IN_A_ROW):
            self._log.warning("< %s (%d in a row)", error, self._errors_in_a_row)
        if self._errors_in_a_row >= MOST_ERRORS_IN_A_ROW:
            self.end("the far end sends nothing readable", "unreadable", code=1007)


def _nobody(*_told: object) -> None:
    """There is none to be told."""
