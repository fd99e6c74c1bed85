"""The life of a call, from both its ends."""

import asyncio
import gc
import logging
import weakref

import pytest

from bridge import Audio, Call, Ended, Gap
from bridge.audio.pcm import silence
from bridge.audio.tones import tone
from bridge.call.bot import Answer, InService
from bridge.call.pacing import Wheel
from bridge.call.session import MOST_ERRORS_IN_A_ROW, CallOptions, Session
from bridge.errors import MisuseError, ServiceError
from bridge.metrics import Metrics
from bridge.stream import messages
from bridge.stream.messages import Media, MediaBody, Side
from bridge.stream.protocol import StreamProtocol
from tests.fakes.far_end import FarEnd, calling


async def listen(call: Call) -> None:
    async for _frame in call.listen():
        pass


async def echo(call: Call) -> None:
    async for frame in call.listen():
        await call.speak(frame)


async def test_a_failing_bot_ends_its_call_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """1011, counted, logged with traceback and id; no other call notices."""

    async def fail(_call: Call) -> None:
        await asyncio.sleep(0.5)
        raise ZeroDivisionError("a bug")

    async with calling(echo) as healthy, calling(fail) as failing:
        await healthy.talk(tone(440, 2.0, 8000))

    assert failing.closed == (1011, "the bot failed")
    assert failing.metrics.bot_errors == {"fail": 1}
    assert failing.metrics.streams_ended == {"bot_error": 1}
    (record,) = [r for r in caplog.records if r.levelno == logging.ERROR]
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], ZeroDivisionError)
    assert record.__dict__["stream_id"] == failing.session.facts.stream_id
    assert healthy.metrics.bot_errors == {}
    assert healthy.buffer.dry_spells == []


async def test_what_failed_is_named_however_deep_it_was(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A bot may run task groups of its own; ours are sentences, without a trace."""

    async def fail(call: Call) -> None:
        async with asyncio.TaskGroup() as outer:

            async def inside() -> None:
                async with asyncio.TaskGroup() as inner:
                    inner.create_task(refuse())

            async def refuse() -> None:
                raise ServiceError("voice", "no audio came")

            outer.create_task(inside())

    async with calling(fail) as far_end:
        await asyncio.sleep(0.1)
        assert far_end.closed == (1011, "the bot failed")

    (line,) = [each for each in caplog.records if each.levelname == "ERROR"]
    assert line.getMessage() == "bot fail failed: voice: no audio came"
    assert line.exc_info is None


async def test_a_bot_that_returns_is_heard_to_the_end() -> None:
    """What it said last is played out before the call ends."""

    async def bye(call: Call) -> None:
        await call.speak(tone(440, 1.0, 16000))

    async with calling(bye) as far_end:
        await asyncio.sleep(3)

    assert far_end.buffer.played_samples == pytest.approx(8000, abs=30)
    assert far_end.closed == (1000, "the bot finished")


async def test_a_cancellation_from_within_is_a_failure() -> None:
    """A bot that awaits a cancelled task of its own does not leave the call mute."""

    async def careless(_call: Call) -> None:
        inner = asyncio.ensure_future(asyncio.sleep(100))
        await asyncio.sleep(0.1)
        inner.cancel()
        await inner

    async with calling(careless) as far_end:
        await asyncio.sleep(1)
        assert far_end.closed == (1011, "the bot failed")


async def test_a_bot_that_cancels_itself_has_failed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """As some do who mean to end; they would leave the call mute."""

    async def confused(_call: Call) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(100)

    async with calling(confused) as far_end:
        await asyncio.sleep(1)
        assert far_end.closed == (1011, "the bot failed")
    assert "the bot cancelled itself" in caplog.text


async def test_a_stop_ends_the_call() -> None:
    """Where the far end sends one."""
    async with calling(listen) as far_end:
        far_end.tell(messages.Stop(reason="hung up"))
        await asyncio.sleep(1)

        assert far_end.session.end_reason == "hung up"
        assert far_end.metrics.streams_ended == {"stop": 1}


async def test_a_bot_may_go_on_a_little_after_the_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """To write its notes; not for ever."""
    written: list[str] = []

    async def diligent(call: Call) -> None:
        await listen(call)
        await asyncio.sleep(2)
        written.append("notes")
        await asyncio.sleep(1000)

    async with calling(diligent):
        await asyncio.sleep(1)

    assert written == ["notes"]
    assert "goes on 5.0 s after the call ended: cancelled" in caplog.text
    assert asyncio.get_running_loop().time() == pytest.approx(6.0)


async def test_bad_messages_are_counted_and_the_stream_goes_on() -> None:
    """Malformed, odd, unknown, of another stream: the echo does not miss a frame."""
    bad = [
        b"",
        b"not json",
        b'{"event": "media", "media": {"payload": "AAA"}}',
        b'{"event": "media", "media": {"payload": "AAAA"}}',
        b'{"event": "media", "streamId": "other", "media": {"payload": "AAA="}}',
        b'{"event": "dtmf", "dtmf": {"digit": "Q"}}',
        b'{"event": "start", "start": {}}',
        b"\xff\xfe",
        b"x" * 70_000,
    ]
    async with calling(echo) as far_end:
        for number in range(50):
            far_end.say(tone(440, 0.02, 8000))
            far_end.session.receive(bad[number % len(bad)])
            far_end.session.receive(b'{"event": "muteStream"}')
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.2)

    assert far_end.metrics.stream_errors == 50
    assert far_end.metrics.frames_received == 50
    assert far_end.buffer.played_samples == 480 + 50 * 160
    assert far_end.buffer.dry_spells == []


async def test_a_stream_of_nothing_readable_is_ended() -> None:
    """After a hundred in a row; with 1007."""
    async with calling(listen) as far_end:
        for _ in range(MOST_ERRORS_IN_A_ROW):
            far_end.session.receive(b"noise")

        assert far_end.closed == (1007, "the far end sends nothing readable")


async def test_tracks_that_are_not_inbound_are_passed_over() -> None:
    """Some say that a bidirectional stream echoes what we say."""
    async with calling(listen) as far_end:
        body = MediaBody(payload=bytes(320), track="outbound")
        far_end.tell(Media(media=body))
        await asyncio.sleep(0.1)

    assert far_end.metrics.frames_received == 0


async def test_lost_and_repeated_frames_are_told_apart() -> None:
    """A gap is an event, a repetition is dropped, both are counted."""
    seen: list[object] = []

    async def watch(call: Call) -> None:
        async for event in call.events():
            seen.append(event)

    async with calling(watch) as far_end:
        for chunk in (1, 2, 2, 5):
            body = MediaBody(payload=bytes(320), track="inbound", chunk=chunk)
            far_end.tell(Media(media=body))
        await asyncio.sleep(0.1)
        far_end.session.receive(b'{"event": "clearedAudio", "sequenceNumber": 90}')
        await asyncio.sleep(0.1)

    assert [type(event) for event in seen] == [Audio, Audio, Gap, Audio, Ended]
    assert seen[2] == Gap(0.04, "lost on the way")
    assert far_end.metrics.gaps == {
        "audio missing": 1,
        "audio repeated": 1,
        "messages missing": 1,
    }


async def test_a_call_goes_on_over_a_new_socket() -> None:
    """Without a `start`; what the far end had queued is taken as lost (bolna#1050)."""
    async with calling(echo) as first:
        await first.talk(tone(440, 1.0, 8000))
        session = first.session
        assert session.detach(first)
        assert not session.is_attached
        assert "waiting for a socket" in repr(session)
        await asyncio.sleep(0.5)

        second = FarEnd()
        second._protocol = first._protocol
        second.session = session
        session.attach(second)
        await second.talk(tone(440, 1.0, 8000))
        await asyncio.sleep(0.1)

        assert second.sent_kinds().count("PlayAudio") >= 50
        assert session.end_reason == ""
        assert not session.detach(first)
    assert first.metrics.streams_resumed == 1


async def test_a_new_socket_replaces_one_that_hangs() -> None:
    """Half-dead sockets stay open; the newer one is right."""
    async with calling(echo) as first:
        second = FarEnd()
        second.session = first.session

        first.session.attach(second, StreamProtocol(Side.BRIDGE, first.session.start))

        assert first.closed == (1000, "the stream goes on elsewhere")
        assert not first.session.detach(first)


async def test_speech_waits_while_the_far_end_does_not_read() -> None:
    """Nothing piles up in the socket; afterwards the lead is sent."""

    async def talk(call: Call) -> None:
        await call.play(tone(440, 3.0, 16000)).done()

    far_end = FarEnd()
    far_end.is_writable = False
    async with calling(talk, far_end):
        await asyncio.sleep(1)
        assert far_end.sent_kinds().count("PlayAudio") == 1
        far_end.is_writable = True

        far_end.session.resume_writing()
        await asyncio.sleep(0.01)
        assert far_end.sent_kinds().count("PlayAudio") == 9
        far_end.session.pause_writing()
        await asyncio.sleep(1)
        assert far_end.sent_kinds().count("PlayAudio") == 9


async def test_a_server_that_stops_ends_its_calls() -> None:
    """1001 for the far end, `Ended` for the bot."""
    endings: list[object] = []

    async def watch(call: Call) -> None:
        try:
            async for event in call.events():
                endings.append(event)
        finally:
            endings.append("cleaned up")

    far_end = FarEnd()
    session = Session(
        far_end.start(),
        InService.of("watch", watch),
        far_end,
        Wheel(),
        Metrics(),
        CallOptions(),
    )
    running = asyncio.ensure_future(session.run())
    await asyncio.sleep(1)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert far_end.closed == (1001, "the server stopped")
    assert endings[-1] == "cleaned up"


@pytest.mark.parametrize("awaits", range(6))
async def test_cancelled_anywhere_a_call_leaves_nothing_behind(awaits: int) -> None:
    """No task runs on, whichever step the cancellation meets."""

    async def busy(call: Call) -> None:
        call.play(iter([tone(440, 0.5, 16000)] * 10))
        await call.speak(silence(320))
        await listen(call)

    before = asyncio.all_tasks()
    far_end = FarEnd()
    far_end.session = Session(
        far_end.start(),
        InService.of("busy", busy),
        far_end,
        Wheel(),
        Metrics(),
        CallOptions(),
    )
    running = asyncio.ensure_future(far_end.session.run())
    for _ in range(awaits):
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait({running})
    await asyncio.sleep(0.1)

    assert asyncio.all_tasks() == before
    assert far_end.closed is not None or awaits == 0


async def test_a_session_begins_with_a_start() -> None:
    """Before it there is no call."""
    with pytest.raises(MisuseError, match="begins with the stream's start"):
        Session(
            StreamProtocol(Side.BRIDGE),
            InService.of("echo", echo),
            FarEnd(),
            Wheel(),
            Metrics(),
            CallOptions(),
        )


async def greet(call: Call) -> None:
    await call.play([silence(1600)], "hello").done()
    call.interrupt()
    await call.speak(silence(1600))


async def linger(call: Call) -> None:
    call.play([silence(1600)] * 1000, "endless")
    await asyncio.sleep(1000)


@pytest.mark.parametrize("bot", [echo, greet, linger])
async def test_a_call_that_has_ended_is_freed_at_once(
    bot: Answer,
) -> None:
    """Memory of a server with many calls does not hang on the collector's mood."""
    gc.collect()
    gc.disable()
    try:
        async with calling(bot) as far_end:
            await far_end.talk(tone(440, 1.0, 8000))
            call = weakref.ref(far_end.session.call)
        # It is not the far end, a circle too, that is looked at.
        del far_end.session
        await asyncio.sleep(60)
        assert call() is None
    finally:
        gc.enable()
