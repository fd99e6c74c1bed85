"""A LiveKit agent answers calls, over a real socket; no room, no server of theirs."""

import asyncio
import sys
from typing import Any

import pytest
from livekit.agents import Agent, AgentSession, APIError
from livekit.agents.voice.agent_session import SessionConnectOptions
from livekit.agents.voice.io import PlaybackFinishedEvent

from bridge.audio.tones import tone
from bridge.bots import registry
from bridge.bots.livekit_bot import livekit_bot
from tests.fakes.caller import calling
from tests.patience import in_real_time, until

registry.load("samples/livekit_beeps.py:bot")
sample: Any = sys.modules["livekit_beeps"]


class Made:
    """Makes a session, and notes what LiveKit is told of the audio."""

    def __init__(self, agent: type[Agent], **interruption: Any) -> None:
        self.session: AgentSession[Any]
        self.finished: list[PlaybackFinishedEvent] = []
        self._agent = agent
        self._interruption = interruption

    def __call__(self) -> tuple[AgentSession[Any], Agent]:
        self.session, _ = sample.make()
        options: Any = self.session.options.interruption
        options.update(self._interruption)
        return self.session, self._agent(instructions="")

    def is_running(self) -> bool:
        """Whether the session takes what it is told to say."""
        return "session" in vars(self) and self.session._activity is not None

    def watch(self) -> None:
        assert self.session.output.audio is not None
        self.session.output.audio.on("playback_finished", self.finished.append)


@in_real_time
async def test_the_sample_greets_and_answers() -> None:
    """Three words of greeting; then what it takes the caller to say."""
    made = Made(sample.Greeter)
    async with calling(livekit_bot(made)) as caller:
        await until(made.is_running)
        made.watch()
        await until(lambda: len(made.finished) == 1)
        assert caller.sounds() == pytest.approx(45, abs=5)
        caller.say(tone(300, 1.0, 8000))
        await until(lambda: len(made.finished) == 2)
        assert caller.server.metrics.underruns == 0

    greeting, _answer = made.finished
    assert greeting.playback_position == pytest.approx(1.2, abs=0.021)
    assert not greeting.interrupted
    roles = [message.role for message in made.session.history.messages()]
    assert roles == ["assistant", "user", "assistant"]


@in_real_time
async def test_livekit_learns_what_was_heard_when_the_caller_interrupts() -> None:
    """What the far end played, not what was sent to it."""
    made = Made(Agent, resume_false_interruption=False, min_duration=0.3)
    async with calling(livekit_bot(made)) as caller:
        await until(made.is_running)
        await asyncio.sleep(0.2)
        made.watch()
        made.session.say(" ".join(["word"] * 40))
        await until(lambda: caller.sounds() >= 50)
        caller.say(tone(300, 1.0, 8000))
        await until(lambda: made.finished)
        played_s = caller.far.played_samples / 8000
        (event,) = made.finished
        assert event.interrupted
        assert played_s - 0.2 < event.playback_position <= played_s
        sounds = caller.sounds()
        await asyncio.sleep(0.3)
        assert caller.sounds() == sounds


@in_real_time
async def test_a_pause_loses_nothing() -> None:
    """What LiveKit calls a false interruption: nothing is lost, nothing said twice."""
    made = Made(Agent)
    async with calling(livekit_bot(made)) as caller:
        await until(made.is_running)
        await asyncio.sleep(0.2)
        made.watch()
        output = made.session.output.audio
        assert output is not None
        speech = made.session.say("one two three four")
        await until(lambda: caller.sounds() >= 30)
        output.pause()
        await asyncio.sleep(0.1)
        sounds = caller.sounds()
        await asyncio.sleep(0.5)
        assert caller.sounds() == sounds
        output.resume()
        await speech
        assert caller.sounds() == pytest.approx(60, abs=8)
    assert [event.interrupted for event in made.finished] == [False]


async def test_the_agent_hangs_up_when_it_has_said_goodbye() -> None:
    """`shutdown` drains: the call ends after the last word."""
    made = Made(sample.Greeter)
    async with calling(livekit_bot(made)) as caller:
        await until(made.is_running)
        made.session.say("good bye")
        made.session.shutdown()
        await until(caller.is_over.is_set)
    assert caller.sounds() == pytest.approx(75, abs=6)


async def test_a_session_that_fails_is_a_failing_bot() -> None:
    """An error of a plugin that cannot be mended ends the call, and is counted."""

    def make() -> tuple[AgentSession[Any], Agent]:
        options = SessionConnectOptions(max_unrecoverable_errors=0)
        session: AgentSession[Any] = AgentSession(
            vad=None, tts=sample.BeepTts(), conn_options=options
        )
        return session, sample.Greeter(instructions="")

    class Mute(sample._Beeps):  # type: ignore[misc]
        async def _run(self, output_emitter: Any) -> None:
            raise APIError("no voice today", retryable=False)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sample, "_Beeps", Mute)
        async with calling(livekit_bot(make)) as caller:
            await until(caller.is_over.is_set)
    assert caller.server.metrics.bot_errors == {"bot": 1}
