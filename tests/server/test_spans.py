"""What a call's trace tells, with the SDK's own exporter in memory."""

import asyncio
import math
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from bridge import Call
from bridge.audio.pcm import silence
from bridge.call.transcript import Turn
from bridge.server.spans import Tracing
from bridge.stream import messages
from tests.fakes.far_end import STREAM_ID, FarEnd, calling

CALL_UUID = "12345678-1234-4234-8234-123456789abc"

SECOND = 10**9

TURNS = (
    Turn("caller", "my number is 12", 1.0, 2.0),
    Turn("tool", 'look_up {"number": 12} -> secret', 2.2, 2.4),
    Turn(
        "bot",
        "you are",
        3.0,
        4.5,
        is_cut=True,
        heard="confirmed",
        latencies_ms={"turn": 200.0, "text": 300.0, "token": 600.0, "played": 1000.0},
    ),
)


class Traces:
    """Finished spans, by name."""

    def __init__(self, *, with_text: bool = False) -> None:
        self._kept = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._kept))
        self.tracing = Tracing(provider, with_text=with_text)

    @property
    def spans(self) -> dict[str, ReadableSpan]:
        return {span.name: span for span in self._kept.get_finished_spans()}


async def wait(call: Call) -> None:
    async for _frame in call.listen():
        pass


async def a_call(traces: Traces, *turns: Any, end: str = "stop") -> FarEnd:
    """A call of ten seconds, in virtual time, in which turns are noted."""
    async with calling(wait) as far_end:
        with traces.tracing.of(far_end.session):
            await asyncio.sleep(5)
            for turn in turns:
                far_end.session.call.note(turn)
            await asyncio.sleep(5)
            far_end.session.end("that was it", end)
    return far_end


def begun(span: ReadableSpan, root: ReadableSpan) -> Any:
    """When a span began and ended, in seconds of the call."""
    assert span.start_time is not None
    assert span.end_time is not None
    assert root.start_time is not None
    return (
        pytest.approx((span.start_time - root.start_time) / SECOND, abs=1e-3),
        pytest.approx((span.end_time - root.start_time) / SECOND, abs=1e-3),
    )


def is_below(span: ReadableSpan, parent: ReadableSpan) -> bool:
    return span.parent is not None and span.parent == parent.get_span_context()


def trace_id(span: ReadableSpan) -> str:
    context = span.get_span_context()
    assert context is not None
    return format(context.trace_id, "032x")


async def test_a_call_is_a_span_with_its_facts() -> None:
    """Under OpenTelemetry's names where it has some; and it lasts as long."""
    traces = Traces()
    far_end = await a_call(traces)

    root = traces.spans["call wait"]
    assert root.attributes is not None
    assert dict(root.attributes) == {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": "wait",
        "gen_ai.conversation.id": CALL_UUID,
        "network.protocol.name": "websocket",
        "session.id": STREAM_ID,
        "bridge.stream_id": STREAM_ID,
        "bridge.call_uuid": CALL_UUID,
        "bridge.account_id": "MAXXXXXXXXXXXXXXXXXX",
        "bridge.content_type": "audio/x-l16;rate=8000",
        "bridge.sample_rate_hz": 16000,
        "bridge.end.kind": "stop",
        "bridge.end.reason": "that was it",
    }
    assert root.status.status_code is StatusCode.UNSET
    assert begun(root, root) == (0, 10)
    assert far_end.session.call.ids["trace_id"] == trace_id(root)


async def test_turns_are_children_with_stages_below() -> None:
    """An answer's span begins with the wait for it, and its stages follow each other
    until it is heard."""
    traces = Traces()
    await a_call(traces, *TURNS)

    spans = traces.spans
    root, answer = spans["call wait"], spans["turn bot"]
    assert begun(spans["turn caller"], root) == (1, 2)
    assert begun(spans["execute_tool look_up"], root) == (2.2, 2.4)
    assert begun(answer, root) == (2, 4.5)
    stages = {
        name: begun(spans[name], root)
        for name in ("end of turn", "recognizer", "brain", "first audio")
    }
    assert stages == {
        "end of turn": (2, 2.2),
        "recognizer": (2.2, 2.3),
        "brain": (2.3, 2.6),
        "first audio": (2.6, 3),
    }
    assert answer.attributes is not None
    assert answer.attributes["bridge.latency.played_s"] == 1.0
    assert answer.attributes["bridge.turn.is_cut"] is True
    assert answer.attributes["bridge.turn.heard"] == "confirmed"
    for name in ("turn bot", "turn caller", "execute_tool look_up"):
        assert is_below(spans[name], root)
    assert all(is_below(spans[name], answer) for name in stages)


@pytest.mark.parametrize("with_text", [False, True])
async def test_words_and_keys_are_told_only_if_asked_for(with_text: bool) -> None:
    """They are the caller's own."""
    traces = Traces(with_text=with_text)
    async with calling(wait) as far_end:
        with traces.tracing.of(far_end.session):
            body = messages.DtmfBody(digit="7", track="inbound")
            far_end.tell(messages.Dtmf(stream_id=STREAM_ID, dtmf=body))
            await asyncio.sleep(1)
            for turn in TURNS:
                far_end.session.call.note(turn)

    told = "".join(span.to_json() for span in traces.spans.values())
    assert ("my number is 12" in told) is with_text
    assert ("secret" in told) is with_text
    assert ('"bridge.key": "7"' in told) is with_text
    (key,) = [
        event for event in traces.spans["call wait"].events if event.name == "key"
    ]
    assert key.timestamp


async def test_what_befell_the_stream_is_told() -> None:
    """Sockets lost and back as events, in order; what may be frequent as numbers."""
    traces = Traces()
    async with calling(wait) as far_end:
        with traces.tracing.of(far_end.session):
            for chunk in (1, 2, 5, 5):
                media = messages.MediaBody(
                    silence(160).tobytes(), "inbound", chunk=chunk
                )
                far_end.tell(messages.Media(stream_id=STREAM_ID, media=media))
            await asyncio.sleep(0.1)
            far_end.session.receive(b"not json")
            far_end.session.receive(b"nor this")
            far_end.session.detach(far_end)
            far_end.session.attach(far_end)

    root = traces.spans["call wait"]
    assert root.attributes is not None
    assert root.attributes["bridge.gaps.audio_missing"] == 1
    assert root.attributes["bridge.bad_messages"] == 2
    assert [event.name for event in root.events] == ["socket lost", "socket back"]


async def test_a_failed_call_is_an_error() -> None:
    """With the exception of the bot, and how the call ended."""

    async def fail(_call: Call) -> None:
        await asyncio.sleep(1)
        raise ValueError("a bug")

    traces = Traces()
    async with calling(fail) as far_end:
        with traces.tracing.of(far_end.session):
            await asyncio.sleep(2)

    root = traces.spans["call fail"]
    assert root.status.status_code is StatusCode.ERROR
    assert root.status.description == "the bot failed"
    assert root.attributes is not None
    assert root.attributes["error.type"] == "bot_error"
    (exception,) = root.events
    assert exception.attributes is not None
    assert exception.attributes["exception.type"] == "ValueError"


@pytest.mark.parametrize("name", ["traceparent", "Traceparent"])
async def test_a_trace_that_comes_with_the_call_goes_on(name: str) -> None:
    """`traceparent` in the extra headers."""
    traces = Traces()
    async with calling(wait) as far_end:
        parent = f"00-{'ab' * 16}-{'cd' * 8}-01"
        far_end.session.call.headers = {name: parent}
        with traces.tracing.of(far_end.session):
            await asyncio.sleep(1)

    root = traces.spans["call wait"]
    assert trace_id(root) == "ab" * 16
    assert root.parent is not None
    assert format(root.parent.span_id, "016x") == "cd" * 8


@pytest.mark.parametrize(
    "parent", ["", "00-0-0-01", "\x00", f"00-{'0' * 32}-{'0' * 16}-01"]
)
async def test_a_broken_trace_context_begins_a_trace(parent: str) -> None:
    """As if there were none."""
    traces = Traces()
    async with calling(wait) as far_end:
        far_end.session.call.headers = {"traceparent": parent, "tracestate": "=,;"}
        with traces.tracing.of(far_end.session):
            await asyncio.sleep(1)

    root = traces.spans["call wait"]
    assert root.parent is None
    assert int(trace_id(root), 16)


@pytest.mark.parametrize(
    "turn",
    [
        Turn("caller", "x", math.nan, math.inf),
        Turn("caller", "x", -5.0, 1e300),
        Turn("caller", "x", 4.0, 3.0, latencies_ms={"played": math.inf, "text": -1.0}),
        Turn("caller", "x", 1.0, 2.0, latencies_ms={"played": 1e12}),
        Turn("caller", "\ud83d", 1.0, 2.0),
    ],
)
async def test_odd_turns_are_told_as_far_as_they_make_sense(turn: Turn) -> None:
    """No span ends before it begins, or begins before its call."""
    traces = Traces(with_text=True)
    await a_call(traces, turn)

    spans = traces.spans
    root_ns = spans["call wait"].start_time
    assert "turn caller" in spans
    for span in spans.values():
        assert span.start_time is not None
        assert span.end_time is not None
        assert root_ns is not None
        assert root_ns <= span.start_time <= span.end_time


async def test_a_turn_that_cannot_be_told_harms_nobody() -> None:
    """What a bot notes is of any kind; the call goes on."""
    traces = Traces()
    odd: Any = {"played": "soon"}
    far_end = await a_call(traces, Turn("bot", "x", 1.0, 2.0, latencies_ms=odd))

    assert far_end.session.end_kind == "stop"
    assert "call wait" in traces.spans
