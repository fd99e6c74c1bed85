"""`serve --traces`: spans leave over HTTP, and lines of the log name their trace."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.fakes.otlp_receiver import receiving

BOT = '''
import logging
from bridge import Call
from bridge.call.transcript import Turn

async def teller(call: Call) -> None:
    """Notes a turn, logs, and traces something of its own."""
    from opentelemetry import trace
    logging.getLogger("mine").info("hello")
    with trace.get_tracer("mine").start_as_current_span("my own"):
        pass
    call.note(Turn("bot", "a secret", 0.5, 0.6, latencies_ms={"played": 300.0}))
    async for _frame in call.listen():
        return
'''

PARENT = f"00-{'ab' * 16}-{'cd' * 8}-01"


@contextlib.asynccontextmanager
async def serve(bot: Path, **variables: str) -> AsyncIterator[tuple[str, Any]]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bridge", "serve", "--traces", "--port", "0"),
        *("--json", "--log-format", "json", "--bot", f"{bot}:teller"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **variables},
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            facts = json.loads(await process.stdout.readline())
        yield facts["url"], process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def a_call(url: str, start: str, media: str) -> int | None:
    """Say one frame; returns how the bridge closed the socket."""
    async with connect(url) as socket:
        await socket.send(start)
        await socket.send(media)
        with contextlib.suppress(ConnectionClosed):
            async with asyncio.timeout(60):
                while True:
                    await socket.recv()
        return socket.close_code


async def stopped(process: Any) -> list[dict[str, Any]]:
    """What was logged, once the process has ended in time, and well."""
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(60):
        _stdout, stderr = await process.communicate()
    assert process.returncode == 0
    return [json.loads(line) for line in stderr.splitlines()]


async def test_a_call_becomes_a_trace(start: str, media: str, tmp_path: Path) -> None:
    """The one that its creator began; the bot's own spans and lines are part of it."""
    bot = tmp_path / "bot.py"
    bot.write_text(BOT)
    message = {**json.loads(start), "extra_headers": f"traceparent={PARENT}"}
    with receiving() as receiver:
        variables = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
            "OTEL_EXPORTER_OTLP_HEADERS": "api-key=123",
            "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
            "OTEL_SERVICE_NAME": "my-bridge",
        }
        async with serve(bot, **variables) as (url, process):
            assert await a_call(url, json.dumps(message), media) == 1000
            lines = await stopped(process)

    spans = receiver.spans
    assert set(spans) == {"call teller", "my own", "turn bot", "first audio"}
    assert {span.trace_id.hex() for span in spans.values()} == {"ab" * 16}
    root = spans["call teller"]
    assert root.parent_span_id.hex() == "cd" * 8
    assert spans["my own"].parent_span_id == root.span_id
    assert "secret" not in str(spans)
    assert receiver.headers[0]["api-key"] == "123"
    resource = str(receiver.resources[0].resource)
    assert "my-bridge" in resource
    assert "service.instance.id" in resource

    about_it = [line for line in lines if "stream_id" in line]
    assert [line["message"].partition(",")[0] for line in about_it] == [
        "call begins",
        "hello",
        "call ended: the bot finished",
    ]
    assert {line["trace_id"] for line in about_it} == {"ab" * 16}


async def test_a_collector_that_is_down_harms_no_call(
    start: str, media: str, tmp_path: Path
) -> None:
    """The call is as ever, and the process ends in good time."""
    bot = tmp_path / "bot.py"
    bot.write_text(BOT)
    # A port where nobody listens.
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
    async with serve(bot, **variables) as (url, process):
        for _number in range(3):
            assert await a_call(url, start, media) == 1000
        lines = await stopped(process)

    # What bridges warn of is the machine's, as being slow.
    errors = [line["logger"] for line in lines if line["level"] == "error"]
    assert {logger.partition(".")[0] for logger in errors} <= {"opentelemetry"}
