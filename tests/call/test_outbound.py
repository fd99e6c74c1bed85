"""Speech on its way out: paced, bounded, interruptible."""

import asyncio
import base64

import numpy as np
import pytest

from bridge.audio.pcm import Samples, silence
from bridge.audio.tones import tone
from bridge.call.events import Played
from bridge.call.heard import Certainty
from bridge.call.options import PlaybackOptions
from bridge.call.outbound import Outbound
from bridge.call.pacing import Wheel
from bridge.call.playback import Playback
from bridge.errors import ConfigError
from bridge.metrics import Metrics
from bridge.stream.content_type import DEFAULT_CONTENT_TYPE
from bridge.stream.messages import (
    Checkpoint,
    ClearAudio,
    Message,
    PlayAudio,
    PlayAudioBody,
)
from bridge.virtual_time import VirtualLoop


class Rig:
    """An outbound side whose messages are kept with their times."""

    def __init__(self, **options: float) -> None:
        self.metrics = Metrics()
        self.out = Outbound(
            DEFAULT_CONTENT_TYPE,
            8000,
            PlaybackOptions(**options),
            Wheel(),
            self.metrics,
        )
        self.sent: list[tuple[float, Message]] = []
        self.played: list[Played] = []
        loop = asyncio.get_running_loop()
        self.out.on_message = lambda message: self.sent.append((loop.time(), message))
        self.out.on_audio = lambda payload: self.out.on_message(
            PlayAudio(media=PlayAudioBody(bytes(payload)))
        )
        self.out.on_played = self.played.append

    def head(self, size: int) -> bytes:
        raise AssertionError("the session has asked")

    def send_framed(self, message: bytes) -> None:
        payload = base64.b64decode(message[1:-1])
        self.out.on_message(PlayAudio(media=PlayAudioBody(payload)))

    def run(self) -> None:
        """Let frames of running speech go the short way."""
        self.out.on_run = lambda: (b"<", b">", self)

    def play(self, samples: Samples, name: str = "") -> Playback:
        playback = self.out.new(name)
        playback.add(samples)
        playback.is_complete = True
        self.out.pump()
        return playback

    def audio(self) -> list[tuple[float, int]]:
        return [
            (at_s, len(message.media.payload) // 2)
            for at_s, message in self.sent
            if isinstance(message, PlayAudio)
        ]

    def checkpoints(self) -> list[str]:
        return [m.name for _, m in self.sent if isinstance(m, Checkpoint)]

    def ahead_s(self, at_s: float) -> float:
        """How much more was sent by a time than can have been played."""
        sent = sum(count for when_s, count in self.audio() if when_s <= at_s)
        return sent / 8000 - at_s


async def test_the_lead_is_sent_at_once_and_the_rest_in_time() -> None:
    """160 ms, then a frame every 20 ms."""
    rig = Rig()
    rig.play(tone(440, 1.0, 8000))

    await asyncio.sleep(2)

    times = [at_s for at_s, _ in rig.audio()]
    assert times[:8] == [0.0] * 8
    assert np.diff(times[8:]) == pytest.approx(0.02, abs=0.0011)
    assert sum(count for _, count in rig.audio()) == 8000


async def test_an_hour_does_not_drift() -> None:
    """The lead is the same at the end, to a frame; and never more than the lead."""
    rig = Rig()
    playback = rig.out.new()
    second = silence(8000)
    playback.add(second)

    for _ in range(3600):
        playback.add(second)
        rig.out.pump()
        await asyncio.sleep(1)

    leads = [rig.ahead_s(at_s) for at_s in (10.0, 1800.0, 3599.0)]
    assert leads == pytest.approx([0.16] * 3, abs=0.021)
    assert len(rig.audio()) == pytest.approx(180_000, abs=8)
    assert rig.metrics.underruns == 0


async def test_after_a_stall_no_more_than_the_lead_is_caught_up() -> None:
    """A burst would only make an interruption late."""
    rig = Rig()
    rig.play(tone(440, 3.0, 8000))
    await asyncio.sleep(0.5)
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    loop.spend(1.0)

    await asyncio.sleep(0.001)

    burst = [at_s for at_s, _ in rig.audio() if at_s > 1.4]
    assert len(burst) == 8
    assert rig.metrics.underruns == 1


async def test_live_speech_gets_a_cushion_of_silence() -> None:
    """Once, so that jitter of its size starves nobody."""
    rig = Rig()
    for _ in range(50):
        rig.out.speak(tone(440, 0.02, 8000))
        await asyncio.sleep(0.02)

    counts = [count for _, count in rig.audio()]
    assert counts == [480, *[160] * 50]
    assert rig.metrics.underruns == 0


async def test_speech_that_is_ready_gets_none() -> None:
    """It has its own lead."""
    rig = Rig()
    rig.out.speak(tone(440, 0.2, 8000))

    assert [count for _, count in rig.audio()] == [160] * 8


async def test_jitter_of_the_cushions_size_is_heard_by_nobody() -> None:
    """Frames up to 50 ms late; no underrun."""
    rig = Rig()
    for number in range(100):
        await asyncio.sleep(0.02 if number % 10 else 0.07)
        rig.out.speak(tone(440, 0.02, 8000))
        if number % 10 == 1:
            rig.out.speak(tone(440, 0.05, 8000))

    assert rig.metrics.underruns == 0


async def test_a_hole_in_speech_is_an_underrun_and_a_pause_is_none() -> None:
    """Half a second tells them apart."""
    rig = Rig()
    rig.out.speak(tone(440, 0.02, 8000))
    await asyncio.sleep(0.3)
    rig.out.speak(tone(440, 0.02, 8000))
    await asyncio.sleep(5)
    rig.out.speak(tone(440, 0.02, 8000))

    assert rig.metrics.underruns == 1
    assert [count for _, count in rig.audio()].count(480) == 3


async def test_parts_of_frames_wait_for_the_rest_but_not_too_long() -> None:
    """30 ms chunks go out as 20 ms frames; a last part before the far end is dry."""
    rig = Rig(cushion_s=0.0)
    rig.out.speak(tone(440, 0.03, 8000))
    await asyncio.sleep(0.001)
    assert [count for _, count in rig.audio()] == [160]

    await asyncio.sleep(1)

    (_, first), (late_s, rest) = rig.audio()
    assert (first, rest) == (160, 80)
    assert late_s < 0.02


async def test_speech_that_is_sent_as_it_comes_is_booked_when_somebody_asks() -> None:
    """Whenever they do; and speech goes on."""
    rig = Rig()
    for frame in range(1, 101):
        playback = rig.out.speak(tone(440, 0.02, 8000))
        await asyncio.sleep(0.02)
        if frame in (1, 30, 31, 50):
            # 60 ms of silence were before it.
            played_s = 0.02 * frame - 0.06
            assert playback.so_far().at_most_samples == max(0, round(8000 * played_s))

    heard = rig.out.interrupt()

    # What is on its way to be cleared may be played before that.
    assert 14_000 < heard.samples < 15_520 <= heard.at_most_samples <= 16_000
    assert sum(count for _, count in rig.audio()) == 8000 * 2 + 480
    assert rig.metrics.frames_sent == 101
    assert rig.out.underruns == 0


async def test_playbacks_follow_each_other() -> None:
    """What `speak` left open ends where the next begins."""
    rig = Rig()
    rig.out.speak(tone(440, 0.1, 8000))
    rig.play(tone(880, 0.1, 8000), "second")
    rig.play(silence(0), "mark")

    await asyncio.sleep(3)

    assert [each.name for each in rig.played] == ["second", "mark"]
    assert [each.heard.samples for each in rig.played] == [800, 0]
    assert all(each.heard.complete for each in rig.played)


async def test_an_ack_settles_a_playback() -> None:
    """And says that it is confirmed."""
    rig = Rig()
    playback = rig.play(tone(440, 0.1, 8000), "greeting")
    await asyncio.sleep(0.12)

    rig.out.acknowledge(rig.checkpoints()[-1])

    heard = await playback.done()
    assert (heard.samples, heard.certainty) == (800, Certainty.CONFIRMED)
    assert rig.checkpoints()[-1].endswith(".greeting")


@pytest.mark.parametrize("acks_before", [True, False])
async def test_an_ack_that_never_comes_only_delays(*, acks_before: bool) -> None:
    """Then the models say when it was over, and how sure that is."""
    rig = Rig()
    playback = rig.play(tone(440, 1.0, 8000))
    await asyncio.sleep(0.05)
    if acks_before:
        rig.out.acknowledge(rig.checkpoints()[0])

    heard = await playback.done()

    assert asyncio.get_running_loop().time() < 2.0
    expected = Certainty.BOUNDED if acks_before else Certainty.ESTIMATED
    assert (heard.complete, heard.certainty) == (True, expected)


async def test_a_stale_ack_changes_nothing() -> None:
    """It came after the clear, or twice, or is nobody's."""
    rig = Rig()
    rig.play(tone(440, 1.0, 8000))
    await asyncio.sleep(0.3)
    old = rig.checkpoints()[0]
    rig.out.interrupt()
    playback = rig.play(tone(440, 1.0, 8000))

    for name in (old, old, "nobody's"):
        rig.out.acknowledge(name)

    assert rig.metrics.stale_acks == 3
    assert not playback.is_settled


async def test_an_interruption_is_heard_within_the_lead() -> None:
    """Nothing is sent after it, and what was heard is known within the lead."""
    rig = Rig()
    playback = rig.play(tone(440, 5.0, 8000), "long")
    other = rig.play(tone(440, 5.0, 8000), "next")
    await asyncio.sleep(1.0)

    heard = rig.out.interrupt()
    await asyncio.sleep(1.0)

    assert isinstance(rig.sent[-1][1], ClearAudio)
    assert heard == (await playback.done())
    assert heard.samples <= 8000 <= heard.at_most_samples
    assert not heard.complete
    assert (await other.done()).at_most_samples == 0
    assert [each.name for each in rig.played] == ["long", "next"]
    assert rig.out.queued_s == 0


async def test_interrupting_silence_sends_nothing() -> None:
    """There is nothing to clear, and all of nothing was heard."""
    rig = Rig()

    heard = rig.out.interrupt()

    assert rig.sent == []
    assert (heard.samples, heard.complete) == (0, True)


async def test_speech_after_an_interruption_is_paced_anew() -> None:
    """With a full lead, and no click of the old speech."""
    rig = Rig()
    rig.play(tone(440, 5.0, 8000))
    await asyncio.sleep(1.0)
    rig.out.interrupt()
    before = len(rig.audio())

    rig.play(tone(440, 1.0, 8000))

    assert len(rig.audio()) - before == 8


async def test_a_blocked_link_keeps_speech_back() -> None:
    """When it reads again, the lead is sent at once."""
    rig = Rig()
    rig.out.is_blocked = True
    rig.play(tone(440, 1.0, 8000))
    await asyncio.sleep(1)
    assert rig.audio() == []

    rig.out.is_blocked = False
    rig.out.pump()

    assert len(rig.audio()) == 8


async def test_room_is_made_as_speech_is_sent() -> None:
    """Who has queued too much waits until it is less."""
    rig = Rig(queue_s=0.5)
    playback = rig.out.speak(tone(440, 2.0, 8000))
    assert rig.out.is_full(playback)

    await rig.out.room(playback)

    assert asyncio.get_running_loop().time() == pytest.approx(1.34, abs=0.03)
    assert playback.queued_samples <= 4000


async def test_an_interruption_frees_who_waits_for_room() -> None:
    """Their speech is gone; they may go on."""
    rig = Rig(queue_s=0.5)
    waiting = asyncio.ensure_future(rig.out.room(rig.out.speak(tone(440, 60.0, 8000))))
    await asyncio.sleep(0.1)

    rig.out.interrupt()

    await asyncio.wait_for(waiting, 0.1)


async def test_a_bot_may_fill_the_same_array_again() -> None:
    """What was said is what was in it then."""
    rig = Rig()
    buffer = np.zeros(160, np.int16)
    for value in (1, 2, 3):
        buffer[:] = value
        rig.out.speak(buffer)
    await asyncio.sleep(0.1)

    payloads = [m.media.payload for _, m in rig.sent if isinstance(m, PlayAudio)]
    assert [payload[0] for payload in payloads] == [0, 1, 2, 3]


async def test_what_waits_here_outlives_the_far_end() -> None:
    """Only what the far end held is lost; what was heard of it is not overstated."""
    rig = Rig()
    playback = rig.play(tone(440, 5.0, 8000), "long")
    await asyncio.sleep(1.0)
    rig.out.is_blocked = True
    rig.out.far_queue_lost()
    await asyncio.sleep(1.0)
    assert not playback.is_settled

    rig.out.is_blocked = False
    rig.out.pump()
    heard = await playback.done()

    lost = 40_000 - heard.samples
    assert 0 < lost < 8000 * 0.4
    assert not heard.complete


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"lead_s": 0.05}, "lead_s: 0.05, allowed are 0.06 to 0.4"),
        ({"lead_s": 0.5}, "lead_s"),
        ({"cushion_s": 0.2}, "cushion_s: 0.2, allowed are 0"),
        ({"queue_s": 0.0}, "queue_s: 0.0, allowed is more than 0"),
    ],
    ids=str,
)
def test_options_have_limits(options: dict[str, float], what: str) -> None:
    """And say them."""
    with pytest.raises(ConfigError, match=what):
        PlaybackOptions(**options)


# ------------------------------------------------------------------ running speech


async def running(rig: Rig, frames: int = 10) -> Playback:
    """A bot that answers in time: 100 ms at once, and then each frame as it is due."""
    rig.run()
    playback = rig.out.speak(tone(440, 0.1, 8000))
    for _ in range(frames):
        await asyncio.sleep(0.02)
        frame = tone(440, 0.02, 8000)
        assert rig.out.speak_on(frame) or rig.out.speak(frame) is playback
    return playback


async def test_running_speech_goes_the_short_way_and_is_booked_all_the_same() -> None:
    """What was heard of it, and where it lies in the stream."""
    rig = Rig()
    playback = await running(rig)
    assert len(rig.audio()) == 15
    await asyncio.sleep(0.5)

    heard = playback.so_far()

    assert heard.samples == heard.at_most_samples == 8000 * 3 // 10
    assert rig.metrics.frames_sent == 15
    assert rig.out.underruns == 0


async def test_a_frame_of_another_length_goes_the_long_way() -> None:
    """And the next runs again."""
    rig = Rig()
    playback = await running(rig, 3)
    await asyncio.sleep(0.02)
    assert not rig.out.speak_on(tone(440, 0.03, 8000))
    assert rig.out.speak(tone(440, 0.03, 8000)) is playback
    await asyncio.sleep(0.05)
    assert rig.out.speak(tone(440, 0.01, 8000)) is playback
    await asyncio.sleep(0.02)

    assert rig.out.speak_on(tone(440, 0.02, 8000))
    assert sum(count for _, count in rig.audio()) == 800 + 3 * 160 + 240 + 80 + 160


async def test_late_frames_run_on_while_the_far_end_has_some() -> None:
    """One of the ledger's models may be dry by then; after a pause both are."""
    rig = Rig()
    await running(rig, 3)
    await asyncio.sleep(0.1)
    assert rig.out.speak_on(tone(440, 0.02, 8000))
    await asyncio.sleep(0.2)

    assert not rig.out.speak_on(tone(440, 0.02, 8000))


@pytest.mark.parametrize("what", ["blocked", "interrupted", "another", "let go"])
async def test_nothing_runs_on_beyond(what: str) -> None:
    """Whatever comes in between."""
    rig = Rig()
    await running(rig, 3)
    await asyncio.sleep(0.02)
    match what:
        case "blocked":
            rig.out.is_blocked = True
        case "interrupted":
            rig.out.interrupt()
        case "another":
            rig.out.new("another")
        case "let go":
            rig.out.let_go()
    sent = len(rig.audio())

    assert not rig.out.speak_on(tone(440, 0.02, 8000))

    assert len(rig.audio()) == sent


async def test_running_speech_is_checkpointed_every_second() -> None:
    """As all speech is."""
    rig = Rig()
    await running(rig, 150)

    assert len(rig.checkpoints()) == 4
