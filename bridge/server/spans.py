"""What happened in a call, as one OpenTelemetry trace: turns, and stages of answers.

Nothing is done per frame: a span is made when a turn is over, of times that the call
has noted anyway. Spans leave in a thread of the SDK's, and are dropped when whoever
takes them is down. Needs the extra `otel`.
"""

import asyncio
import collections
import contextlib
import functools
import logging
import math
import os
import re
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from importlib.metadata import version
from typing import ParamSpec

from opentelemetry import propagate, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode

from bridge.call.session import Session
from bridge.call.transcript import Turn
from bridge.errors import ConfigError

__all__ = ["Tracing", "exporting"]

_LOG = logging.getLogger(__name__)

FAILED = frozenset({"bot_error", "broken", "unreadable"})
"""Ways in which a call ends that somebody should look into."""

DONE_BY = {
    "turn": "end of turn",
    "text": "recognizer",
    "token": "brain",
    "audio": "voice",
    "played": "first audio",
}
"""What takes the time until a stage of an answer is reached."""

COUNTED = {"gap": "gaps.{}", "bad message": "bad_messages"}
"""What may happen with every frame: how often is all that is told."""

FLUSH_S = 3.0
"""How long the end of the process waits for spans to leave."""

LONGEST_S = 30 * 24 * 3600
"""What bots note is taken at their word, within reason."""

Value = str | bool | int | float

Facts = ParamSpec("Facts")


def _harmless(watch: Callable[Facts, None]) -> Callable[Facts, None]:
    """Log what goes wrong while watching; a call is never worse off for it."""

    @functools.wraps(watch)
    def watched(*arguments: Facts.args, **named: Facts.kwargs) -> None:
        try:
            watch(*arguments, **named)
        # What bots note is of any kind.
        except Exception:  # noqa: BLE001
            _LOG.exception("a part of a call is not traced")

    return watched


class Tracing:
    """Makes a trace of each call.

    Args:
        provider: Where spans go.
        with_text: Whether what was said and pressed goes with them; it is personal.
    """

    def __init__(
        self, provider: trace.TracerProvider, *, with_text: bool = False
    ) -> None:
        self._tracer = provider.get_tracer("mpc-bridge", version("mpc-bridge"))
        self._with_text = with_text

    @contextmanager
    def of(self, session: Session) -> Iterator[None]:
        """Trace a call while the block runs it.

        What the bot traces by itself in there is part of the call's trace.
        """
        traced = self._begun(session)
        if traced is None:
            yield
            return
        try:
            with trace.use_span(
                traced.span, record_exception=False, set_status_on_exception=False
            ):
                yield
        finally:
            traced.end()

    def _begun(self, session: Session) -> "_TracedCall | None":
        try:
            return _TracedCall(self._tracer, session, with_text=self._with_text)
        # The edge of what only watches: a call is never worse off for it.
        except Exception:  # noqa: BLE001
            _LOG.exception("a call is not traced", extra=session.call.ids)
            return None


class _TracedCall:
    """The span of a call, and of all in it."""

    def __init__(
        self, tracer: trace.Tracer, session: Session, *, with_text: bool
    ) -> None:
        self._tracer = tracer
        self._session = session
        self._with_text = with_text
        self._counts: collections.Counter[str] = collections.Counter()
        call = session.call
        # Durations are the loop's clock's; only where they begin is the wall's.
        self._now_s = asyncio.get_running_loop().time
        self._began_ns = time.time_ns() - _ns(self._now_s() - call.began_s)
        carrier = {name.lower(): word for name, word in call.headers.items()}
        self.span = tracer.start_span(
            f"call {session.bot_name}",
            propagate.extract(carrier),
            SpanKind.SERVER,
            _facts(session),
            start_time=self._began_ns,
        )
        context = self.span.get_span_context()
        if context.is_valid:
            call.ids["trace_id"] = trace.format_trace_id(context.trace_id)
        self._listen()

    def _listen(self) -> None:
        """Hear of turns and happenings, beside whoever hears of them already."""
        session, call = self._session, self._session.call
        note = self._note = call.on_turn

        @_harmless
        def traced(_turn: Turn) -> None:
            # As the transcript took it.
            self._turn(session.transcript.turns[-1])

        def noted(turn: Turn) -> None:
            note(turn)
            traced(turn)

        call.on_turn = noted
        session.on_happening = _harmless(self._happened)

    @_harmless
    def end(self) -> None:
        """The call is over."""
        session = self._session
        session.call.on_turn = self._note
        self._set("bridge.mpc_uuid", session.call.mpc_uuid)
        self._set("bridge.end.kind", session.end_kind)
        self._set("bridge.end.reason", session.end_reason)
        for what, count in self._counts.items():
            self._set(f"bridge.{what.replace(' ', '_')}", count)
        if session.end_kind in FAILED:
            self._set("error.type", session.end_kind)
            self.span.set_status(Status(StatusCode.ERROR, session.end_reason))
        self.span.end(self._at_ns(math.nan))

    def _set(self, name: str, value: Value) -> None:
        if value != "":
            self.span.set_attribute(name, value)

    def _happened(self, what: str, detail: object) -> None:
        if isinstance(detail, Exception):
            self.span.record_exception(detail, timestamp=self._at_ns(math.nan))
        elif what in COUNTED:
            self._counts[COUNTED[what].format(detail)] += 1
        else:
            shown = {"bridge.key": str(detail)} if detail and self._with_text else {}
            self.span.add_event(what, shown, self._at_ns(math.nan))

    def _turn(self, turn: Turn) -> None:
        """A turn is over; an answer's begins with the wait for it."""
        until_s = {
            stage: max(0.0, ms / 1000)
            for stage, ms in turn.latencies_ms.items()
            if math.isfinite(ms)
        }
        audible_ns = self._at_ns(turn.from_s)
        asked_ns = audible_ns - _ns(
            until_s.get("played", max(until_s.values(), default=0.0))
        )
        asked_ns = max(asked_ns, self._began_ns)
        name, attributes = _told(turn, with_text=self._with_text)
        for stage, seconds in until_s.items():
            attributes[f"bridge.latency.{stage}_s"] = seconds
        inside = trace.set_span_in_context(self.span)
        span = self._tracer.start_span(
            name, inside, attributes=attributes, start_time=asked_ns
        )
        if until_s:
            span.add_event("audible", timestamp=audible_ns)
        self._stages(span, asked_ns, until_s)
        span.end(max(audible_ns, self._at_ns(turn.to_s)))

    def _stages(
        self, span: trace.Span, asked_ns: int, until_s: Mapping[str, float]
    ) -> None:
        inside = trace.set_span_in_context(span)
        from_ns = asked_ns
        for stage, seconds in sorted(until_s.items(), key=lambda each: each[1]):
            reached_ns = asked_ns + _ns(seconds)
            self._tracer.start_span(
                DONE_BY.get(stage, stage),
                inside,
                attributes={"bridge.stage": stage},
                start_time=from_ns,
            ).end(reached_ns)
            from_ns = reached_ns

    def _at_ns(self, since_began_s: float) -> int:
        """A time of the call on the wall's clock; now, if it is no time."""
        if not 0 <= since_began_s < LONGEST_S:
            since_began_s = self._now_s() - self._session.call.began_s
        return self._began_ns + _ns(since_began_s)


def _ns(seconds: float) -> int:
    return round(min(seconds, LONGEST_S) * 1e9)


def _facts(session: Session) -> dict[str, Value]:
    """What is known of a call when it begins; by OpenTelemetry's names, if any."""
    call = session.call
    facts: dict[str, Value] = {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": session.bot_name,
        "gen_ai.conversation.id": call.call_uuid or call.stream_id,
        "network.protocol.name": "websocket",
        "session.id": call.stream_id,
        "bridge.stream_id": call.stream_id,
        "bridge.call_uuid": call.call_uuid,
        "bridge.account_id": call.account_id,
        "bridge.content_type": str(call.content_type),
        "bridge.sample_rate_hz": call.sample_rate_hz,
    }
    return {name: value for name, value in facts.items() if value != ""}


def _told(turn: Turn, *, with_text: bool) -> tuple[str, dict[str, Value]]:
    """The name and attributes of a turn's span."""
    name = f"turn {turn.who}"
    attributes: dict[str, Value] = {
        "bridge.turn.who": turn.who,
        "bridge.turn.is_cut": turn.is_cut,
        "bridge.turn.are_keys": turn.are_keys,
    }
    if turn.heard:
        attributes["bridge.turn.heard"] = turn.heard
    if turn.who == "tool":
        # The first word is its name; what it was given and said is text.
        tool = re.match(r"[\w.-]{1,64}(?= |$)", turn.text)
        name = "execute_tool"
        attributes["gen_ai.operation.name"] = "execute_tool"
        if tool is not None:
            name = f"execute_tool {tool[0]}"
            attributes["gen_ai.tool.name"] = tool[0]
    if with_text:
        attributes["bridge.turn.text"] = turn.text
    return name, attributes


@asynccontextmanager
async def exporting(*, with_text: bool = False) -> AsyncIterator[Tracing]:
    """Trace calls while the block runs, and send spans as the OTEL_* variables say.

    Where the process has a provider of the SDK's already, spans go there; else it gets
    one, which bots' own spans go by, too.

    Raises:
        ConfigError: If a variable is not understood.
    """
    provider = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider):
        provider = _provider()
        trace.set_tracer_provider(provider)
    try:
        yield Tracing(provider, with_text=with_text)
    finally:
        await _within(FLUSH_S, provider.force_flush)


def _provider() -> TracerProvider:
    own = {
        "service.name": "mpc-bridge",
        "service.version": version("mpc-bridge"),
        "service.instance.id": str(uuid.uuid4()),
    }
    try:
        # What the operator says of the service is stronger than what we do.
        resource = Resource.create(own).merge(OTELResourceDetector().detect())
        # Ends with the process: a collector that is down is not waited for.
        provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    except ValueError as error:
        named = ", ".join(sorted(n for n in os.environ if n.startswith("OTEL_")))
        raise ConfigError(f"--traces: {error}; set are {named}") from error
    return provider


async def _within(seconds: float, work: Callable[[], object]) -> None:
    """Run what may block for long in a thread that nobody waits for after that."""
    loop, done = asyncio.get_running_loop(), asyncio.Event()

    def run() -> None:
        work()
        with contextlib.suppress(RuntimeError):  # The loop is closed by now.
            loop.call_soon_threadsafe(done.set)

    threading.Thread(target=run, name="last spans", daemon=True).start()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await done.wait()
