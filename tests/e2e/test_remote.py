"""Bots elsewhere, behind real sockets."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
from websockets.asyncio.server import ServerConnection, serve

from bridge.audio import g711
from bridge.audio.tones import tone
from bridge.bots import registry
from bridge.bots.remote import Remote
from bridge.errors import ConfigError
from tests.fakes.caller import STREAM_ID, calling
from tests.patience import PATIENCE_S, in_real_time, until

Handler = Callable[[ServerConnection], Awaitable[None]]


@asynccontextmanager
async def elsewhere(handler: Handler, **options: str) -> AsyncIterator[Remote]:
    """A bot elsewhere, and the bot here that hands calls to it."""
    async with serve(handler, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        given = {"url": f"ws://127.0.0.1:{port}/bot", **options}
        bot = registry.load("remote", given).answer
        assert isinstance(bot, Remote)
        yield bot


async def test_a_raw_bot_hears_and_speaks() -> None:
    """Samples both ways, events as JSON, marks when they are heard."""
    events: list[dict[str, Any]] = []
    received = bytearray()
    authorization: list[str | None] = []

    async def bot(socket: ServerConnection) -> None:
        assert socket.request is not None
        authorization.append(socket.request.headers.get("Authorization"))
        sound = tone(440, 0.5, 8000).astype("<i2").tobytes()
        await socket.send(sound)
        await socket.send(json.dumps({"type": "mark", "name": "said"}))
        await socket.send(json.dumps({"type": "turn", "who": "bot", "text": "Beep."}))
        await socket.send(json.dumps({"type": "dtmf", "digits": "1#"}))
        async for message in socket:
            if isinstance(message, bytes):
                received.extend(message)
                continue
            event = json.loads(message)
            events.append(event)
            if event["type"] == "dtmf":
                await socket.send(sound)
                await socket.send(json.dumps({"type": "hang_up"}))

    async with (
        elsewhere(bot, authorization="Bearer secret") as remote,
        calling(remote, {"caller": "test"}) as caller,
    ):
        caller.say(tone(300, 0.5, 8000))
        await caller.until(PATIENCE_S, 20)
        await until(lambda: any(event["type"] == "marked" for event in events))
        await until(
            lambda: (
                np.count_nonzero(np.abs(np.frombuffer(bytes(received), "<i2")) > 100)
                > 3500
            )
        )
        await caller.press("5")
        await until(caller.is_over.is_set)
        assert caller.sounds() == pytest.approx(50, abs=3)
        assert caller.lines() == ["bot: Beep."]
        assert caller.sent_keys == "1#"

    assert authorization == ["Bearer secret"]
    assert [event["type"] for event in events] == ["start", "marked", "dtmf", "end"]
    assert events[0]["stream_id"] == STREAM_ID
    assert events[0]["headers"] == {"caller": "test"}
    assert events[0]["sample_rate_hz"] == 8000
    assert events[1]["name"] == "said"
    heard = np.frombuffer(bytes(received), "<i2")
    assert 3500 < np.count_nonzero(np.abs(heard) > 100) < 4100


@in_real_time
async def test_a_raw_bot_clears_a_burst() -> None:
    """What waits is dropped, and it is told what was heard."""
    cleared: list[dict[str, Any]] = []

    async def bot(socket: ServerConnection) -> None:
        await socket.send(tone(440, 20.0, 8000).astype("<i2").tobytes())
        await socket.send(json.dumps({"type": "mark", "name": "never"}))
        await asyncio.sleep(1.0)
        await socket.send(json.dumps({"type": "clear"}))
        async for message in socket:
            if isinstance(message, str) and json.loads(message)["type"] != "start":
                cleared.append(json.loads(message))

    async with elsewhere(bot) as remote, calling(remote) as caller:
        await caller.until(PATIENCE_S, 20)
        await asyncio.sleep(1.5)
        assert caller.sounds() < 65

    assert cleared[0]["type"] == "cleared"
    assert cleared[0]["heard_ms"] == pytest.approx(900, abs=300)
    assert [event["type"] for event in cleared] == ["cleared", "end"]


async def test_what_a_raw_bot_says_wrong_ends_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is logged."""

    async def bot(socket: ServerConnection) -> None:
        for wrong in (
            "{",
            "[]",
            "{}",
            '{"type": "mark"}',
            '{"type": "dtmf", "digits": "x"}',
        ):
            await socket.send(wrong)
        await socket.send(b"odd")
        await socket.send(tone(440, 0.4, 8000).astype("<i2").tobytes())
        async for _message in socket:
            pass

    async with elsewhere(bot) as remote, calling(remote) as caller:
        await caller.until(PATIENCE_S, 18)
    for text in ("no whole samples", "no event of type", "cannot press"):
        assert text in caplog.text


async def test_a_bot_that_says_all_and_goes_is_heard_to_its_end() -> None:
    """Then the call ends."""

    async def bot(socket: ServerConnection) -> None:
        for _ in range(4):
            await socket.send(tone(440, 1.0, 8000).astype("<i2").tobytes())

    async with elsewhere(bot) as remote, calling(remote) as caller:
        await until(caller.is_over.is_set)
        assert caller.sounds() == pytest.approx(200, abs=4)


async def test_a_bot_that_is_not_there_ends_the_call() -> None:
    """As a bot that failed."""
    remote = Remote(Remote.Options(url="ws://127.0.0.1:1/"))
    async with calling(remote) as caller:
        await until(caller.is_over.is_set)
        assert caller.server.metrics.bot_errors == {"bot": 1}


def play(samples: np.ndarray, content_type: str, rate_hz: int, **more: Any) -> str:
    data = (
        g711.ulaw_encode(samples)
        if "mulaw" in content_type
        else samples.astype("<i2").tobytes()
    )
    payload = base64.b64encode(data).decode()
    media = {"contentType": content_type, "sampleRate": rate_hz, "payload": payload}
    return json.dumps({"event": "playAudio", "media": media, **more})


@pytest.mark.parametrize(
    "content_type", ["audio/x-l16;rate=8000", "audio/x-mulaw;rate=8000"]
)
async def test_a_plivo_server_runs_behind_the_bridge_unchanged(
    content_type: str,
) -> None:
    """`start`, media, keys, checkpoints, clearing, in Plivo's own words."""
    events: list[dict[str, Any]] = []

    async def bot(socket: ServerConnection) -> None:
        kind, _, rate = content_type.partition(";rate=")
        async for text in socket:
            event = json.loads(text)
            if event["event"] != "media" or len(events) < 3:
                events.append(event)
            if event["event"] == "start":
                await socket.send(play(tone(440, 0.5, int(rate)), kind, int(rate)))
                # Another type than it was offered is as good.
                await socket.send(play(tone(440, 0.5, 16000), "audio/x-l16", 16000))
                await socket.send(json.dumps({"event": "checkpoint", "name": "one"}))
            elif event["event"] == "playedStream":
                await socket.send(json.dumps({"event": "sendDTMF", "dtmf": "42"}))
                for _ in range(20):
                    await socket.send(play(tone(440, 1.0, 8000), "audio/x-l16", 8000))
                await socket.send(json.dumps({"event": "checkpoint", "name": "never"}))
            elif event["event"] == "dtmf":
                await socket.send(
                    json.dumps({"event": "clearAudio", "streamId": event["streamId"]})
                )

    async with (
        elsewhere(bot, protocol="plivo", content_type=content_type) as remote,
        calling(remote, {"caller": "test"}) as caller,
    ):
        caller.say(tone(300, 1.0, 8000))
        await caller.until(PATIENCE_S, 70)
        await caller.press("7")
        await until(lambda: any(each["event"] == "clearedAudio" for each in events))
        await asyncio.sleep(0.5)
        sounds = caller.sounds()
        await asyncio.sleep(0.5)
        assert caller.sounds() == sounds
        assert caller.sent_keys == "42"

    kinds = [event["event"] for event in events if event["event"] != "media"]
    assert kinds == ["start", "playedStream", "dtmf", "clearedAudio", "stop"]
    start = events[0]
    encoding, _, rate = content_type.partition(";rate=")
    assert start["start"]["mediaFormat"] == {
        "encoding": encoding,
        "sampleRate": int(rate),
    }
    assert "caller" in start["extra_headers"]
    media = next(event for event in events if event["event"] == "media")
    size = 160 if "mulaw" in content_type else 320
    assert len(base64.b64decode(media["media"]["payload"])) == size


async def test_what_a_plivo_server_says_wrong_ends_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is logged; `stop` ends the call once all was heard."""

    async def bot(socket: ServerConnection) -> None:
        await socket.recv()
        for wrong in (
            "{",
            '{"event": "fly"}',
            play(tone(440, 0.1, 8000), "audio/ogg", 8000),
        ):
            await socket.send(wrong)
        await socket.send(play(tone(440, 1.0, 8000), "raw", 8000))
        await socket.send(json.dumps({"event": "stop", "streamId": STREAM_ID}))
        await socket.wait_closed()

    async with (
        elsewhere(bot, protocol="plivo") as remote,
        calling(remote) as caller,
    ):
        await until(caller.is_over.is_set)
        assert caller.sounds() == pytest.approx(50, abs=3)
    assert caplog.text.count("remote bot: <") == 3


def test_a_raw_line_carries_samples() -> None:
    """No mu-law."""
    with pytest.raises(ConfigError, match="audio/x-l16"):
        registry.load(
            "remote", {"url": "ws://x", "content_type": "audio/x-mulaw;rate=8000"}
        )
