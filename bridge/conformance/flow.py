"""Audio out of order, late, early and unread; acknowledgements unasked and unsent."""

from bridge.conformance.far_end import FarEnd
from bridge.conformance.findings import Basis, Fate, Finding, Outcome, Scene, judged
from bridge.conformance.kit import Kit, Scenario, Voice, misbehaving
from bridge.conformance.opening import Manners
from bridge.conformance.sent import MOST_AHEAD_S
from bridge.conformance.sound import has_tone

__all__ = ["SCENARIOS"]

PAUSE_S = 2.0
UNREAD_S = 3.0
BURST_FRAMES = 50
MISSING_FRAMES = 10
OTHER_FRAMES = 5

TALK_HZ = 300
"""Of the caller who talks while something is tried; no probe has this tone."""

OTHER_STREAM = "00000000-0000-4000-8000-000000000000"


async def _missing_chunks(far: FarEnd) -> None:
    for _ in range(MISSING_FRAMES):
        far.make.tone()


async def _repeated_chunk(far: FarEnd) -> None:
    message = far.make.tone()
    await far.send(message)
    await far.send(message)


async def _out_of_order_chunk(far: FarEnd) -> None:
    first, second = far.make.tone(), far.make.tone()
    await far.send(second)
    await far.send(first)


async def _second_start(far: FarEnd) -> None:
    await far.send(far.make.start())


async def _pause(far: FarEnd) -> None:
    await far.is_over_within(PAUSE_S)


async def _burst(far: FarEnd) -> None:
    for _ in range(BURST_FRAMES):
        await far.send(far.make.tone())


async def _unknown_checkpoint(far: FarEnd) -> None:
    await far.send(far.make.any("playedStream", name="never sent"))


async def _cleared_unasked(far: FarEnd) -> None:
    await far.send(far.make.any("clearedAudio"))


async def _other_stream(kit: Kit, scene: Scene) -> Finding:
    async with kit.calling() as far:
        for _ in range(OTHER_FRAMES):
            await far.send({**far.make.tone(TALK_HZ), "streamId": OTHER_STREAM})
        fate, seen = await kit.fate(far)
    if kit.voice is Voice.ECHOES and fate is Fate.ANSWERS:
        is_played = has_tone(far.heard, TALK_HZ)
        seen = f"{'played' if is_played else 'passed over'} the other's media; {seen}"
    return judged(scene, fate, seen)


async def _acks_never_sent(kit: Kit, scene: Scene) -> Finding:
    async with kit.calling(Manners(acks=False)) as far:
        await far.talk(UNREAD_S, TALK_HZ)
        count = far.counts["Checkpoint"]
        fate, seen = await kit.fate(far)
    if not count and fate in (Fate.ANSWERS, Fate.OPEN):
        return Finding.of(scene, Outcome.SKIPPED, "the server sent no checkpoint")
    return judged(scene, fate, f"{seen}, with {count} checkpoints unacknowledged")


async def _clear_drops_acks(kit: Kit, scene: Scene) -> Finding:
    async with kit.calling() as far:
        # A caller who talks, is quiet, and talks again, is what bots clear for.
        for hz in (TALK_HZ, 0, TALK_HZ):
            await far.talk(0.6, hz)
        dropped = far.queue.dropped_acks
        fate, seen = await kit.fate(far)
    if not dropped and fate in (Fate.ANSWERS, Fate.OPEN):
        seen = "the server sent no clearAudio while a checkpoint was pending"
        return Finding.of(scene, Outcome.SKIPPED, seen)
    return judged(scene, fate, f"{seen}, {dropped} acknowledgements dropped")


async def _slow_reader(kit: Kit, scene: Scene) -> Finding:
    async with kit.calling(Manners(has_small_buffer=True)) as far:
        far.stop_reading()
        await far.talk(UNREAD_S, TALK_HZ)
        far.read_on()
        fate, seen = await kit.fate(far)
        ahead_s = far.queue.most_ahead_s
    seen = f"{seen}; at most {ahead_s:.1f} s of audio came at once"
    if ahead_s > MOST_AHEAD_S:
        return Finding.of(scene, Outcome.FAIL, seen)
    return judged(scene, fate, seen)


SCENARIOS: tuple[Scenario, ...] = (
    misbehaving(
        Scene("missing-chunks", Basis.NOWHERE, "goes on when frames are lost, at best"),
        _missing_chunks,
    ),
    misbehaving(
        Scene("repeated-chunk", Basis.NOWHERE, "goes on when a frame comes twice"),
        _repeated_chunk,
    ),
    misbehaving(
        Scene("out-of-order-chunk", Basis.NOWHERE, "goes on when two frames swap"),
        _out_of_order_chunk,
    ),
    misbehaving(
        Scene(
            "second-start",
            Basis.NOWHERE,
            "passes a second start over, at best: one comes, once",
        ),
        _second_start,
    ),
    Scenario(
        Scene(
            "other-stream-id",
            Basis.NOWHERE,
            "passes over media of a stream that it does not carry, at best",
        ),
        _other_stream,
    ),
    misbehaving(
        Scene(
            "pause-in-media",
            Basis.NOWHERE,
            "waits: nothing says whether frames flow while a caller is muted or held",
        ),
        _pause,
    ),
    misbehaving(
        Scene(
            "media-burst",
            Basis.OBSERVED,
            "takes a second of frames at once: networks stall and catch up",
        ),
        _burst,
    ),
    misbehaving(
        Scene(
            "unknown-checkpoint-played",
            Basis.OBSERVED,
            "passes it over: acknowledgements come late, after a clear",
        ),
        _unknown_checkpoint,
    ),
    misbehaving(
        Scene(
            "cleared-audio-unasked", Basis.NOWHERE, "passes clearedAudio over, at best"
        ),
        _cleared_unasked,
    ),
    Scenario(
        Scene(
            "acks-never-sent",
            Basis.OBSERVED,
            "goes on speaking: playedStream may never come",
        ),
        _acks_never_sent,
    ),
    Scenario(
        Scene(
            "clear-drops-acks",
            Basis.OBSERVED,
            "goes on: checkpoints pending at a clearAudio are never acknowledged",
        ),
        _clear_drops_acks,
    ),
    Scenario(
        Scene(
            "slow-reader",
            Basis.DOCUMENTED,
            "waits, and then sends no more than the 60 s that Plivo queues",
        ),
        _slow_reader,
    ),
)
