"""How scenarios are run: a server, what it is known to do, and who tries it."""

import asyncio
import dataclasses
import enum
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from bridge.conformance.far_end import FarEnd, StuckError, calling
from bridge.conformance.findings import Fate, Finding, Outcome, Scene, fate_of, judged
from bridge.conformance.opening import Manners, NoCallError
from bridge.stream.content_type import ContentType

__all__ = ["Kit", "Scenario", "Voice", "misbehaving", "tried"]

SETTLE_S = 0.1
"""Of audio before something happens, so that it happens in mid-call."""

OPEN_FOR_S = 0.5
"""A stream of a silent server that is open so long after something counts as open."""

LONGEST_STEPS = 12
"""No scenario waits for the server more often than this."""


class Voice(enum.Enum):
    """What the server did in the plain call, and so what may be asked of it later."""

    ECHOES = "echoes"
    SPEAKS = "speaks"
    SILENT = "is silent"


@dataclasses.dataclass(slots=True)
class Kit:
    """One server under test."""

    url: str
    headers: Mapping[str, str]
    content_type: ContentType
    patience_s: float
    """How long one answer may take."""
    voice: Voice = Voice.SILENT

    @asynccontextmanager
    async def connecting(self, manners: Manners | None = None) -> AsyncIterator[FarEnd]:
        """Be connected while the block runs, without a `start`.

        Raises:
            NoCallError: If the server does not take the connection.
        """
        manners = manners or Manners()
        headers = {**manners.headers, **self.headers}
        dressed = dataclasses.replace(manners, headers=headers)
        async with calling(self.url, dressed, self.content_type) as far:
            yield far

    @asynccontextmanager
    async def calling(self, manners: Manners | None = None) -> AsyncIterator[FarEnd]:
        """Be in a call, a moment after its `start`, while the block runs.

        Raises:
            NoCallError: If the server does not take the connection.
        """
        async with self.connecting(manners) as far:
            await far.send(far.make.start())
            await far.talk(SETTLE_S)
            yield far

    async def fate(self, far: FarEnd) -> tuple[Fate, str]:
        """See what became of a stream: does it answer as it did in the plain call?"""
        answers = await self._answers(far)
        if far.end is not None and not far.is_ours:
            return fate_of(far.end)
        if not answers:
            return (
                Fate.DEAF,
                f"stayed open, but played nothing in {self.patience_s:g} s",
            )
        if self.voice is Voice.ECHOES:
            return Fate.ANSWERS, "went on and answered"
        return Fate.OPEN, "stayed open"

    async def _answers(self, far: FarEnd) -> bool:
        match self.voice:
            case Voice.ECHOES:
                return await far.echoes(self.patience_s)
            case Voice.SPEAKS:
                heard = await far.plays(self.patience_s)
                await far.talk(OPEN_FOR_S)
                return heard
            case Voice.SILENT:
                await far.talk(OPEN_FOR_S)
                return True

    async def new_call_problem(self) -> str:
        """Make a fresh call, and say what is wrong with it; empty if nothing is."""
        try:
            async with self.calling() as far:
                fate, seen = await self.fate(far)
        except (NoCallError, StuckError) as error:
            return f"the server {error}"
        return "" if fate in (Fate.ANSWERS, Fate.OPEN, Fate.ENDED) else f"it {seen}"


@dataclasses.dataclass(frozen=True, slots=True)
class Scenario:
    """One thing to try."""

    scene: Scene
    run: Callable[[Kit, Scene], Awaitable[Finding]]


def misbehaving(
    scene: Scene,
    act: Callable[[FarEnd], Awaitable[None]],
    manners: Manners | None = None,
) -> Scenario:
    """Make a scenario of something that happens in the middle of a call."""

    async def run(kit: Kit, scene: Scene) -> Finding:
        async with kit.calling(manners) as far:
            await act(far)
            fate, seen = await kit.fate(far)
        return judged(scene, fate, seen)

    return Scenario(scene, run)


async def tried(kit: Kit, scenario: Scenario) -> tuple[Finding, bool]:
    """Run a scenario, and then see whether the server still takes calls."""
    scene = scenario.scene
    limit_s = LONGEST_STEPS * kit.patience_s
    try:
        async with asyncio.timeout(limit_s):
            finding = await scenario.run(kit, scene)
    except (NoCallError, StuckError) as error:
        finding = Finding.of(scene, Outcome.FAIL, str(error))
    except TimeoutError:
        finding = Finding.of(scene, Outcome.FAIL, f"did not end in {limit_s:g} s")
    problem = await kit.new_call_problem()
    if not problem:
        return finding, True
    seen = f"{finding.seen}; a new call then failed: {problem}"
    return dataclasses.replace(finding, outcome=Outcome.FAIL, seen=seen), False
