"""Plivo's side of the stream, against servers that behave and that do not."""

import asyncio
import base64
import contextlib
import functools
import io
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import numpy as np
import pytest
import soundfile
from pydantic import SecretStr
from websockets.asyncio.server import ServerConnection, serve

from bridge.audio import tones
from bridge.audio.g711 import ulaw_encode
from bridge.audio.levels import rms_dbfs
from bridge.audio.pcm import Samples, silence
from bridge.audio.tones import tone
from bridge.engine import ai_leg
from bridge.engine.ai_leg import AiLeg, AiLegOptions
from bridge.errors import UnavailableError
from bridge.multiparty.callbacks import StreamState
from bridge.multiparty.signatures import upgrade_signature
from bridge.stream.content_type import ContentType
from bridge.tasks import background
from tests.patience import PATIENCE_S, until

PLAY = '{"event": "playAudio", "media": {"payload": "AAAA"%s}}'
CALL = "12345678-1234-4234-8234-123456789abc"


class Rig:
    """A leg, ticked every 20 ms, and what its server got."""

    def __init__(self, leg: AiLeg) -> None:
        self.leg = leg
        self.said: list[Samples] = []
        self.is_up = asyncio.Event()
        self.is_down = asyncio.Event()
        self.keys = ""

    async def live(self) -> None:
        try:
            await self.leg.run(self.is_up.set)
        finally:
            self.is_down.set()

    async def tick(self, count: int = 1) -> None:
        for _ in range(count):
            self.said.append(self.leg.say())
            self.leg.hear(silence(160))
            await asyncio.sleep(0.005)


def plain_leg(url: str, *, reconnects: bool = False) -> AiLeg:
    options = AiLegOptions("MA", reconnects=reconnects)
    return AiLeg(url, ContentType("audio/x-l16", 8000), "", CALL, options)


@contextlib.asynccontextmanager
async def leg_to(
    handler: Callable[[ServerConnection], Awaitable[None]],
    content_type: str = "audio/x-l16;rate=8000",
) -> AsyncIterator[Rig]:
    async with serve(handler, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        leg = AiLeg(
            f"ws://127.0.0.1:{port}/x",
            ContentType.parse(content_type),
            "a=1",
            CALL,
            AiLegOptions("MA"),
        )
        rig = Rig(leg)

        def keys(digits: str) -> None:
            rig.keys += digits

        leg.on_keys = keys
        async with background(leg=rig.live()):
            await until(rig.is_up.is_set)
            yield rig
            leg.hang_up()
            await until(rig.is_down.is_set)


async def test_it_sends_what_plivo_documents() -> None:
    """`start` with real UUIDs, then numbered frames, each with its headers."""
    got: list[dict[str, Any]] = []

    async def take(socket: ServerConnection) -> None:
        async for text in socket:
            assert isinstance(text, str)
            got.append(json.loads(text))

    async with leg_to(take, "audio/x-mulaw;rate=8000") as rig:
        await rig.tick(3)
        rig.leg.press("5")
        await until(lambda: len(got) == 5)

    start, first, _second, third, key = got
    assert start["start"] == {
        "callId": CALL,
        "streamId": rig.leg.stream_id,
        "accountId": "MA",
        "tracks": ["inbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000},
    }
    assert (start["extra_headers"], start["sequenceNumber"]) == ("a=1", 1)
    assert [m["sequenceNumber"] for m in got] == [1, 2, 3, 4, 5]
    assert first["media"]["payload"] == base64.b64encode(b"\xff" * 160).decode()
    assert (first["media"]["chunk"], third["media"]["chunk"]) == (1, 3)
    stamps = [int(m["media"]["timestamp"]) for m in (first, third)]
    assert stamps[1] - stamps[0] == 40
    assert stamps[0] > 1_600_000_000_000
    assert key["dtmf"]["digit"] == "5"
    assert all(m["streamId"] == rig.leg.stream_id for m in got[1:])


async def test_every_spelling_of_audio_is_played() -> None:
    """Strings for rates, `;rate=`, another codec in between, a WAV, nothing at all."""
    sound = tone(440, 0.02, 8000)
    wav = io.BytesIO()
    soundfile.write(wav, sound, 8000, format="WAV")
    l16 = base64.b64encode(sound.tobytes()).decode()
    bodies = [
        {"contentType": "audio/x-l16", "sampleRate": 8000, "payload": l16},
        {"contentType": "audio/x-l16", "sampleRate": "8000", "payload": l16},
        {"contentType": "audio/x-l16;rate=8000", "payload": l16},
        {"payload": l16},
        {
            "contentType": "audio/x-mulaw;rate=8000",
            "sampleRate": 8000,
            "payload": base64.b64encode(ulaw_encode(sound)).decode(),
        },
        {"contentType": "wav", "payload": base64.b64encode(wav.getvalue()).decode()},
    ]

    async def speak(socket: ServerConnection) -> None:
        for body in bodies:
            await socket.send(json.dumps({"event": "playAudio", "media": body}))
        await socket.wait_closed()

    async with leg_to(speak) as rig:
        await until(lambda: rig.leg.far_buffer.queued_samples == 6 * 160)
        await rig.tick(7)

    levels = [rms_dbfs(frame) for frame in rig.said]
    assert levels[:6] == pytest.approx([rms_dbfs(sound)] * 6, abs=0.3)
    assert levels[6] == -96.0
    assert rig.leg.stream_errors == 0


async def test_other_rates_are_converted() -> None:
    """A 16 kHz stream is heard at 8 kHz, and the other way round."""
    sizes: set[int] = set()

    async def speak(socket: ServerConnection) -> None:
        sound = tone(440, 0.1, 16000)
        payload = base64.b64encode(sound.tobytes()).decode()
        body = {"contentType": "audio/x-l16", "sampleRate": 16000, "payload": payload}
        await socket.send(json.dumps({"event": "playAudio", "media": body}))
        async for text in socket:
            message = json.loads(text)
            if message["event"] == "media":
                sizes.add(len(base64.b64decode(message["media"]["payload"])))

    async with leg_to(speak, "audio/x-l16;rate=16000") as rig:
        await until(lambda: rig.leg.far_buffer.queued_samples == 800)
        await rig.tick(5)
        await until(lambda: sizes)

    heard = np.concatenate(rig.said)
    assert rms_dbfs(heard[80:]) == pytest.approx(
        rms_dbfs(tone(440, 0.1, 8000)), abs=0.3
    )
    assert sizes == {640}


async def test_checkpoints_clears_and_keys() -> None:
    """Acked when played, never after a clear; keys are heard and told."""
    got: list[tuple[str, str | None]] = []

    async def script(socket: ServerConnection) -> None:
        payload = base64.b64encode(tone(440, 0.1, 8000).tobytes()).decode()
        play = {"event": "playAudio", "media": {"payload": payload}}
        for message in (
            {"event": "checkpoint", "name": "empty"},
            play,
            {"event": "checkpoint", "name": "played"},
            play,
            {"event": "checkpoint", "name": "cleared"},
            {"event": "sendDTMF", "dtmf": "12"},
        ):
            await socket.send(json.dumps(message))
        async for text in socket:
            message = json.loads(text)
            if message["event"] not in ("media", "start"):
                got.append((message["event"], message.get("name")))
            if message.get("name") == "played":
                await socket.send('{"event": "clearAudio"}')

    async with leg_to(script) as rig:
        await until(lambda: rig.keys == "12")
        await rig.tick(5)
        # What was to be heard next is cleared before it is.
        await until(lambda: not rig.leg.far_buffer.queued_samples)
        await rig.tick(5)
        await until(lambda: len(got) == 3)

    assert got == [
        ("playedStream", "empty"),
        ("playedStream", "played"),
        ("clearedAudio", None),
    ]
    assert rig.keys == "12"
    assert [frame.any() for frame in rig.said] == [True] * 5 + [False] * 5


async def test_a_server_that_errs_without_end_does_not_fill_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """All are counted; told are the first, and when there are twice as many."""

    async def err(socket: ServerConnection) -> None:
        for _ in range(100):
            await socket.send("what?")
        await socket.wait_closed()

    async with leg_to(err) as rig:
        await until(lambda: rig.leg.stream_errors == 100)
    told = [each for each in caplog.messages if "< error" in each]
    assert len(told) == 16 + 2
    assert "< error 64: " in told[-1]


async def test_keys_are_heard_one_after_another() -> None:
    """Also those of a second message; too many for the engine's time are refused."""

    async def press(socket: ServerConnection) -> None:
        for keys in ("1", "2", "3" * 299, "4"):
            await socket.send(json.dumps({"event": "sendDTMF", "dtmf": keys}))
        await socket.wait_closed()

    async with leg_to(press) as rig:
        await until(lambda: rig.keys == "124")
        await rig.tick(30)

    heard = np.concatenate(rig.said)
    keys = [tones.dtmf(key, 8000) for key in "124"]
    begin = int(np.flatnonzero(heard)[0])
    expected = np.concatenate(keys)
    # A tone begins with a sample that is nothing.
    assert np.array_equal(heard[begin - 1 :][: len(expected)], expected)
    assert rig.leg.stream_errors == 1


async def test_bad_messages_are_counted_and_it_goes_on() -> None:
    """Unreadable, unknown, of another stream, half samples, no WAV, too much."""
    loud = base64.b64encode(tone(440, 2.0, 8000).tobytes()).decode()

    async def misbehave(socket: ServerConnection) -> None:
        for text in (
            "noise",
            b"binary",
            '{"event": "mark"}',
            '{"event": "clearAudio", "streamId": "other"}',
            PLAY % "",
            PLAY % ', "contentType": "wav"',
            PLAY % ', "contentType": "x"',
        ):
            await socket.send(text)
        for _ in range(31):
            await socket.send(
                json.dumps({"event": "playAudio", "media": {"payload": loud}})
            )
        await socket.wait_closed()

    async with leg_to(misbehave) as rig:
        await until(lambda: rig.leg.stream_errors >= 8)
        await rig.tick(1)

    assert rig.leg.stream_errors == 8
    assert rig.leg.far_buffer.dropped_samples == 16000
    assert rig.said[0].any()


@pytest.mark.parametrize("how", ["close", "stop", "abort"])
async def test_the_leg_goes_down_with_its_server(how: str) -> None:
    """However the server leaves."""

    async def leave(socket: ServerConnection) -> None:
        await socket.recv()
        if how == "stop":
            await socket.send('{"event": "stop"}')
            await socket.wait_closed()
        elif how == "abort":
            socket.transport.abort()

    async with leg_to(leave) as rig:
        await until(rig.is_down.is_set)
        await rig.tick(2)
        assert "AiLeg" in repr(rig.leg)


async def test_three_attempts_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the leg fails, and says why."""
    monkeypatch.setattr(ai_leg, "RETRY_S", 0.01)
    attempts = 0

    async def refuse(
        _reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        nonlocal attempts
        attempts += 1
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    leg = plain_leg(f"ws://127.0.0.1:{port}/")
    with pytest.raises(UnavailableError, match="connect stream: no answer"):
        await leg.run(lambda: None)
    server.close()
    await server.wait_closed()
    assert attempts == 3


async def test_an_address_that_is_none_fails_at_once() -> None:
    """No second attempt could help."""
    leg = plain_leg("ws://")

    with pytest.raises(UnavailableError, match="ws://"):
        await leg.run(lambda: None)


async def test_hung_up_while_it_connects_it_never_starts() -> None:
    """The room is over before the server answers."""
    got: list[object] = []

    async def take(socket: ServerConnection) -> None:
        got.extend([message async for message in socket])

    async with serve(take, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        leg = plain_leg(f"ws://127.0.0.1:{port}/")
        leg.hang_up()
        await leg.run(lambda: got.append("answered"))
    assert got == []


async def test_a_server_that_never_reads_is_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After as much as Plivo keeps."""
    monkeypatch.setattr(ai_leg, "SEND_QUEUE_S", 0.2)
    is_over = asyncio.Event()

    async def sleep(socket: ServerConnection) -> None:
        socket.transport.pause_reading()
        await is_over.wait()
        socket.transport.abort()

    async with leg_to(sleep) as rig:
        async with asyncio.timeout(50):
            while not rig.is_down.is_set():
                for _ in range(500):
                    rig.leg.hear(silence(160))
                await asyncio.sleep(0)
        is_over.set()


async def test_its_upgrade_is_signed() -> None:
    """As a GET of the URL with the scheme http, port and query as dialled."""
    got: list[Any] = []

    async def take(socket: ServerConnection) -> None:
        assert socket.request is not None
        got.append((socket.request.headers, socket.request.path))
        await socket.wait_closed()

    async with serve(take, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        url = f"ws://127.0.0.1:{port}/s?room=42"
        leg = AiLeg(
            url,
            ContentType("audio/x-l16", 8000),
            "",
            CALL,
            AiLegOptions("MA", SecretStr("secret")),
        )
        leg_is_up = asyncio.Event()
        async with background(leg=leg.run(leg_is_up.set)):
            await leg_is_up.wait()
            leg.hang_up()
            await asyncio.sleep(0.1)
    ((headers, path),) = got
    assert path == "/s?room=42"
    assert upgrade_signature(dict(headers.raw_items()), "secret", url)
    assert upgrade_signature(dict(headers.raw_items()), "other", url) is None


def states_of(leg: AiLeg) -> list[tuple[StreamState, str]]:
    told: list[tuple[StreamState, str]] = []
    leg.on_state = lambda state, facts: told.append((state, facts.get("reason", "")))
    return told


async def test_a_stream_that_ends_well_is_told() -> None:
    """Started and stopped."""

    async def take(socket: ServerConnection) -> None:
        async for _ in socket:
            pass

    async with leg_to(take) as rig:
        told = states_of(rig.leg)
        await rig.tick(2)
    assert told == [(StreamState.STOPPED, "completed")]


async def test_a_socket_that_breaks_is_told_and_ends_the_leg() -> None:
    """Dropped; unless it is connected anew."""
    sockets = 0

    async def drop(socket: ServerConnection) -> None:
        nonlocal sockets
        sockets += 1
        await socket.recv()
        if sockets == 1:
            socket.transport.abort()
        else:
            await socket.wait_closed()

    for reconnects in (False, True):
        sockets = 0
        async with serve(drop, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            leg = plain_leg(f"ws://127.0.0.1:{port}/", reconnects=reconnects)
            told = states_of(leg)
            answers = itertools.count()
            async with background(leg=leg.run(functools.partial(next, answers))):
                while len(told) < 2:
                    # Also while there is no socket.
                    leg.hear(silence(160))
                    await asyncio.sleep(0.02)
                leg.hang_up()
                while reconnects and len(told) < 3:
                    await asyncio.sleep(0.01)
        assert next(answers) == 1
        states = [state for state, _ in told]
        if reconnects:
            assert states == [
                StreamState.STARTED,
                StreamState.STARTED,
                StreamState.STOPPED,
            ]
        else:
            assert told[-1] == (StreamState.DROPPED, "connection_failed")
        assert sockets == 1 + reconnects


async def test_a_server_that_cannot_be_reached_is_told() -> None:
    """Dropped, with why."""
    leg = plain_leg("ws://127.0.0.1:1/")
    told = states_of(leg)
    with pytest.raises(UnavailableError):
        await leg.run(lambda: None)
    assert told == [(StreamState.DROPPED, "connection_failed")]


async def test_unsent_audio_is_told_as_it_piles_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At 30, 60 and 90 %."""
    monkeypatch.setattr(ai_leg, "SEND_QUEUE_S", 2.0)
    leg = plain_leg("ws://127.0.0.1:1/")
    told = states_of(leg)
    leg._start()
    for _ in range(100):
        leg.hear(silence(160))
    reasons = [reason for state, reason in told if state is StreamState.DEGRADED]
    assert reasons == ["buffer 30% full", "buffer 60% full", "buffer 90% full"]


async def test_a_hang_up_between_two_sockets_is_kept() -> None:
    """The leg does not come back to life."""
    sockets = 0

    async def drop(socket: ServerConnection) -> None:
        nonlocal sockets
        sockets += 1
        await socket.recv()
        socket.transport.abort()

    async with serve(drop, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        leg = plain_leg(f"ws://127.0.0.1:{port}/", reconnects=True)
        states = states_of(leg)

        async def live() -> None:
            async with asyncio.timeout(PATIENCE_S):
                await leg.run(lambda: None)

        async with background(leg=live()):
            while not leg._is_broken:
                await asyncio.sleep(0)
            leg.hang_up()
            await until(lambda: states[-1][0] is StreamState.STOPPED)
            await asyncio.sleep(0.3)
    assert sockets == 1
    assert states[-1][0] is StreamState.STOPPED
