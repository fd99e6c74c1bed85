"""The whole kit, run against one address."""

import asyncio
import dataclasses
import difflib
from collections.abc import Collection, Mapping

from bridge.conformance import connection, flow, malformed, variants
from bridge.conformance.findings import Finding, Outcome, Scene
from bridge.conformance.kit import Kit, Scenario, tried
from bridge.conformance.plain import PLAIN, plain_call
from bridge.conformance.sent import SENT_SCENES, sent_findings
from bridge.errors import ConfigError
from bridge.stream.content_type import DEFAULT_CONTENT_TYPE, ContentType

__all__ = ["SCENARIO_NAMES", "conform"]

GROUPS: tuple[tuple[Scenario, ...], ...] = (
    connection.SCENARIOS,
    variants.SCENARIOS,
    flow.SCENARIOS,
    malformed.SCENARIOS,
)
"""One after another, the harshest last: a server that dies takes few along."""

SCENARIO_NAMES = (
    PLAIN.name,
    *SENT_SCENES,
    *(scenario.scene.name for group in GROUPS for scenario in group),
)
"""Every scenario, in the order of the report."""

AT_ONCE = 6
"""So many scenarios run at a time; each has one stream open, for a moment two."""

SECOND_CHANCE_S = 1.0
"""A server that takes no call twice, so long apart, is given up."""


async def conform(
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    only: Collection[str] = (),
    timeout_s: float = 3.0,
    content_type: ContentType = DEFAULT_CONTENT_TYPE,
) -> list[Finding]:
    """Try a server of Plivo's audio streams; no other address is spoken to.

    Args:
        url: The server's, `ws://` or `wss://`.
        headers: More headers of every upgrade.
        only: Names of scenarios; none are all. The plain call is made in any case.
        timeout_s: How long the server may take to answer what it hears.
        content_type: What the streams carry.

    Raises:
        ConfigError: If a name in `only` is no scenario's.
    """
    for name in only:
        if name not in SCENARIO_NAMES:
            close = difflib.get_close_matches(name, SCENARIO_NAMES, 3)
            hint = ", ".join(close or SCENARIO_NAMES)
            raise ConfigError(f"no scenario {name!r}; there are {hint}")
    wanted = set(only or SCENARIO_NAMES)
    kit = Kit(url, headers or {}, content_type, timeout_s)
    plain = await plain_call(kit)
    kit.voice = plain.voice
    findings = [plain.finding]
    run = _Run(kit)
    if plain.evidence is None:
        run.why_not = "there was no plain call"
        findings += [_skipped(scene, run.why_not) for scene in SENT_SCENES.values()]
    else:
        findings += sent_findings(plain.evidence)
    for group in GROUPS:
        chosen = [each for each in group if each.scene.name in wanted]
        findings += await run.all_of(chosen)
    # That no call could be made is told whatever was asked for.
    wanted |= {PLAIN.name} if plain.evidence is None else set()
    return [each for each in findings if each.scenario in wanted]


def _skipped(scene: Scene, why: str) -> Finding:
    return Finding.of(scene, Outcome.SKIPPED, why)


class _Run:
    """Scenarios, some at a time, until the server is gone."""

    def __init__(self, kit: Kit) -> None:
        self.why_not = ""
        """Why nothing more can be tried; empty while it can."""
        self._kit = kit
        self._places = asyncio.Semaphore(AT_ONCE)
        self._under_way: set[str] = set()

    async def all_of(self, scenarios: list[Scenario]) -> list[Finding]:
        """Run them; the findings are in their order."""
        return await asyncio.gather(*(self._one(each) for each in scenarios))

    async def _one(self, scenario: Scenario) -> Finding:
        name = scenario.scene.name
        async with self._places:
            if self.why_not:
                return _skipped(scenario.scene, self.why_not)
            self._under_way.add(name)
            finding, takes_calls = await tried(self._kit, scenario)
            if not takes_calls:
                finding = await self._second_chance(finding)
            self._under_way.discard(name)
            return finding

    async def _second_chance(self, finding: Finding) -> Finding:
        """Try once more to call, later; give the server up if that fails, too."""
        others = ", ".join(sorted(self._under_way - {finding.scenario}))
        await asyncio.sleep(SECOND_CHANCE_S)
        if await self._kit.new_call_problem():
            self.why_not = "the server takes no calls any more"
        if not others:
            return finding
        return dataclasses.replace(finding, seen=f"{finding.seen}; meanwhile: {others}")
