"""The plain call: nothing but what Plivo does, and what the server makes of it."""

import dataclasses

from bridge.conformance.far_end import FarEnd, StuckError
from bridge.conformance.findings import (
    Basis,
    Fate,
    Finding,
    Outcome,
    Scene,
    fate_of,
    judged,
)
from bridge.conformance.kit import Kit, Voice
from bridge.conformance.opening import NoCallError
from bridge.conformance.sent import Evidence

__all__ = ["PLAIN", "PlainCall", "plain_call"]

PLAIN = Scene(
    "plain-call",
    Basis.DOCUMENTED,
    "takes start and media, and a close with 1000, without an error",
    may_end=True,
)

TALK_S = 1.0
TALK_HZ = 300


@dataclasses.dataclass(frozen=True, slots=True)
class PlainCall:
    """What a plain call showed."""

    finding: Finding
    voice: Voice
    evidence: Evidence | None
    """None where there was no call."""


async def plain_call(kit: Kit) -> PlainCall:
    """Make a plain call."""
    voice = Voice.SILENT
    try:
        async with kit.calling() as far:
            try:
                voice = await _voice(kit, far)
                await far.talk(TALK_S, TALK_HZ)
            except StuckError as error:
                return PlainCall(
                    Finding.of(PLAIN, Outcome.FAIL, f"{error}"), voice, _evidence(far)
                )
    except (NoCallError, StuckError) as error:
        return PlainCall(Finding.of(PLAIN, Outcome.FAIL, str(error)), voice, None)
    return PlainCall(_judged(far, voice), voice, _evidence(far))


async def _voice(kit: Kit, far: FarEnd) -> Voice:
    if await far.echoes(kit.patience_s):
        return Voice.ECHOES
    return Voice.SPEAKS if far.heard else Voice.SILENT


def _judged(far: FarEnd, voice: Voice) -> Finding:
    played = far.counts["PlayAudio"]
    did = f"{voice.value}: {played} playAudio" if played else voice.value
    if far.end is None:
        return judged(PLAIN, Fate.OPEN, did)
    fate, seen = fate_of(far.end)
    if far.is_ours and fate is not Fate.CRASHED:
        return judged(PLAIN, Fate.OPEN, f"{did}, and answered the close")
    return judged(PLAIN, fate, f"{did}, and {seen}")


def _evidence(far: FarEnd) -> Evidence:
    return Evidence(
        far.make.stream_id,
        far.make.content_type,
        far.received,
        far.queue.most_ahead_s,
    )
