"""What a bot does with a call, and what the far end then hears."""

import asyncio
from collections.abc import AsyncIterator
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import pytest

from bridge import Audio, Call, Certainty, Dtmf, Ended, Heard, MisuseError, Played
from bridge.audio import files as audio_files
from bridge.audio import resampling
from bridge.audio.alignment import align
from bridge.audio.pcm import Samples, silence
from bridge.audio.tones import tone
from bridge.call.options import CallOptions, PlaybackOptions
from bridge.stream import messages
from bridge.stream.content_type import CONTENT_TYPES, ContentType
from tests.fakes.far_end import STREAM_ID, FarEnd, calling


def speech() -> Samples:
    with as_file(files("bridge") / "data" / "speech" / "caller.wav") as path:
        return audio_files.read(path, 8000)


async def echo(call: Call) -> None:
    async for frame in call.listen():
        await call.speak(frame)


@pytest.mark.parametrize("content_type", CONTENT_TYPES, ids=str)
async def test_an_echo_comes_back_whole(content_type: ContentType) -> None:
    """In every content type, through both resamplers, without a hole."""
    sound = speech()
    if content_type.rate_hz != 8000:
        sound = resampling.resample(sound, 8000, content_type.rate_hz)
    async with calling(echo, FarEnd(content_type)) as far_end:
        await far_end.talk(sound)
        await asyncio.sleep(0.5)

    found = align(sound, far_end.all_heard(), content_type.rate_hz)

    assert found.correlation > 0.99
    assert found.slipped == 0
    assert 0.06 <= found.delay_s < 0.09
    assert far_end.buffer.dry_spells == []
    assert far_end.metrics.underruns == 0


async def test_a_call_knows_its_facts() -> None:
    """Those the far end gave with `start`."""
    seen: list[Call] = []

    async def look(call: Call) -> None:
        seen.append(call)
        async for _event in call.events():
            pass

    async with calling(look):
        await asyncio.sleep(0.1)
        (call,) = seen
        assert repr(call) == f"<Call {STREAM_ID} open 16000 Hz>"

    assert call.stream_id == STREAM_ID
    assert call.call_uuid == "12345678-1234-4234-8234-123456789abc"
    assert call.account_id == "MAXXXXXXXXXXXXXXXXXX"
    assert call.headers == {"caller": "test"}
    assert str(call.content_type) == "audio/x-l16;rate=8000"
    assert not call.is_open
    assert "ended" in repr(call)


async def test_events_come_in_order_and_end_with_the_end() -> None:
    """Audio, keys, what was played."""
    seen: list[object] = []

    async def watch(call: Call) -> None:
        call.play(tone(440, 0.1, 16000), name="beep")
        async for event in call.events():
            seen.append(event)

    async with calling(watch) as far_end:
        await asyncio.sleep(0.01)
        far_end.say(silence(160))
        far_end.tell(messages.Dtmf(dtmf=messages.DtmfBody(digit="5")))
        await asyncio.sleep(1)

    kinds = [type(event) for event in seen]
    assert kinds == [Audio, Dtmf, Played, Ended]
    audio = seen[0]
    assert isinstance(audio, Audio)
    assert (audio.start_samples, len(audio.samples)) == (0, 320)
    assert isinstance(seen[2], Played)
    assert seen[2].name == "beep"


async def test_a_bot_hears_and_speaks_at_its_own_rate() -> None:
    """It says which; all else follows."""
    lengths: set[int] = set()

    async def slow(call: Call) -> None:
        async for frame in call.listen():
            lengths.add(len(frame))

    slow.sample_rate_hz = 24000  # type: ignore[attr-defined]
    async with calling(slow) as far_end:
        await far_end.talk(silence(1600))

    assert lengths == {480}


async def test_a_file_is_played_and_heard_whole() -> None:
    """Whatever its rate; and confirmed by the far end."""
    outcome: list[Heard] = []

    async def announce(call: Call) -> None:
        with as_file(files("bridge") / "data" / "speech" / "greeting.wav") as path:
            outcome.append(await call.play(path).done())

    async with calling(announce) as far_end:
        await asyncio.sleep(5)

    (heard,) = outcome
    assert heard.complete
    assert heard.certainty is Certainty.CONFIRMED
    assert heard.duration_s == pytest.approx(3.29, abs=0.01)
    assert far_end.buffer.dry_spells == []


@pytest.mark.parametrize("is_async", [True, False])
async def test_samples_can_be_played_as_they_are_made(*, is_async: bool) -> None:
    """From a generator of either kind, faster than they are heard."""

    def pieces() -> "list[Samples]":
        return [tone(440, 0.25, 16000) for _ in range(8)]

    async def pieces_in_time() -> AsyncIterator[Samples]:
        for piece in pieces():
            await asyncio.sleep(0.1)
            yield piece

    async def speak(call: Call) -> None:
        source = pieces_in_time() if is_async else pieces()
        assert (await call.play(source).done()).samples == 32000

    async with calling(speak) as far_end:
        await asyncio.sleep(5)

    assert far_end.buffer.played_samples == pytest.approx(16000, abs=30)
    assert far_end.closed == (1000, "the bot finished")


async def test_an_interruption_stops_the_source_too() -> None:
    """A generator that never ends is closed."""
    closed: list[bool] = []

    async def forever() -> AsyncIterator[Samples]:
        try:
            while True:
                yield tone(440, 0.1, 16000)
        finally:
            closed.append(True)

    async def stop_soon(call: Call) -> None:
        playback = call.play(forever())
        await asyncio.sleep(1.0)
        heard = call.interrupt()
        assert await playback.done() == heard
        assert 0.9 < heard.duration_s <= 1.0
        await asyncio.sleep(1.0)

    async with calling(stop_soon) as far_end:
        await asyncio.sleep(3)

    assert closed == [True]
    assert far_end.buffer.played_samples == pytest.approx(8000, abs=200)


async def test_a_source_that_never_waits_ends_with_its_playback() -> None:
    """Also when the end comes just as there is room again: nobody else would run."""
    made = 0

    async def without_end() -> AsyncIterator[Samples]:
        nonlocal made
        while made < 1000:
            made += 1
            yield tone(440, 0.5, 16000)

    async def talk(call: Call) -> None:
        call.play(without_end())
        async for _event in call.events():
            pass

    async with calling(talk) as far_end:
        session = far_end.session
        await asyncio.sleep(1.0)
        # The feeder is awake, one step of the loop before the call's end is told to it.
        session._outbound._make_room()
        loop = asyncio.get_running_loop()
        loop.call_soon(session.end, "the end", "closed")
        await asyncio.sleep(1.0)

    assert made < 20


async def test_a_key_interrupts_and_what_was_heard_is_true() -> None:
    """The ledger and the far end agree within a frame and a half."""
    outcome: list[Heard] = []

    async def announce(call: Call) -> None:
        call.play(tone(440, 5.0, 16000), name="greeting")
        async for event in call.events():
            match event:
                case Dtmf():
                    call.interrupt()
                case Played(name="greeting", heard=heard):
                    outcome.append(heard)
                    return

    async with calling(announce, FarEnd(latency_s=0.005)) as far_end:
        await asyncio.sleep(2.5)
        far_end.tell(messages.Dtmf(dtmf=messages.DtmfBody(digit="1")))
        await asyncio.sleep(0.1)

    truth = far_end.buffer.played_samples * 2
    (heard,) = outcome
    assert heard.certainty is Certainty.BOUNDED
    assert truth - 3 * 320 <= heard.samples <= truth <= heard.at_most_samples + 320


async def test_the_first_ack_may_be_lost() -> None:
    """A farewell is neither cut nor does it hang (bolna#736)."""

    async def bye(call: Call) -> None:
        heard = await call.play(tone(440, 1.0, 16000)).done()
        assert heard.complete

    async with calling(bye, FarEnd(loses_ack=lambda number: number <= 2)) as far_end:
        await asyncio.sleep(3)

    assert far_end.buffer.played_samples == pytest.approx(8000, abs=30)
    assert far_end.closed == (1000, "the bot finished")


async def test_no_ack_at_all_hangs_nothing() -> None:
    """After a clear none comes, and some platforms send none (bolna#842)."""
    outcome: list[Heard] = []

    async def talk(call: Call) -> None:
        call.play(tone(440, 5.0, 16000))
        await asyncio.sleep(0.5)
        call.interrupt()
        outcome.append(await call.play(tone(440, 1.0, 16000)).done())

    async with calling(talk, FarEnd(loses_ack=lambda _number: True)) as far_end:
        await asyncio.sleep(5)

    assert outcome[0].complete
    assert outcome[0].certainty is Certainty.ESTIMATED
    assert far_end.closed is not None


async def test_a_checkpoint_comes_back_by_its_name() -> None:
    """Also where the same name is used twice."""
    names: list[str] = []

    async def mark(call: Call) -> None:
        await call.speak(tone(440, 0.5, 16000))
        call.checkpoint("half")
        await call.speak(tone(440, 0.5, 16000))
        call.checkpoint("half")
        async for event in call.events():
            if isinstance(event, Played):
                names.append(event.name)

    async with calling(mark):
        await asyncio.sleep(2)

    assert names == ["half", "half"]


async def test_a_checkpoint_that_was_not_reached_is_not_complete() -> None:
    """Nothing of nothing is all, but only where it was."""
    outcome: list[Heard] = []

    async def mark(call: Call) -> None:
        call.play(tone(440, 5.0, 16000))
        mark = call.checkpoint("after")
        await asyncio.sleep(1)
        call.interrupt()
        outcome.append(await mark.done())

    async with calling(mark):
        await asyncio.sleep(2)

    assert [heard.complete for heard in outcome] == [False]


async def test_speak_waits_when_enough_is_queued() -> None:
    """A synthesizer that is faster than speech is held back."""
    times: list[float] = []

    async def hurry(call: Call) -> None:
        for _ in range(6):
            await call.speak(tone(440, 1.0, 16000))
            times.append(asyncio.get_running_loop().time())

    async with calling(hurry):
        await asyncio.sleep(8)

    assert times[1] == 0.0
    assert times[2:] == pytest.approx([0.84, 1.84, 2.84, 3.84], abs=0.05)


async def test_keys_are_sent() -> None:
    """As one message; what is no key is refused."""

    async def press(call: Call) -> None:
        with pytest.raises(MisuseError, match="cannot press '12x': allowed are"):
            call.send_dtmf("12x")
        call.send_dtmf("12#")
        await asyncio.sleep(0.1)

    async with calling(press) as far_end:
        await asyncio.sleep(1)

    (sent,) = [m for m in far_end.received if isinstance(m, messages.SendDtmf)]
    assert sent.dtmf == "12#"


async def test_a_bot_can_hang_up() -> None:
    """At once; its own reading ends."""

    async def leave(call: Call) -> None:
        call.play(tone(440, 60.0, 16000))
        await asyncio.sleep(0.5)
        call.hang_up()
        assert [event async for event in call.events()][-1] == Ended(
            "hung up by the bot"
        )

    async with calling(leave) as far_end:
        await asyncio.sleep(1)
        assert far_end.closed == (1000, "hung up by the bot")


async def test_after_the_end_nothing_is_said_and_nothing_raised() -> None:
    """One production call in ten speaks once more (pipecat#2209)."""
    outcome: list[Heard] = []

    async def talkative(call: Call) -> None:
        async for _frame in call.listen():
            pass
        await call.speak(tone(440, 0.1, 16000))
        outcome.append(await call.play(tone(440, 0.1, 16000)).done())
        outcome.append(call.interrupt())
        call.send_dtmf("1")
        call.hang_up()

    async with calling(talkative) as far_end:
        await asyncio.sleep(0.1)

    assert [heard.samples for heard in outcome] == [0, 0]
    assert far_end.received == []


async def test_two_readers_would_rob_each_other() -> None:
    """So the second is told."""
    told: list[str] = []

    async def read_twice(call: Call) -> None:
        async def read() -> None:
            try:
                async for _event in call.events():
                    pass
            except MisuseError as error:
                told.append(str(error))

        await asyncio.gather(read(), read())

    async with calling(read_twice):
        await asyncio.sleep(0.1)

    assert told == ["this call's events are already being read"]


async def test_a_reader_may_stop_and_another_go_on() -> None:
    """Listening first and taking events then is no misuse."""
    seen: list[str] = []

    async def change(call: Call) -> None:
        async for _frame in call.listen():
            seen.append("frame")
            break
        async for event in call.events():
            seen.append(type(event).__name__)
            if isinstance(event, Audio):
                break
        async for _frame in call.listen():
            seen.append("frame")

    async with calling(change) as far_end:
        await far_end.talk(silence(480))

    assert seen == ["frame", "Audio", "frame"]
    assert far_end.metrics.bot_errors == {}


async def test_two_long_sources_follow_each_other() -> None:
    """The second waits for the first, and never the other way round."""

    async def sentences() -> AsyncIterator[Samples]:
        for _ in range(10):
            await asyncio.sleep(0.01)
            yield tone(440, 0.5, 16000)

    async def talk(call: Call) -> None:
        call.play(sentences())
        call.play(sentences())
        await call.speak(tone(440, 3.0, 16000))
        await call.checkpoint("").done()

    async with calling(talk) as far_end:
        await asyncio.sleep(20)

    assert far_end.buffer.played_samples == pytest.approx(13 * 8000, abs=60)
    assert far_end.buffer.dry_spells == []


@pytest.mark.parametrize(
    ("samples", "what"),
    [
        ([1, 2], "numpy array of int16, got list"),
        (b"12", "numpy array of int16, got bytes"),
        (np.zeros(4, np.float32), r"got float32 of shape \(4,\); from -1 to 1"),
        (np.zeros((4, 2), np.int16), r"got int16 of shape \(4, 2\)"),
    ],
    ids=["list", "bytes", "floats", "stereo"],
)
async def test_what_are_no_samples_is_said(samples: object, what: str) -> None:
    """With what would be."""

    async def wrong(call: Call) -> None:
        with pytest.raises(MisuseError, match=what):
            await call.speak(samples)  # type: ignore[arg-type]
        if isinstance(samples, np.ndarray):
            with pytest.raises(MisuseError, match=what):
                call.play(samples)

    async with calling(wrong) as far_end:
        await asyncio.sleep(1)
    assert sum(far_end.metrics.bot_errors.values()) == 0


async def test_what_cannot_be_played_is_said() -> None:
    """A number is no source."""

    async def wrong(call: Call) -> None:
        with pytest.raises(MisuseError, match="cannot play a int: allowed are"):
            call.play(5)  # type: ignore[arg-type]

    async with calling(wrong) as far_end:
        await asyncio.sleep(1)
    assert sum(far_end.metrics.bot_errors.values()) == 0


async def test_a_file_that_is_not_there_fails_the_bot() -> None:
    """As any exception of it does."""

    async def missing(call: Call) -> None:
        await call.play(Path("/nowhere/none.wav")).done()

    async with calling(missing) as far_end:
        await asyncio.sleep(1)

    assert far_end.metrics.bot_errors == {"missing": 1}
    assert far_end.closed == (1011, "the bot failed")


async def test_a_slow_bot_loses_the_oldest_audio_and_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Bounded memory, an honest gap."""
    gaps: list[float] = []

    async def slow(call: Call) -> None:
        async for event in call.events():
            if isinstance(event, Audio):
                await asyncio.sleep(3)
            elif not isinstance(event, Ended):
                gaps.append(event.duration_s)  # type: ignore[union-attr]

    options = CallOptions(playback=PlaybackOptions(), listen_s=1.0)
    async with calling(slow, options=options) as far_end:
        await far_end.talk(silence(8 * 8000))
        # While it happens, not when the call is over.
        assert far_end.metrics.frames_dropped > 100

    assert gaps
    assert caplog.text.count("listens more slowly than the caller speaks") == 1


@pytest.mark.parametrize("latency_s", [0.0, 0.04])
async def test_heard_is_the_truth_to_a_frame(latency_s: float) -> None:
    """200 interruptions at random moments, acks lost, and stale ones between.

    `samples` is never more than what the far end played, and `likely_s` is it to a
    frame, whatever the line's latency.
    """
    random = np.random.default_rng(11)
    heard: list[tuple[Heard, float]] = []
    end = FarEnd(latency_s=latency_s, loses_ack=lambda number: number % 3 == 0)

    async def bot(call: Call) -> None:
        # Once everything was acknowledged: until then the latency is a guess.
        for _ in range(4):
            await call.play(tone(440, 0.5, 16000)).done()
        for number in range(200):
            before = end.buffer.played_samples
            playback = call.play(tone(440, 5.0, 16000))
            await asyncio.sleep(float(random.uniform(0.05, 4.0)))
            if number % 4 == 0:
                name = f"{number}.x"
                end.tell(messages.PlayedStream(stream_id=STREAM_ID, name=name))
            call.interrupt()
            so_far = await playback.done()
            await asyncio.sleep(0.3)
            heard.append((so_far, (end.buffer.played_samples - before) / 8000))

    async with calling(bot, end):
        await asyncio.sleep(700)

    assert len(heard) == 200
    assert all(each.duration_s <= truth_s + 0.001 for each, truth_s in heard)
    assert max(abs(each.likely_s - truth_s) for each, truth_s in heard) <= 0.021
