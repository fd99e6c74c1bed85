"""Upgrades, beginnings, ends and returns of a stream."""

from bridge.conformance.findings import (
    Basis,
    Fate,
    Finding,
    Outcome,
    Scene,
    fate_of,
    judged,
)
from bridge.conformance.kit import SETTLE_S, Kit, Scenario, Voice
from bridge.conformance.opening import CLOSE_S, Manners, NoCallError

__all__ = ["SCENARIOS"]

SUBPROTOCOL = "audio.drachtio.org"

FORBIDDEN = (401, 403)

SIGNATURES = {
    "X-Plivo-Signature-V3": "JFIKTwSFx4VWZn0lZMOEwwSb7MW2qFJ4lv6s/1XhcfA=",
    "X-Plivo-Signature-Ma-V3": "JFIKTwSFx4VWZn0lZMOEwwSb7MW2qFJ4lv6s/1XhcfA=",
    "X-Plivo-Signature-V3-Nonce": "12345",
}

# 4 KB: what proxies add, and below the 8 KB that servers commonly allow.
LARGE_HEADERS = {f"X-Conformance-{number}": "x" * 180 for number in range(20)}


async def _subprotocol_offered(kit: Kit, scene: Scene) -> Finding:
    async with kit.calling(Manners(subprotocols=(SUBPROTOCOL,))) as far:
        fate, seen = await kit.fate(far)
        chosen = far.connection.subprotocol
    return judged(scene, fate, f"{'chose it' if chosen else 'chose none'}, and {seen}")


async def _subprotocol_not_offered(kit: Kit, scene: Scene) -> Finding:
    async with kit.calling() as far:
        fate, seen = await kit.fate(far)
    return judged(scene, fate, seen)


async def _signature_headers(kit: Kit, scene: Scene) -> Finding:
    try:
        async with kit.calling(Manners(headers=SIGNATURES)) as far:
            fate, seen = await kit.fate(far)
    except NoCallError as refusal:
        if refusal.status not in FORBIDDEN:
            raise
        seen = f"{refusal}: it checks signatures, and ours is made up"
        return Finding.of(scene, Outcome.UNDOCUMENTED, seen)
    return judged(scene, fate, seen)


async def _large_headers(kit: Kit, scene: Scene) -> Finding:
    try:
        async with kit.calling(Manners(headers=LARGE_HEADERS)) as far:
            fate, seen = await kit.fate(far)
    except NoCallError as refusal:
        return Finding.of(scene, Outcome.UNDOCUMENTED, str(refusal))
    return judged(scene, fate, seen)


async def _media_before_start(kit: Kit, scene: Scene) -> Finding:
    async with kit.connecting() as far:
        await far.talk(SETTLE_S)
        await far.send(far.make.start())
        fate, seen = await kit.fate(far)
    return judged(scene, fate, seen)


async def _stop(kit: Kit, scene: Scene) -> Finding:
    async with kit.calling() as far:
        await far.send(far.make.any("stop"))
        is_left_open = not await far.is_over_within(kit.patience_s / 2)
        await far.hang_up()
    if is_left_open or far.end is None:
        return judged(scene, Fate.OPEN, "left the close to us")
    return judged(scene, *fate_of(far.end))


async def _reconnect_without_start(kit: Kit, scene: Scene) -> Finding:
    async with kit.calling() as far:
        await far.drop()
    async with kit.connecting(Manners(stream_id=far.make.stream_id)) as again:
        is_echoed = await again.echoes(kit.patience_s / 2)
    if again.end is not None and not again.is_ours:
        return judged(scene, *fate_of(again.end))
    if is_echoed or (kit.voice is Voice.SPEAKS and again.heard):
        return judged(scene, Fate.ANSWERS, "answered on the new socket")
    return judged(scene, Fate.OPEN, "stayed open, and answered nothing")


async def _reconnect_with_start(kit: Kit, scene: Scene) -> Finding:
    async with kit.calling() as far:
        await far.drop()
    async with kit.calling(Manners(stream_id=far.make.stream_id)) as again:
        fate, seen = await kit.fate(again)
    return judged(scene, fate, seen)


async def _abrupt_drop(kit: Kit, scene: Scene) -> Finding:
    async with kit.calling() as far:
        await far.talk(SETTLE_S)
        await far.drop()
    problem = await kit.new_call_problem()
    if problem:
        return Finding.of(scene, Outcome.FAIL, f"the next call failed: {problem}")
    return Finding.of(scene, Outcome.PASS, "took the next call")


async def _ping(kit: Kit, scene: Scene) -> Finding:
    async with kit.calling() as far:
        is_answered = await far.pings()
        fate, seen = await kit.fate(far)
    if not is_answered and fate is not Fate.CRASHED:
        return Finding.of(scene, Outcome.FAIL, f"sent no pong in {CLOSE_S:g} s")
    return judged(scene, fate, f"sent a pong, and {seen}" if is_answered else seen)


async def _close(kit: Kit, scene: Scene) -> Finding:
    async with kit.calling() as far:
        await far.hang_up()
    if far.end is None or far.end.rcvd is None:
        return Finding.of(scene, Outcome.FAIL, f"sent no close in {CLOSE_S:g} s")
    return judged(scene, *fate_of(far.end))


SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        Scene(
            "sub-protocol-offered",
            Basis.NOWHERE,
            f"chooses {SUBPROTOCOL}: one user reports that Plivo hangs up otherwise",
        ),
        _subprotocol_offered,
    ),
    Scenario(
        Scene(
            "sub-protocol-not-offered",
            Basis.DOCUMENTED,
            "agrees to no sub-protocol where none is offered (RFC 6455, 4.2.2)",
        ),
        _subprotocol_not_offered,
    ),
    Scenario(
        Scene(
            "signature-headers",
            Basis.DOCUMENTED,
            "takes upgrades with X-Plivo-Signature-V3, or refuses a wrong one",
        ),
        _signature_headers,
    ),
    Scenario(
        Scene(
            "large-upgrade-headers",
            Basis.NOWHERE,
            "takes 4 KB of headers, as proxies on the way may add",
        ),
        _large_headers,
    ),
    Scenario(
        Scene(
            "media-before-start",
            Basis.NOWHERE,
            "drops it, and takes the start that comes, at best",
        ),
        _media_before_start,
    ),
    Scenario(
        Scene(
            "stop-event",
            Basis.DOCUMENTED,
            "ends in order or waits for our close: sources dispute that stop exists",
            may_end=True,
        ),
        _stop,
    ),
    Scenario(
        Scene(
            "reconnect-without-start",
            Basis.NOWHERE,
            "resumes the call, at best: one user saw Plivo come back so",
        ),
        _reconnect_without_start,
    ),
    Scenario(
        Scene(
            "reconnect-with-start",
            Basis.DOCUMENTED,
            "takes the call again: every stream begins with its start",
        ),
        _reconnect_with_start,
    ),
    Scenario(
        Scene(
            "abrupt-drop",
            Basis.DOCUMENTED,
            "takes the next call: Plivo's test client ends with no close frame",
        ),
        _abrupt_drop,
    ),
    Scenario(
        Scene(
            "ping-answered", Basis.DOCUMENTED, "answers with a pong (RFC 6455, 5.5.2)"
        ),
        _ping,
    ),
    Scenario(
        Scene(
            "close-answered",
            Basis.DOCUMENTED,
            "answers a close with a close (RFC 6455, 5.5.1)",
            may_end=True,
        ),
        _close,
    ),
)
