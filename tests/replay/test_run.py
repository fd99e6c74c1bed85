"""Captured calls played again: the bridge's own server, in virtual time."""

import asyncio
from pathlib import Path

import pytest

from bridge import Call, Dtmf
from bridge.audio.tones import tone
from bridge.call.bot import InService
from bridge.call.options import CallOptions
from bridge.capture import Capture, Record, SocketEvent, read, write
from bridge.errors import UnavailableError
from bridge.replay import Manners, Replay, Story, Tolerances, compare, replay_at
from bridge.replay import replay_here as replay_once
from bridge.stream import messages
from tests.replay.made import (
    STREAM_ID,
    capture,
    closed,
    ended,
    got,
    played,
    quiet,
    said,
    speech,
)


async def echo(call: Call) -> None:
    async for frame in call.listen():
        await call.speak(frame)


def again(
    then: Capture,
    bot: object = echo,
    manners: Manners = Manners.RECORDED,
    **options: float | str,
) -> Story:
    def make() -> InService:
        return InService.of("bot", bot)  # type: ignore[arg-type]

    replay = Replay(Story(then), manners, options)
    return Story(replay_once(replay, "bot", make, is_virtual=True))


CALL = capture(quiet(0, 0.5), speech(0.5, 1), quiet(1.5, 2), closed(3.5))


def test_twice_the_same_bytes() -> None:
    """Virtual time has no jitter, and the file no clock."""
    first, second = (again(CALL).capture for _ in range(2))

    assert write(first) == write(second)
    assert len(first.records) > 300


def test_a_replay_of_a_replay_is_the_same() -> None:
    """It is a capture as any other."""
    first = again(CALL)
    second = again(first.capture)

    rows = compare(first, second, Tolerances())
    assert all(row.is_same for row in rows), rows
    assert first.sent_audio == second.sent_audio


def test_the_bot_hears_what_was_said_then() -> None:
    """At its time."""
    (span,) = again(CALL).our_spans

    assert span.begins_s == pytest.approx(0.58, abs=0.06)
    assert span.ends_s - span.begins_s == pytest.approx(1.0, abs=0.06)


def test_keys_and_the_stop_come_as_then() -> None:
    """In order, between the frames."""
    heard: list[object] = []

    async def note(call: Call) -> None:
        async for event in call.events():
            if isinstance(event, Dtmf):
                heard.append((event.digit, asyncio.get_running_loop().time()))

    then = capture(
        quiet(0, 3),
        got(1.0, messages.Dtmf(dtmf=messages.DtmfBody(digit="7"))),
        got(2.0, messages.Stop(reason="hung up")),
        ended(2.0),
    )
    told = again(then, note)

    assert heard == [("7", pytest.approx(1.0, abs=0.01))]
    assert told.end is not None
    assert told.end.code is None
    assert told.end.at_s == pytest.approx(2.0)


def test_a_bot_that_ends_the_call_ends_it() -> None:
    """With our code, though the capture goes on."""

    async def brief(call: Call) -> None:
        await call.speak(tone(440, 0.5, 16000))

    async def broken(_call: Call) -> None:
        await asyncio.sleep(1)
        raise ZeroDivisionError

    assert getattr(again(CALL, brief).end, "code", None) == 1000
    failed = again(CALL, broken).end
    assert failed is not None
    assert (failed.code, round(failed.at_s, 1)) == (1011, 1.0)


def test_a_bot_that_does_not_end_it_any_more_is_waited_for() -> None:
    """For a while; then the far end hangs up, and that is different."""
    then = capture(quiet(0, 1), ended(1.0, 1000))

    now = again(then)

    assert now.end is not None
    assert (now.end.code, round(now.end.at_s, 3)) == (None, 3.0)
    assert [r.what for r in compare(Story(then), now, Tolerances()) if not r.is_same]


def announce(heard: list[tuple[float, str]]):  # type: ignore[no-untyped-def]
    async def bot(call: Call) -> None:
        result = await call.play(tone(440, 1.0, 16000), name="hello").done()
        now_s = asyncio.get_running_loop().time()
        heard.append((now_s, result.certainty.value))
        async for _event in call.events():
            pass

    return bot


def test_the_model_answers_as_plivo_would() -> None:
    """When it is played, and as late as the line was then."""
    line = [
        Record(0.0, sent='{"event":"checkpoint","name":"x"}'),
        got(0.1, messages.PlayedStream(name="x", stream_id=STREAM_ID)),
    ]
    heard: list[tuple[float, str]] = []

    now = again(capture(line, quiet(0, 3), closed(3.0)), announce(heard), Manners.MODEL)

    assert [(round(t, 1), certainty) for t, certainty in heard] == [(1.1, "confirmed")]
    assert all(ack.late_s == pytest.approx(0.1, abs=0.03) for ack in now.acks)


def test_recorded_answers_come_when_they_came() -> None:
    """Never before they are asked for; those that were lost are lost again."""
    names = [ack.name for ack in again(CALL, announce([])).acks]
    asked = [
        Record(0.0, sent=f'{{"event":"checkpoint","name":"{name}"}}') for name in names
    ]
    heard: list[tuple[float, str]] = []
    late = capture(asked, [played(1.8, name) for name in names], closed(3.0))
    again(late, announce(heard))
    early = capture(asked, [played(0.01, name) for name in names], closed(3.0))
    now = again(early, announce(heard))
    lost = capture(asked, quiet(0, 3), closed(3.0))
    again(lost, announce(heard))

    assert [certainty for _t, certainty in heard] == [
        "estimated",
        "confirmed",
        "estimated",
    ]
    for ack in now.acks:
        assert ack.came_s is not None
        assert ack.came_s >= ack.sent_s


def test_a_call_goes_on_over_a_new_socket() -> None:
    """As it did then, without another start."""
    then = capture(
        speech(0.0, 1),
        Record(1.0, event=SocketEvent.BROKEN),
        Record(1.5, event=SocketEvent.ATTACHED),
        speech(1.5, 1),
        closed(2.5),
    )

    now = again(then)

    events = [record.event for record in now.capture.records if record.event]
    assert events == [
        SocketEvent.BROKEN,
        SocketEvent.ATTACHED,
        SocketEvent.CLOSED,
        SocketEvent.ENDED,
    ]
    assert now.our_spans[-1].ends_s > 2.3


def test_a_socket_may_be_replaced_while_it_is_open() -> None:
    """The old one is closed by us, and the call is not."""
    then = capture(
        speech(0.0, 1),
        Record(1.0, event=SocketEvent.ATTACHED),
        speech(1.0, 1),
        closed(2.0),
    )

    now = again(then)

    assert now.end is not None
    assert now.end.at_s == pytest.approx(2.0)
    assert now.our_spans[-1].ends_s > 1.8


def test_who_did_not_read_does_not_read_again() -> None:
    """What we have to say waits for them."""
    then = capture(
        speech(0.0, 3),
        Record(1.0, event=SocketEvent.PAUSED),
        Record(2.0, event=SocketEvent.RESUMED),
        closed(3.0),
    )

    times = [t for t, message in again(then).sent]

    assert not [t for t in times if 1.01 < t < 1.99]
    assert [t for t in times if t > 2.0]


def test_a_server_captures_what_happens_to_the_socket(tmp_path: Path) -> None:
    """Beside the messages of both ends, in order; with the code of a close."""
    events = [
        Record(1.0, event=SocketEvent.PAUSED),
        Record(1.2, event=SocketEvent.RESUMED),
        Record(1.4, event=SocketEvent.BROKEN),
        Record(1.6, event=SocketEvent.ATTACHED),
    ]
    again(
        capture(speech(0.0, 1), events, speech(1.6, 1), closed(3.0)),
        capture=str(tmp_path),
    )

    (path,) = tmp_path.iterdir()
    taken = read(path.read_bytes())
    happened = [record for record in taken.records if record.event]
    assert [record.event for record in happened] == [
        *(record.event for record in events),
        SocketEvent.CLOSED,
        SocketEvent.ENDED,
    ]
    assert happened[-2].code == 1000
    assert taken.is_complete
    assert Story(taken).sent_audio
    assert len(Story(taken).received) == 101


def test_what_was_unreadable_is_sent_as_it_was() -> None:
    """The bridge copes, as it did."""
    then = capture(
        speech(0.0, 1),
        Record(0.5, received="nonsense"),
        Record(0.6, received_bytes=b"\xff"),
        said(1.0, tone(440, 0.02, 8000)),
        closed(1.5),
    )

    now = again(then)

    assert now.received_errors == 2
    assert now.our_spans


def test_options_are_the_captured_ones_unless_given() -> None:
    """Those of a later version are passed over."""
    then = capture(quiet(0, 1))
    then.header.options = {"lead_s": 0.2, "farewell_s": 1.0, "mood": "good"}

    options = Replay(Story(then), options={"lead_s": 0.3}).call_options()

    assert isinstance(options, CallOptions)
    assert (options.playback.lead_s, options.farewell_s) == (0.3, 1.0)
    assert Replay(Story(capture())).call_options() == CallOptions()


async def test_nobody_there_is_said() -> None:
    """With the address."""
    replay = Replay(Story(CALL))
    for url in ("ws://127.0.0.1:1/stream", "ws://127.0.0.1:9/"):
        with pytest.raises(UnavailableError, match=url):
            await replay_at(replay, url, {})
