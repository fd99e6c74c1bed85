"""What takes over a call that its bot has failed in; in virtual time."""

import asyncio
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bridge import Call
from bridge.audio import files
from bridge.audio.pcm import silence
from bridge.audio.tones import tone
from bridge.call.bot import Answer, InService
from bridge.call.fallback import fallback, with_fallback
from bridge.call.options import CallOptions
from bridge.errors import ConfigError, UnavailableError
from tests.fakes.far_end import FarEnd, calling

SORRY = tone(500, 0.4, 16000)


async def fails(call: Call) -> None:
    """Says something long, and breaks in the middle of it."""
    call.play(tone(300, 5.0, 16000))
    async for _frame in call.listen():
        raise ValueError("a bug")


async def stays(call: Call) -> None:
    call.play(SORRY)
    async for _frame in call.listen():
        pass


BOTS = {"stays": InService.of("stays", stays)}


@pytest.fixture
def sorry(tmp_path: Path) -> Path:
    path = tmp_path / "sorry.wav"
    files.write(path, SORRY, 16000)
    return path


async def failing(take_over: Answer, seconds: float, mpc: Any = None) -> FarEnd:
    """Let a bot fail at once; return what the caller has met after some seconds."""
    async with calling(fails) as far_end:
        session = far_end.session
        session._bot = dataclasses.replace(session._bot, fallback=take_over)
        session.call.mpc = mpc
        await far_end.talk(silence(int(8000 * seconds)))
    return far_end


def loudness(far_end: FarEnd, hz: float) -> float:
    """How much of a tone the caller has heard, in seconds."""
    heard = far_end.all_heard().astype(np.float64)
    seconds = np.arange(len(heard)) / 8000
    power = abs(np.sum(heard * np.exp(-2j * np.pi * hz * seconds)))
    full = abs(np.sum(tone(hz, 1.0, 8000) * np.exp(-2j * np.pi * hz * seconds[:8000])))
    return float(power / full)


async def test_an_apology_is_played_and_the_call_ends(sorry: Path) -> None:
    """What the bot had queued is dropped; the caller hears the file, to its end."""
    far_end = await failing(fallback(str(sorry), {}, 16000), 3.0)
    assert 0.35 < loudness(far_end, 500) < 0.45
    assert loudness(far_end, 300) < 0.4
    assert far_end.closed == (1000, "the fallback finished")
    assert far_end.metrics.fallbacks == {"fails": 1}
    assert far_end.metrics.bot_errors == {"fails": 1}


async def test_another_bot_takes_over() -> None:
    """For as long as it wishes."""
    far_end = await failing(fallback("bot:stays", BOTS, 16000), 3.0)
    assert loudness(far_end, 500) > 0.35
    assert far_end.closed == (1000, "the test is over")


class Mpc:
    """A Multiparty Call that writes down what is asked of it."""

    def __init__(self, outcome: bool | Exception) -> None:
        self.asked: list[tuple[str, str]] = []
        self._outcome = outcome

    async def transfer(self, *, to: str, sender: str) -> bool:
        self.asked.append((to, sender))
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome


async def test_steps_are_gone_through_one_by_one(sorry: Path) -> None:
    """First the apology, then the person; if none comes, the next step."""
    steps = f"{sorry}, transfer:+15550100, bot:stays"
    mpc = Mpc(False)
    far_end = await failing(fallback(steps, BOTS, 16000, "+15550199"), 3.0, mpc)
    assert mpc.asked == [("+15550100", "+15550199")]
    assert loudness(far_end, 500) > 0.7
    assert far_end.closed == (1000, "the test is over")


@pytest.mark.parametrize(
    "mpc", [None, Mpc(UnavailableError("transfer", 503, "down"))], ids=["none", "down"]
)
async def test_a_transfer_that_fails_is_told(
    mpc: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """In the log; the call ends in order."""
    take_over = fallback("transfer:+15550100", {}, 16000, "+2")
    far_end = await failing(take_over, 1.0, mpc)
    assert "no transfer to +15550100: " in caplog.text
    assert far_end.closed == (1000, "the fallback finished")


async def test_a_fallback_that_fails_ends_the_call() -> None:
    """As the bot would have."""
    far_end = await failing(fails, 2.0)
    assert far_end.closed == (1011, "the bot failed")
    assert far_end.metrics.bot_errors == {"fails": 1}


async def test_who_has_hung_up_needs_none(sorry: Path) -> None:
    """A bot that fails in its farewell is only counted."""

    async def too_late(call: Call) -> None:
        async for _frame in call.listen():
            pass
        raise ValueError("a bug")

    async with calling(too_late, options=CallOptions()) as far_end:
        session = far_end.session
        take_over = fallback(str(sorry), {}, 16000)
        session._bot = dataclasses.replace(session._bot, fallback=take_over)
        await far_end.talk(silence(800))
    assert far_end.metrics.bot_errors == {"too_late": 1}
    assert not far_end.metrics.fallbacks


async def test_the_last_resort_is_reached_whatever_fails_before(sorry: Path) -> None:
    """A step that raises is logged, and the next one comes."""
    bots = {"fails": InService.of("fails", fails)}
    far_end = await failing(fallback(f"bot:fails, {sorry}", bots, 16000), 3.0)
    assert loudness(far_end, 500) > 0.35
    assert far_end.closed == (1000, "the fallback finished")


class Slow(Mpc):
    """A person who takes their time."""

    async def transfer(self, *, to: str, sender: str) -> bool:
        await asyncio.sleep(20)
        return await super().transfer(to=to, sender=sender)


async def test_a_transfer_may_take_longer_than_a_bot_may_hang() -> None:
    """Once the person is there, the agent leaves."""
    mpc = Slow(True)
    async with calling(fails, options=CallOptions(bot_timeout_s=5)) as far_end:
        session = far_end.session
        take_over = fallback("transfer:+15550100", {}, 16000, "+2")
        session._bot = dataclasses.replace(session._bot, fallback=take_over)
        session.call.mpc = mpc  # type: ignore[assignment]
        await far_end.talk(tone(300, 30.0, 8000))
    assert mpc.asked == [("+15550100", "+2")]
    assert far_end.closed == (1000, "hung up by the bot")


async def test_who_listened_for_the_bot_robs_nobody(sorry: Path) -> None:
    """A task that it left behind gets nothing any more; old speech is stale."""

    async def leaves_a_reader(call: Call) -> None:
        left.append(asyncio.ensure_future(anext(aiter(call.listen()))))
        await asyncio.sleep(0.5)
        left.append(asyncio.ensure_future(anext(aiter(call.listen()))))
        raise ValueError("a bug")

    async def counts(call: Call) -> None:
        async for _frame in call.listen():
            heard.append(1)

    left: list[asyncio.Future[Any]] = []
    heard: list[int] = []
    async with calling(leaves_a_reader) as far_end:
        session = far_end.session
        session._bot = dataclasses.replace(session._bot, fallback=counts)
        await far_end.talk(tone(300, 2.0, 8000))
    assert 70 <= len(heard) <= 80
    assert not far_end.metrics.bot_errors["fallback"]
    await asyncio.wait(left)


@pytest.mark.parametrize(
    ("steps", "what"),
    [
        ("nothing.wav", "cannot read audio from nothing.wav"),
        ("bot:nobody", "no bot 'nobody'; there are stays"),
        ("transfer:+15550100", "needs fallback_from"),
        (" , ", "no step"),
    ],
)
def test_what_cannot_work_is_told_before_a_call(steps: str, what: str) -> None:
    """Not when all else has failed."""
    with pytest.raises(ConfigError, match=what):
        fallback(steps, BOTS, 16000)


def test_where_nothing_can_be_transferred_it_is_told_at_once() -> None:
    """Without credentials; and a number that is none."""
    options = CallOptions(fallback="transfer:+15550100", fallback_from="+2")
    with pytest.raises(ConfigError, match="needs PLIVO_AUTH_ID"):
        with_fallback(BOTS, options, has_account=False)
    assert with_fallback(BOTS, options, has_account=True)["stays"].fallback
    with pytest.raises(ConfigError, match="allowed are"):
        fallback("transfer:+1555xyz", {}, 16000, "+2")


def test_a_bot_at_another_rate_cannot_stand_in() -> None:
    """A call's audio keeps its rate."""
    with pytest.raises(ConfigError, match=r"16000 Hz, allowed is 8000 Hz"):
        fallback("bot:stays", BOTS, 8000)
